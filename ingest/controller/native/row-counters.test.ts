import { sharedServers } from '../../../test/support/native';
import { dataServer, putRows, registerCatalog } from '../../../test/support/registered';
import { freshDatabase } from '../../../test/support/servers';
import { META_SCHEMA, replacementName, rowCountersTable } from '../../core/names';
import type { RowCounter } from '../../core/row-counters';
import type { TableDescriptor } from '../../core/tables';
import { type DataServer, quoteTable } from '../../storage/data/connection';
import { tableNames } from '../../storage/data/drop-tables';
import { type Metadata, openMetadata } from '../../storage/metadata';
import { NativeController } from './controller';

/** Row counters of tables that hold rows, and what Qserv is given of them. */

let metadata: Metadata;
let controller: NativeController;
let master: DataServer;
const workers = new Map<string, DataServer>();

beforeAll(async () => {
  metadata = openMetadata(await freshDatabase());
  await metadata.migrate();
  const servers = await sharedServers();
  controller = new NativeController({ target: 'test', servers, metadata });
  master = dataServer('master', servers.master);
  for (const { name, mysql } of servers.workers) workers.set(name, dataServer(name, mysql));
});
afterAll(async () => {
  await controller.close();
  await Promise.all([master, ...workers.values()].map((server) => server.close()));
  await metadata.close();
});

/** Two super-transactions' rows in one chunk of Object, one's in another; nine rows of Filter on every worker. */
async function loaded() {
  const database = await registerCatalog(controller);
  const [a, b] = [await controller.beginTransaction(database, {}), await controller.beginTransaction(database, {})];
  const [one, two] = await controller.allocateChunks({ database }, [7480, 7310]);
  const on = (worker: string | undefined) => workers.get(worker ?? '') as DataServer;
  await putRows(on(one?.worker), database, 'Object', 7480, false, a.id, 1000);
  await putRows(on(one?.worker), database, 'Object', 7480, false, b.id, 20);
  await putRows(on(one?.worker), database, 'Object', 7480, true, a.id, 66);
  await putRows(on(two?.worker), database, 'Object', 7310, false, b.id, 300);
  for (const server of workers.values()) await putRows(server, database, 'Filter', 0, false, b.id, 9);
  for (const { id } of [a, b]) await controller.endTransaction(id, 'commit');
  return { database, a: a.id, b: b.id, server: on(one?.worker), worker: one?.worker as string };
}

const short = (counters: RowCounter[]) =>
  counters.map(({ transactionId, chunk, overlap, rows }) => [chunk, overlap, transactionId, rows]);

async function deployed(database: string, table: string): Promise<[number, number][]> {
  const sql = `SELECT chunk, num_rows AS n FROM ${quoteTable(META_SCHEMA, rowCountersTable(database, table))} ORDER BY chunk`;
  const rows = await master.rows<{ chunk: number; n: number }>('read counters', sql);
  return rows.map(({ chunk, n }) => [chunk, Number(n)]);
}

test.each(['before', 'after'])('rows by super-transaction, %s publish', async (when) => {
  const { database, a, b } = await loaded();
  if (when === 'after') await controller.publish(database);
  const report = await controller.collectRowCounters(database, 'Object', { policy: 'ENABLED' });
  expect(report).toEqual({ scanned: true, stored: true, finalTables: 4, rows: 1320, overlapRows: 66 });
  expect(short(await controller.rowCounters(database, 'Object'))).toEqual([
    [7310, false, b, 300],
    [7310, true, 0, 0],
    [7480, false, a, 1000],
    [7480, false, b, 20],
    [7480, true, a, 66],
  ]);
  await controller.deployRowCounters(database, 'Object');
  expect(await deployed(database, 'Object')).toEqual([
    [7310, 300],
    [7480, 1020],
  ]);
  await controller.collectRowCounters(database, 'Filter', { policy: 'ENABLED' });
  await controller.deployRowCounters(database, 'Filter');
  expect(await deployed(database, 'Filter')).toEqual([[0, 9]]);

  await controller.deleteRowCounters(database, 'Object', { qservOnly: true });
  const left = (await tableNames(master, META_SCHEMA)).filter((name) => name.startsWith(database));
  expect(left.filter((name) => name.endsWith('__rows'))).toEqual([rowCountersTable(database, 'Filter')]);
});

test('publish counts, if it is asked to, and deletion leaves nothing', async () => {
  const { database, a, b } = await loaded();
  await controller.publish(database, { deployRowCounters: true });
  expect(await deployed(database, 'Object')).toEqual([
    [7310, 300],
    [7480, 1020],
  ]);
  expect(await deployed(database, 'Source')).toEqual([
    [7310, 0],
    [7480, 0],
  ]);
  expect(await deployed(database, 'Filter')).toEqual([[0, 9]]);
  expect(short(await controller.rowCounters(database, 'Object')).filter(([chunk]) => chunk === 7480)).toEqual([
    [7480, false, a, 1000],
    [7480, false, b, 20],
    [7480, true, a, 66],
  ]);
  await controller.deleteDatabase(database, { published: true });
  expect((await tableNames(master, META_SCHEMA)).filter((name) => name.startsWith(database))).toEqual([]);
});

test('the next version of a table brings its own counters', async () => {
  const { database } = await loaded();
  await controller.publish(database, { deployRowCounters: true });
  await controller.unpublish(database);
  const { tables } = await controller.database(database);
  const filter = tables.find((t) => t.definition.name === 'Filter') as TableDescriptor;
  const next = { ...filter.definition, name: replacementName('Filter') };
  await controller.registerTable(database, next, { replaces: 'Filter' });
  const { id } = await controller.beginTransaction(database, {});
  for (const server of workers.values()) {
    const table = `${database}.${next.name}`;
    await server.run('partition', `ALTER TABLE ${table} ADD PARTITION (PARTITION p${id} VALUES IN (${id}))`);
    await server.run('rows', `INSERT INTO ${table} (qserv_trans_id, filterName) VALUES (${id}, 'a'), (${id}, 'b')`);
  }
  await controller.endTransaction(id, 'commit');
  await controller.publish(database, { deployRowCounters: true });
  expect(await deployed(database, 'Filter')).toEqual([[0, 2]]);
  expect(short(await controller.rowCounters(database, 'Filter'))).toEqual([[0, false, id, 2]]);
  expect(await controller.collectRowCounters(database, 'Filter')).toMatchObject({ scanned: false, rows: 2 });
});

test('counters are as Qserv makes them', async () => {
  const { database } = await loaded();
  await controller.collectRowCounters(database, 'Filter', { policy: 'ENABLED' });
  await controller.deployRowCounters(database, 'Filter');
  const [row] = await master.rows(
    'show',
    `SHOW CREATE TABLE ${quoteTable(META_SCHEMA, rowCountersTable(database, 'Filter'))}`,
  );
  const text = String(row?.['Create Table']).replaceAll(/\s+/g, ' ');
  expect(text).toContain('`chunk` int(10) unsigned NOT NULL, `num_rows` bigint(20) unsigned DEFAULT 0, UNIQUE KEY');
  expect(text).toContain('ENGINE=InnoDB');
  const grants = await master.rows('grants', "SHOW GRANTS FOR 'qsmaster'@'localhost'");
  expect(JSON.stringify(grants)).toContain('`qservMeta`.*');
});

test('rows that came or went since are counted again', async () => {
  const { database, server } = await loaded();
  const collect = () => controller.collectRowCounters(database, 'Object', { policy: 'ENABLED' });
  await collect();
  expect(await collect()).toMatchObject({ scanned: false, rows: 1320 });
  const { id } = await controller.beginTransaction(database, {});
  // A super-transaction that does not touch the table does not matter.
  expect(await collect()).toMatchObject({ scanned: false });
  await metadata.run(
    (sql) => sql`
      INSERT INTO qserv.transaction_contrib (transaction_id, worker, database, "table", chunk, is_overlap, url)
      VALUES (${id}, 'w1', ${database}, 'Object', 7480, false, 'file:///x')`,
  );
  await putRows(server, database, 'Object', 7480, false, id, 7);
  expect(await collect()).toMatchObject({ scanned: true, rows: 1327 });
  await expect(controller.deployRowCounters(database, 'Object')).rejects.toMatchObject({ code: 'ILLEGAL_STATE' });
  await controller.endTransaction(id, 'abort');
  await expect(controller.deployRowCounters(database, 'Object')).rejects.toMatchObject({ code: 'ILLEGAL_STATE' });
  expect(await collect()).toMatchObject({ scanned: true, rows: 1320 });
  expect(await collect()).toMatchObject({ scanned: false, rows: 1320 });
  await controller.allocateChunks({ database }, [7140]);
  expect(await collect()).toMatchObject({ scanned: true, finalTables: 6, rows: 1320 });
  await controller.deployRowCounters(database, 'Object');
});

test('a table without the column, and super-transactions that nobody knows, count under none', async () => {
  const { database, a, server } = await loaded();
  await controller.publish(database);
  await server.run('drop', `ALTER TABLE ${database}.Object_7480 DROP COLUMN qserv_trans_id`);
  await server.run('change', `UPDATE ${database}.ObjectFullOverlap_7480 SET qserv_trans_id = ${a} + 1000000`);
  await server.run('change', `UPDATE ${database}.ObjectFullOverlap_7480 SET qserv_trans_id = 0 WHERE objectId <= 6`);
  await controller.collectRowCounters(database, 'Object', { policy: 'ENABLED' });
  expect(short(await controller.rowCounters(database, 'Object')).filter(([chunk]) => chunk === 7480)).toEqual([
    [7480, false, 0, 1020],
    [7480, true, 0, 66],
  ]);
});

test('what cannot be counted is listed; ENABLED keeps the old counters, FORCED stores what it can', async () => {
  const { database, worker, server } = await loaded();
  await controller.publish(database);
  await controller.collectRowCounters(database, 'Object', { policy: 'ENABLED' });
  const before = await controller.rowCounters(database, 'Object');
  await server.run('break', `DROP TABLE ${database}.Object_7480`);
  await server.run('change', `DELETE FROM ${database}.ObjectFullOverlap_7480`);
  const failures = { [worker]: { Object_7480: { status: 'NO_SUCH_TABLE', error: expect.stringContaining('exist') } } };
  const error = { code: 'TABLES_FAILED', details: { failures } };
  for (const policy of ['DISABLED', 'ENABLED'] as const) {
    await expect(
      controller.collectRowCounters(database, 'Object', { policy, forceRescan: true }),
    ).rejects.toMatchObject(error);
    expect(await controller.rowCounters(database, 'Object')).toEqual(before);
  }
  await expect(
    controller.collectRowCounters(database, 'Object', { policy: 'FORCED', forceRescan: true }),
  ).rejects.toMatchObject(error);
  const chunk = (counters: RowCounter[]) => counters.filter((c) => c.chunk === 7480);
  expect(chunk(await controller.rowCounters(database, 'Object'))).toEqual([
    ...chunk(before).filter((c) => !c.overlap),
    expect.objectContaining({ overlap: true, rows: 0, transactionId: 0 }),
  ]);
});

test('copies of a regular table that differ', async () => {
  const { database, b } = await loaded();
  await putRows(workers.get('w2') as DataServer, database, 'Filter', 0, false, b, 1);
  await expect(controller.collectRowCounters(database, 'Filter', { policy: 'FORCED' })).rejects.toMatchObject({
    code: 'TABLES_FAILED',
    details: {
      failures: {
        w2: {
          Filter: { status: 'REPLICAS_DIFFER', error: `10 rows of super-transaction ${b}, but 9 on w1` },
        },
      },
    },
  });
  expect(await controller.rowCounters(database, 'Filter')).toEqual([]);
});

test('who reads the deployed counters sees all of the old or all of the new ones', async () => {
  const { database } = await loaded();
  await controller.collectRowCounters(database, 'Object', { policy: 'ENABLED' });
  await controller.deployRowCounters(database, 'Object');
  const sums = new Set<string>();
  let done = false;
  const reader = (async () => {
    while (!done) sums.add(JSON.stringify(await deployed(database, 'Object')));
  })();
  for (let i = 0; i < 15; i++) await controller.deployRowCounters(database, 'Object');
  done = true;
  await reader;
  expect([...sums]).toEqual(['[[7310,300],[7480,1020]]']);
});
