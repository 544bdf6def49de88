import { deleteDatabase as databaseEndpoint } from '../../../api/qserv/controller/databases';
import { deleteTable as tableEndpoint } from '../../../api/qserv/controller/tables';
import { isCode, refusalOf } from '../../remote/outcome';
import type { DatabaseDescriptor, DeleteOptions } from '../controller';
import { checkDependents } from '../rules';
import { alreadyPublished, databaseOf, type Records, type RemoteContext, tableOf } from './context';

/**
 * References are looked for first: Qserv drops a director's data before it finds that other tables depend on it, and does not look at
 * other databases at all, docs/contract/controller.md §5.5.
 */
export async function deleteTable(
  context: RemoteContext,
  database: string,
  table: string,
  options: DeleteOptions = {},
): Promise<void> {
  const records = await context.records();
  const there = find(records, database, options);
  if (there === undefined) return;
  if (!there.tables.some(({ definition }) => definition.name === table)) {
    if (options.mustChange) tableOf(there, table);
    return;
  }
  checkPublished(there, options);
  checkDependents(records.databases, database, table);
  await remove(context, database, options, (admin) =>
    context.call(tableEndpoint, { params: { database, table } }, { admin, long: true }),
  );
}

export async function deleteDatabase(
  context: RemoteContext,
  database: string,
  options: DeleteOptions = {},
): Promise<void> {
  const there = find(await context.records(), database, options);
  if (there === undefined) return;
  checkPublished(there, options);
  await remove(context, database, options, (admin) =>
    context.call(databaseEndpoint, { params: { database } }, { admin, long: true }),
  );
}

/** Undefined where it is no fault that there is none. */
function find(records: Records, name: string, { mustChange }: DeleteOptions): DatabaseDescriptor | undefined {
  return mustChange ? databaseOf(records, name) : records.databases.find((database) => database.name === name);
}

function checkPublished({ name, isPublished }: DatabaseDescriptor, { published = false }: DeleteOptions): void {
  if (isPublished && !published) throw alreadyPublished(name);
}

/** The administrator's key is used for what may be published, where there is one. */
async function remove(
  context: RemoteContext,
  database: string,
  { published = false, mustChange = false }: DeleteOptions,
  send: (admin: boolean) => Promise<unknown>,
): Promise<void> {
  try {
    await send(published && context.client.hasAdminKey);
  } catch (error) {
    // Another call was faster.
    if (!mustChange && isCode(error, 'UNKNOWN_DATABASE', 'UNKNOWN_TABLE')) return;
    if (!published && /administrator's privileges/.test(refusalOf(error))) throw alreadyPublished(database);
    throw error;
  }
}
