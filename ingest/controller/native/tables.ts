import { IngestError, invalidInput } from '../../core/errors';
import { TRANSACTION_COLUMN, TRANSACTION_COLUMN_TYPE } from '../../core/names';
import {
  definitionDifferences,
  type KnownTables,
  normalDefinition,
  registrationTables,
  type TableDefinition,
  type TableDescriptor,
  tableFaults,
} from '../../core/tables';
import { createSchema, createTables, tryDefinition } from '../../storage/data/create-tables';
import { allDatabases } from '../../storage/metadata/databases';
import { findTable, insertTable, tablesOf } from '../../storage/metadata/tables';
import type { NativeContext } from './context';

export async function registerTable(
  context: NativeContext,
  database: string,
  definition: TableDefinition,
): Promise<TableDescriptor> {
  return context.changingDatabase(database, async (held) => {
    await context.requireUnpublished(database);
    const known = await context.metadata.run((sql) => findTable(sql, database, definition.name));
    if (known !== undefined) {
      checkSame(database, known, definition);
      if (known.isPublished) return known;
    } else {
      await checkRules(context, database, definition);
      await tryOnMaria(context, database, definition);
      await held.check();
      // The record comes before the tables: what is half made is found again by it, and completed or deleted.
      await context.metadata.transaction((tx) => insertTable(tx, database, definition));
    }
    const table = (await context.metadata.run((sql) => findTable(sql, database, definition.name))) as TableDescriptor;
    await context.steps('register.table', { database, table: definition.name });
    await context.onWorkers(async (server) => {
      await createSchema(server, database);
      await createTables(server, database, registrationTables(table.definition), table, 'partitioned');
    });
    return table;
  });
}

function checkSame(database: string, known: TableDescriptor, asked: TableDefinition): void {
  const differs = definitionDifferences(known.definition, asked);
  if (differs.length === 0) return;
  const message = `table '${database}.${asked.name}' already exists with another ${differs.join(', ')}`;
  throw new IngestError('ALREADY_EXISTS', message, { database, table: asked.name, differs });
}

async function checkRules(context: NativeContext, database: string, definition: TableDefinition): Promise<void> {
  const catalog = await context.metadata.run(async (sql) => {
    const all = await allDatabases(sql);
    const tables = await Promise.all(all.map(async (d) => [d.name, await tablesOf(sql, d.name)] as const));
    return new Map(tables);
  });
  const known: KnownTables = {
    database,
    hasDatabase: (name) => catalog.has(name),
    table: (name, table) => catalog.get(name)?.find((t) => t.definition.name === table)?.definition,
  };
  const others = (catalog.get(database) ?? []).map((t) => t.definition);
  const faults = tableFaults(definition, known, others);
  if (faults.length > 0) throw invalidInput(`table ${definition.name}`, faults);
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
  await createSchema(server, database);
  await server.connection('try the table', (connection) => tryDefinition(connection, database, table));
}
