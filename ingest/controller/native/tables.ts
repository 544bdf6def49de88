import { IngestError, type InputFault, invalidInput, withFacts } from '../../core/errors';
import { identifierFault, replacementName, TRANSACTION_COLUMN, TRANSACTION_COLUMN_TYPE } from '../../core/names';
import { normalDefinition, registrationTables, type TableDefinition, type TableDescriptor } from '../../core/tables';
import { createSchema, createTables } from '../../storage/data/create-tables';
import { tableNames } from '../../storage/data/drop-tables';
import { tryDefinition } from '../../storage/data/try-table';
import { allDatabases } from '../../storage/metadata/databases';
import { findTable, insertTable, tablesOf } from '../../storage/metadata/tables';
import type { RegisterTableOptions } from '../controller';
import { checkSameTable, checkTableRules, tableTitle } from '../rules';
import { halfDeleted, type NativeContext } from './context';
import { clearDirectorIndex, hasDirectorIndex, registerDirectorIndex } from './director-index';
import { refuseLeftovers } from './leftovers';
import { endReplacements } from './replacements';

export async function registerTable(
  context: NativeContext,
  database: string,
  definition: TableDefinition,
  { replaces, mustBeNew = false }: RegisterTableOptions = {},
): Promise<TableDescriptor> {
  return context.changingDatabase(database, async (held) => {
    await context.requireUnpublished(database);
    await endReplacements(context, held, database);
    if (replaces !== undefined) await checkReplaces(context, database, definition, replaces);
    // A name that cannot be is nobody's, and the rules say why; the records could not even be asked for some.
    const known =
      identifierFault(definition.name) === undefined
        ? await context.metadata.run((sql) => findTable(sql, database, definition.name))
        : undefined;
    if (known !== undefined) {
      if (mustBeNew && (await isComplete(context, database, known))) {
        const message = `table '${database}.${definition.name}' already exists`;
        throw new IngestError('ALREADY_EXISTS', message, { database, table: definition.name });
      }
      if (known.beingDeleted) throw halfDeleted('ALREADY_EXISTS', database, known);
      checkSameTable(database, known, definition, replaces);
      if (known.isPublished) return known;
    } else {
      await checkRules(context, database, definition, replaces);
      await refuseLeftovers(context, database, definition);
      await tryOnMaria(context, database, definition);
      await clearDirectorIndex(context, held, database, definition);
      await held.check();
      // The record comes before the tables: what is half made is found again by it, and completed or deleted.
      await context.metadata.transaction((tx) => insertTable(tx, database, definition, replaces));
    }
    const table = (await context.metadata.run((sql) => findTable(sql, database, definition.name))) as TableDescriptor;
    await context.steps('register.table', { database, table: definition.name });
    await context.onWorkers(async (server) => {
      await withFacts({ finalTable: definition.name }, () => createSchema(server, database));
      await createTables(server, database, registrationTables(table.definition), table, 'partitioned');
    });
    await registerDirectorIndex(context, held, database, table);
    return table;
  });
}

/** Whether an earlier call came to its end: all that registration makes is there. */
async function isComplete(context: NativeContext, database: string, table: TableDescriptor): Promise<boolean> {
  if (table.isPublished) return true;
  const missing: string[] = [];
  await context.onWorkers(async (server) => {
    const there = new Set(await tableNames(server, database));
    missing.push(...registrationTables(table.definition).filter((name) => !there.has(name)));
  });
  return missing.length === 0 && (await hasDirectorIndex(context, database, table));
}

/** What a next version and the table that it replaces must have in common. */
async function checkReplaces(
  context: NativeContext,
  database: string,
  { kind, name }: TableDefinition,
  replaces: string,
): Promise<void> {
  const table = await context.metadata.run((sql) => findTable(sql, database, replaces));
  if (table === undefined) {
    const message = `no such table '${database}.${replaces}' to replace: register the new one under that name`;
    throw new IngestError('UNKNOWN_TABLE', message, { database, table: replaces });
  }
  if (!table.isPublished) {
    const message = `table '${database}.${replaces}' is not published, so nothing can replace it: delete it and register it anew`;
    throw new IngestError('ILLEGAL_STATE', message, { database, table: replaces });
  }
  const faults: InputFault[] = [];
  const expected = replacementName(replaces);
  if (name !== expected) {
    faults.push({ path: 'name', message: `the next version of '${replaces}' must be called '${expected}'` });
  }
  if (kind !== table.definition.kind) {
    faults.push({ path: 'kind', message: `'${replaces}' is a ${table.definition.kind} table, and must stay one` });
  }
  if (faults.length > 0) throw invalidInput(tableTitle(name, replaces), faults);
}

async function checkRules(
  context: NativeContext,
  database: string,
  definition: TableDefinition,
  replaces?: string,
): Promise<void> {
  const all = await context.metadata.run(async (sql) => {
    const records = await allDatabases(sql);
    return Promise.all(records.map(async ({ name }) => ({ name, tables: await tablesOf(sql, name) })));
  });
  checkTableRules(all, database, definition, replaces);
}

/** A worker's MariaDB judges what the rules cannot: defaults, generated columns, charsets, row sizes. */
async function tryOnMaria(context: NativeContext, database: string, definition: TableDefinition): Promise<void> {
  const [server] = context.workers.values();
  if (server === undefined) throw new IngestError('NO_WORKERS', 'the target has no worker');
  const columns = [{ name: TRANSACTION_COLUMN, type: TRANSACTION_COLUMN_TYPE }, ...definition.schema];
  const table = {
    definition: normalDefinition(definition),
    columns,
    isPublished: false,
    createTime: 0,
    publishTime: 0,
  };
  await withFacts({ worker: server.name, finalTable: definition.name }, async () => {
    await createSchema(server, database);
    await server.connection('try the table', (connection) => tryDefinition(connection, database, table));
  });
}
