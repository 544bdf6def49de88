import { IngestError } from '../../core/errors';
import { PUBLISH_SCHEMA, parseFinalTable } from '../../core/names';
import { type DirectorReference, kindOf, type TableDescriptor } from '../../core/tables';
import type { DataServer } from '../../storage/data/connection';
import { dropSchema, dropTables, tableNames } from '../../storage/data/drop-tables';
import { publishNames } from '../../storage/data/finish-table';
import { dropStagingTables } from '../../storage/data/partitions';
import { disableDatabase } from '../../storage/data/registration';
import { killLockHolders } from '../../storage/data/user-locks';
import { deleteDatabaseRecord, findDatabase } from '../../storage/metadata/databases';
import { lockNames, revokeTransaction } from '../../storage/metadata/load-units';
import type { HeldLocks } from '../../storage/metadata/locks';
import { deleteTableRecord, findTable, tablesOf } from '../../storage/metadata/tables';
import { openTransactions } from '../../storage/metadata/transactions';
import type { NativeContext } from './context';

export async function deleteTable(context: NativeContext, database: string, table: string): Promise<void> {
  await context.changingDatabase(database, async (held) => {
    const record = await context.metadata.run((sql) => findDatabase(sql, database));
    const known = await context.metadata.run((sql) => findTable(sql, database, table));
    if (record === undefined || known === undefined) return;
    await context.requireUnpublished(database);
    await checkDependents(context, database, table);
    await stopWriters(context, database);
    await context.onWorkers(async (server) => {
      const names = (await tableNames(server, database)).filter((name) => belongs(known, name));
      await held.check();
      await dropFinalTables(server, database, names);
    });
    await held.check();
    await dropTables(context.master, database, [table]);
    await context.metadata.run((sql) => deleteTableRecord(sql, database, table));
  });
}

/** Its rows in the middle of an exchange go with a table. */
async function dropFinalTables(server: DataServer, database: string, names: string[]): Promise<void> {
  const waiting = names.flatMap((name) => Object.values(publishNames(database, name)));
  const there = new Set(await tableNames(server, PUBLISH_SCHEMA));
  await dropTables(
    server,
    PUBLISH_SCHEMA,
    waiting.filter((name) => there.has(name)),
  );
  await dropTables(server, database, names);
}

function belongs({ definition }: TableDescriptor, name: string): boolean {
  if (name === definition.name) return true;
  return kindOf(definition).partitioned && parseFinalTable(name).table === definition.name;
}

async function checkDependents(context: NativeContext, database: string, table: string): Promise<void> {
  const tables = await context.metadata.run((sql) => tablesOf(sql, database));
  const refers = (r: DirectorReference) => r.database === database && r.table === table;
  const dependents = tables
    .filter(({ definition }) => kindOf(definition).directors(definition, database).some(refers))
    .map(({ definition }) => definition.name);
  if (dependents.length === 0) return;
  const message = `can't remove the director table '${table}' from the database '${database}' because it has dependent tables: ${dependents.join(', ')}`;
  throw new IngestError('ILLEGAL_STATE', message, { database, table, dependents });
}

/** No attempt that is under way may attach rows to what is about to go. Open super-transactions lose their load tokens. */
async function stopWriters(context: NativeContext, database: string): Promise<number[]> {
  const open = await context.metadata.run((sql) => openTransactions(sql, database));
  for (const id of open) {
    await context.metadata.transaction((tx) => revokeTransaction(tx, id));
    for (const { worker, lock } of await context.metadata.run((sql) => lockNames(sql, id))) {
      await killLockHolders(context.worker(worker), [lock]);
    }
  }
  return open;
}

export async function deleteDatabase(context: NativeContext, database: string): Promise<void> {
  await context.changingDatabase(database, async (held) => {
    if ((await context.metadata.run((sql) => findDatabase(sql, database))) === undefined) return;
    await context.requireUnpublished(database);
    const open = await stopWriters(context, database);
    await held.check();
    await dropSchema(context.master, database);
    await context.onWorkers((server) => deleteOn(held, server, database, open));
    await held.check();
    await context.metadata.run((sql) => deleteDatabaseRecord(sql, database));
  });
}

async function deleteOn(held: HeldLocks, server: DataServer, database: string, open: number[]): Promise<void> {
  await held.check();
  await disableDatabase(server, database);
  await dropFinalTables(server, database, await tableNames(server, database));
  await dropSchema(server, database);
  for (const id of open) await dropStagingTables(server, database, id);
}
