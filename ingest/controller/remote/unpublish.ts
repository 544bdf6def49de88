import { unpublishDatabase } from '../../../api/qserv/controller/databases';
import { IngestError } from '../../core/errors';
import { refusalOf } from '../../remote/outcome';
import type { ChangeOptions, DatabaseDescriptor } from '../controller';
import { alreadyPublished, type RemoteContext } from './context';

/** Needs the administrator's key, unless the database is not published. */
export async function unpublish(
  context: RemoteContext,
  database: string,
  { mustChange = false }: ChangeOptions = {},
): Promise<DatabaseDescriptor> {
  const before = await context.requireDatabase(database);
  if (!before.isPublished) {
    if (mustChange) throw notPublished(database);
    return before;
  }
  try {
    await context.call(unpublishDatabase, { params: { database }, body: {} }, { admin: true });
  } catch (error) {
    // Another call was faster.
    if (!/is not published/.test(refusalOf(error))) throw error;
    if (mustChange) throw notPublished(database);
  }
  return context.requireDatabase(database);
}

/** Sets flags alone. Needs the administrator's key. */
export async function markPublished(context: RemoteContext, database: string): Promise<DatabaseDescriptor> {
  const { isPublished } = await context.requireDatabase(database);
  if (isPublished) throw alreadyPublished(database);
  await context.call(unpublishDatabase, { params: { database }, body: { publish: 1 } }, { admin: true });
  return context.requireDatabase(database);
}

function notPublished(database: string): IngestError {
  return new IngestError('ILLEGAL_STATE', `database '${database}' is not published`, { database });
}
