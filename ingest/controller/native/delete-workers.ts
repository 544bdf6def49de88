import { DUMMY_CHUNK, PUBLISH_SCHEMA, stagingPrefix, stagingTable, unitLock } from '../../core/names';
import { finalTables, ownsFinalTable, type TableDescriptor } from '../../core/tables';
import type { DataServer } from '../../storage/data/connection';
import { dropSchema, dropTables, tableNames } from '../../storage/data/drop-tables';
import { publishNames } from '../../storage/data/finish-table';
import { disableDatabase, forgetGrant } from '../../storage/data/registration';
import { dropOldTables } from '../../storage/data/replace-tables';
import { dropStaging, listStaging } from '../../storage/data/staging';
import { killLockHolders } from '../../storage/data/user-locks';
import { revokeContributionsOfTable } from '../../storage/metadata/contribution-ends';
import { placesOfTable } from '../../storage/metadata/contribution-places';
import { revokeTable, unitsOfTable } from '../../storage/metadata/load-units';
import { replicasOf } from '../../storage/metadata/replicas';
import { markBeingDeleted } from '../../storage/metadata/tables';
import { transactionIds } from '../../storage/metadata/transactions';
import type { NativeContext } from './context';
import { endContributions } from './end-contributions';

/** No attempt may attach rows to what is about to go: none that is under way, and none that begins yet. */
export async function stopWriters(context: NativeContext, database: string, tables: string[]): Promise<void> {
  for (const table of tables) {
    await context.metadata.transaction(async (tx) => {
      await markBeingDeleted(tx, database, table);
      await revokeTable(tx, database, table);
      await revokeContributionsOfTable(tx, database, table);
    });
    const byWorker = new Map<string, string[]>();
    for (const { worker, unit, attaching } of await context.metadata.run((sql) => unitsOfTable(sql, database, table))) {
      if (!attaching) continue;
      byWorker.set(worker, [...(byWorker.get(worker) ?? []), unitLock(unit)]);
    }
    for (const [worker, locks] of byWorker) {
      if (context.workers.has(worker)) await killLockHolders(context.worker(worker), locks);
    }
    await endContributions(context, { database, table });
  }
}

/** Drops everything of a table on a worker: final tables, those in the middle of an exchange, staging tables. */
export async function deleteTableOn(
  context: NativeContext,
  server: DataServer,
  database: string,
  table: TableDescriptor,
): Promise<void> {
  const { name } = table.definition;
  const there = (await tableNames(server, database)).filter((one) => ownsFinalTable(table.definition, one));
  await dropWaiting(context, server, database, [table], there);
  await dropTables(server, database, there);
  if (table.replaces !== undefined) await dropOldTables(server, database, table.replaces);
  const units = await context.metadata.run((sql) => unitsOfTable(sql, database, name));
  const contributed = await context.metadata.run((sql) => placesOfTable(sql, database, name));
  const places = [...units.map(({ unit }) => unit), ...contributed];
  await dropStagingWhere(server, (staging) =>
    places.some((unit) => {
      const prefix = stagingPrefix(database, unit.transactionId);
      if (!staging.startsWith(prefix)) return false;
      const [attempt = ''] = staging.slice(prefix.length).split('_');
      return staging === stagingTable(unit, attempt);
    }),
  );
}

/** Drops everything of a database on a worker, and makes Qserv forget it. */
export async function deleteDatabaseOn(
  context: NativeContext,
  server: DataServer,
  database: string,
  tables: TableDescriptor[],
): Promise<void> {
  await disableDatabase(server, database);
  await dropWaiting(context, server, database, tables, await tableNames(server, database));
  for (const { definition } of tables) await dropOldTables(server, database, definition.name);
  await dropSchema(server, database);
  await forgetGrant(server, database);
  const ids = await context.metadata.run((sql) => transactionIds(sql, database));
  const prefixes = new Set(ids.map((id) => stagingPrefix(database, id)));
  await dropStagingWhere(server, (name) => prefixes.has(/^t[0-9]+_[0-9a-z]+_/.exec(name)?.[0] ?? ''));
}

/** Rows in the middle of an exchange go with their table, which may not be there itself just then. */
async function dropWaiting(
  context: NativeContext,
  server: DataServer,
  database: string,
  tables: TableDescriptor[],
  there: string[],
): Promise<void> {
  const waiting = new Set(await tableNames(server, PUBLISH_SCHEMA));
  if (waiting.size === 0) return;
  const replicas = await context.metadata.run((sql) => replicasOf(sql, database));
  const chunks = [...new Set(replicas.map(({ chunk }) => chunk)), DUMMY_CHUNK];
  const finals = new Set([...there, ...tables.flatMap(({ definition }) => finalTables(definition, chunks))]);
  const names = [...finals].flatMap((name) => Object.values(publishNames(database, name)));
  await dropTables(
    server,
    PUBLISH_SCHEMA,
    names.filter((name) => waiting.has(name)),
  );
}

/** Attempts still at work lose their connections first: they hold a lock of the table's name. */
async function dropStagingWhere(server: DataServer, isMine: (name: string) => boolean): Promise<void> {
  const names = (await listStaging(server)).filter(isMine);
  await killLockHolders(server, names);
  for (const name of names) await dropStaging(server, [name]);
}
