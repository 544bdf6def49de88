import { buildDirectorIndex as endpoint } from '../../../api/qserv/controller/director-index';
import { toBit } from '../../../api/qserv/fields';
import { IngestError, invalidInput } from '../../core/errors';
import { DUMMY_CHUNK } from '../../core/names';
import { isCode } from '../../remote/outcome';
import type { DirectorIndexOptions, DirectorIndexReport } from '../controller';
import { chunks } from './chunks';
import type { RemoteContext } from './context';

/** How many rows there are is not told (capability reports). */
export async function buildDirectorIndex(
  context: RemoteContext,
  database: string,
  table: string,
  { rebuild = false, unique }: DirectorIndexOptions = {},
): Promise<DirectorIndexReport> {
  const { definition, isPublished } = await context.requireTable(database, table);
  if (definition.kind !== 'director') {
    throw invalidInput(`table ${table}`, [
      { path: 'table', message: `'${database}.${table}' is not a director table` },
    ]);
  }
  if (!isPublished) {
    const message = `the director table '${database}.${table}' is not published`;
    throw new IngestError('ILLEGAL_STATE', message, { database, table });
  }
  const options = { rebuild: toBit(rebuild), ...(unique === undefined ? {} : { unique_primary_key: toBit(unique) }) };
  try {
    await context.call(endpoint, { body: { database, director_table: table, ...options } }, { long: true });
  } catch (error) {
    if (!isCode(error, 'ALREADY_EXISTS')) throw error;
    const message = `table '${database}.${table}' has a director index: use rebuild to replace it`;
    throw new IngestError('ALREADY_EXISTS', message, { database, table });
  }
  const all = (await chunks(context, database)).map(({ chunk }) => chunk).filter((chunk) => chunk !== DUMMY_CHUNK);
  return { chunks: new Set(all).size, rows: 0 };
}
