import { registerTable as endpoint } from '../../../api/qserv/controller/tables';
import { fromTableDefinition } from '../../../api/qserv/table';
import { IngestError } from '../../core/errors';
import type { TableDefinition, TableDescriptor } from '../../core/tables';
import { isCode, refusalOf } from '../../remote/outcome';
import type { RegisterTableOptions } from '../controller';
import { checkSameTable, checkTableRules } from '../rules';
import { databaseOf, type RemoteContext, requireUnpublished, tableOf } from './context';
import { deleteTable } from './delete';

/**
 * Qserv records a table before its workers make it, and answers ever after that it exists. So what a failed registration leaves is
 * deleted at once, or, when that fails too, before the next one; docs/contract/publishing.md §4.
 */
export async function registerTable(
  context: RemoteContext,
  database: string,
  definition: TableDefinition,
  { replaces, mustBeNew = false }: RegisterTableOptions = {},
): Promise<TableDescriptor> {
  if (replaces !== undefined) {
    const message =
      'this backend has no next versions of tables (capability replaceTables): delete the table and register it anew';
    throw new IngestError('INVALID_INPUT', message, { capability: 'replaceTables' });
  }
  const { name } = definition;
  const halfMade = `${database}.${name}`;
  return context.oneAtATime(`table ${halfMade}`, async () => {
    if (context.halfMade.has(halfMade)) {
      await deleteTable(context, database, name);
      context.halfMade.delete(halfMade);
    }
    const records = await context.records();
    const there = requireUnpublished(databaseOf(records, database));
    if (there.tables.some((table) => table.definition.name === name)) {
      if (mustBeNew) throw exists(database, name);
      const known = tableOf(there, name);
      checkSameTable(database, known, definition);
      return known;
    }
    checkTableRules(records.databases, database, definition);
    try {
      await context.call(endpoint, { body: fromTableDefinition(database, definition) }, { long: true });
    } catch (error) {
      if (isCode(error, 'ALREADY_EXISTS')) {
        // Somebody else was faster.
        if (mustBeNew) throw error;
        const known = await context.requireTable(database, name);
        checkSameTable(database, known, definition);
        return known;
      }
      // Only what was refused is known to be over.
      if (refusalOf(error) !== '' && !isCode(error, 'DATABASE_PUBLISHED', 'NOT_ALLOWED')) {
        await takeBack(context, database, name);
      }
      throw error;
    }
    return context.requireTable(database, name);
  });
}

/** Deletes what the failed registration recorded. */
async function takeBack(context: RemoteContext, database: string, table: string): Promise<void> {
  try {
    const { tables } = await context.requireDatabase(database);
    if (!tables.some(({ definition }) => definition.name === table)) return;
    context.halfMade.add(`${database}.${table}`);
    await deleteTable(context, database, table);
    context.halfMade.delete(`${database}.${table}`);
  } catch {
    // The failure itself is what the caller must hear of.
  }
}

function exists(database: string, table: string): IngestError {
  return new IngestError('ALREADY_EXISTS', `table '${database}.${table}' already exists`, { database, table });
}
