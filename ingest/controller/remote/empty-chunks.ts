import { rebuildEmptyChunks as endpoint, fromWireEmptyChunks } from '../../../api/qserv/controller/empty-chunks';
import { toBit } from '../../../api/qserv/fields';
import { IngestError } from '../../core/errors';
import { isCode } from '../../remote/outcome';
import type { EmptyChunksReport } from '../controller';
import type { RemoteContext } from './context';

export async function rebuildEmptyChunks(
  context: RemoteContext,
  database: string,
  force = false,
): Promise<EmptyChunksReport> {
  try {
    return fromWireEmptyChunks(
      await context.call(endpoint, { body: { database, force: toBit(force) } }, { long: true }),
    );
  } catch (error) {
    if (!isCode(error, 'ALREADY_EXISTS')) throw error;
    const message = `the database '${database}' has a list of empty chunks: use force to replace it`;
    throw new IngestError('ALREADY_EXISTS', message, { database });
  }
}
