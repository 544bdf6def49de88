import { setTimeout as sleep } from 'node:timers/promises';
import { sharedServers } from '../../../test/support/native';
import { contents, dataServer, facts, putRows, registerCatalog } from '../../../test/support/registered';
import { freshDatabase } from '../../../test/support/servers';
import { DUMMY_CHUNK, PUBLISH_SCHEMA, STAGING_SCHEMA, stagingTable } from '../../core/names';
import type { DataServer } from '../../storage/data/connection';
import { tableNames } from '../../storage/data/drop-tables';
import { publishNames } from '../../storage/data/finish-table';
import { type Metadata, openMetadata } from '../../storage/metadata';
import type { NativeServers } from './context';
import { NativeController } from './controller';

/** What the native controller does in MariaDB, docs/contract/storage.md §3, §4 and §6. */

let metadata: Metadata;
let servers: NativeServers;
let controller: NativeController;
let master: DataServer;
const workers = new Map<string, DataServer>();

beforeAll(async () => {
  metadata = openMetadata(await freshDatabase());
  await metadata.migrate();
  servers = await sharedServers();
  controller = new NativeController({ target: 'test', servers, metadata });
  master = dataServer('master', servers.master);
  for (const { name, mysql } of servers.workers) workers.set(name, dataServer(name, mysql));
});
afterAll(async () => {
  await controller.close();
  await Promise.all([master, ...workers.values()].map((server) => server.close()));
  await metadata.close();
});

const worker = (name: string | undefined) => workers.get(name ?? '') as DataServer;

test('registration makes prototypes and dummy chunks on every worker', async () => {
  const database = await registerCatalog(controller);
  for (const server of workers.values()) {
    const found = await contents(server, database);
    expect(Object.keys(found)).toEqual([
      'Filter',
      'Object',
      `ObjectFullOverlap_${DUMMY_CHUNK}`,
      `Object_${DUMMY_CHUNK}`,
      'Source',
      `SourceFullOverlap_${DUMMY_CHUNK}`,
      `Source_${DUMMY_CHUNK}`,
    ]);
    for (const table of Object.values(found)) expect(table.partitions).toEqual(['p0']);
  }
});

test('a half-registered table is completed', async () => {
  const database = await registerCatalog(controller);
  const [table] = (await controller.database(database)).tables;
  const server = worker('w2');
  await server.run('break', `DROP TABLE ${database}.Filter`);
  await controller.registerTable(database, (table as NonNullable<typeof table>).definition);
  expect(Object.keys(await contents(server, database))).toContain('Filter');
});

test('publish: one full partition is renamed, several are copied, what is missing is made', async () => {
  const database = await registerCatalog(controller);
  const [a, b] = [await controller.beginTransaction(database, {}), await controller.beginTransaction(database, {})];
  const [one, two] = await controller.allocateChunks({ database }, [7480, 7310]);
  await putRows(worker(one?.worker), database, 'Object', 7480, false, a.id, 1000);
  await putRows(worker(one?.worker), database, 'Object', 7480, true, a.id, 66);
  await putRows(worker(one?.worker), database, 'Source', 7480, false, a.id, 500);
  await putRows(worker(one?.worker), database, 'Source', 7480, false, b.id, 700);
  for (const server of workers.values()) await putRows(server, database, 'Filter', 0, false, b.id, 9);
  const before = await contents(worker(one?.worker), database);
  await controller.endTransaction(a.id, 'commit');
  await controller.endTransaction(b.id, 'commit');

  const report = await controller.publish(database);

  expect(report).toMatchObject({ copied: 1, database: { isPublished: true } });
  const after = await contents(worker(one?.worker), database);
  expect(facts(after)).toMatchObject(facts(before));
  for (const table of Object.values(after)) expect(table.partitions).toEqual([]);
  const other = await contents(worker(two?.worker), database);
  for (const name of ['Object_7310', 'ObjectFullOverlap_7310', 'Source_7310', 'SourceFullOverlap_7310']) {
    expect(other[name]).toEqual({ rows: 0, checksum: '0/0', partitions: [] });
  }
  expect(await contents(master, database)).toEqual({
    Filter: { rows: 0, checksum: '0/0', partitions: [] },
    Object: { rows: 0, checksum: '0/0', partitions: [] },
    Source: { rows: 0, checksum: '0/0', partitions: [] },
  });
  for (const server of [master, ...workers.values()]) {
    const grants = await server.rows('grants', "SHOW GRANTS FOR 'qsmaster'@'localhost'");
    // There `_` would stand for any character.
    const schema = database.replaceAll('_', '\\_');
    expect(grants.flatMap((row) => Object.values(row))).toContainEqual(expect.stringContaining(`\`${schema}\`.*`));
  }
  for (const [name, server] of workers) {
    const chunks = [one, two].flatMap((l) => (l?.worker === name ? [l.chunk] : []));
    expect(await server.rows('dbs', 'SELECT db FROM qservw_worker.Dbs WHERE db = ?', [database])).toHaveLength(1);
    const rows = await server.rows('chunks', 'SELECT chunk FROM qservw_worker.Chunks WHERE db = ? ORDER BY 1', [
      database,
    ]);
    expect(rows.map((r) => r.chunk)).toEqual([...chunks, DUMMY_CHUNK]);
    const own = Object.keys(await contents(server, database)).flatMap((t) => Object.values(publishNames(database, t)));
    expect(own.length).toBeGreaterThan(0);
    // Others publish on the same servers meanwhile.
    expect((await tableNames(server, PUBLISH_SCHEMA)).filter((table) => own.includes(table))).toEqual([]);
  }
  expect(await controller.countRows(database)).toEqual([
    { table: 'Filter', rows: 9, overlapRows: 0, workers: 2, agree: true },
    { table: 'Object', rows: 1000, overlapRows: 66, workers: 2, agree: true },
    { table: 'Source', rows: 1200, overlapRows: 0, workers: 2, agree: true },
  ]);
});

test('copies of a regular table that differ are seen', async () => {
  const database = await registerCatalog(controller);
  const { id } = await controller.beginTransaction(database, {});
  await putRows(worker('w1'), database, 'Filter', 0, false, id, 9);
  const counts = await controller.countRows(database);
  expect(counts.find((c) => c.table === 'Filter')).toMatchObject({ rows: 9, workers: 2, agree: false });
});

test('generated columns survive the copy', async () => {
  const database = await registerCatalog(controller);
  const { id } = await controller.beginTransaction(database, {});
  const { id: other } = await controller.beginTransaction(database, {});
  await controller.registerTable(database, {
    kind: 'regular',
    name: 'Made',
    schema: [
      { name: 'a', type: 'INT NOT NULL' },
      { name: 'b', type: 'INT AS (`a` * 2) PERSISTENT' },
      { name: 'c', type: 'TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP' },
    ],
  });
  await controller.allocateChunks({ database }, [7480]);
  for (const t of [id, other]) {
    const partition = `ADD PARTITION (PARTITION p${t} VALUES IN (${t}))`;
    await worker('w1').run('partition', `ALTER TABLE ${database}.Made ${partition}`);
    await worker('w1').run(
      'row',
      `INSERT INTO ${database}.Made (qserv_trans_id, a, c) VALUES (${t}, 21, '2001-02-03')`,
    );
    await controller.endTransaction(t, 'commit');
  }
  await controller.publish(database);
  expect(await worker('w1').rows('read', `SELECT a, b, DATE_FORMAT(c, '%Y-%m-%d') AS c FROM ${database}.Made`)).toEqual(
    [
      { a: 21, b: 42, c: '2001-02-03' },
      { a: 21, b: 42, c: '2001-02-03' },
    ],
  );
});

test('publish does not take rows that are not the table’s for its own', async () => {
  const database = await registerCatalog(controller);
  await controller.allocateChunks({ database }, [7480]);
  const server = worker('w1');
  await server.run('schema', `CREATE DATABASE IF NOT EXISTS ${PUBLISH_SCHEMA}`);
  const { twin } = publishNames(database, 'Filter');
  await server.run('leftover', `CREATE TABLE ${PUBLISH_SCHEMA}.${twin} ENGINE=MyISAM SELECT 77777 AS qserv_trans_id`);
  await expect(controller.publish(database)).rejects.toMatchObject({ message: expect.stringContaining('77777') });
  await controller.deleteTable(database, 'Filter');
  expect(await server.rows('left', 'SELECT * FROM information_schema.TABLES WHERE TABLE_NAME = ?', [twin])).toEqual([]);
  expect((await controller.publish(database)).database.isPublished).toBe(true);
});

describe('abort', () => {
  /** A contribution's record, which says where rows of the super-transaction may be. */
  const contribute = (id: number, database: string, table: string, chunk: number, on: string | undefined) =>
    metadata.run(
      (sql) => sql`
        INSERT INTO qserv.transaction_contrib (transaction_id, worker, database, "table", chunk, is_overlap, url)
        VALUES (${id}, ${on ?? ''}, ${database}, ${table}, ${chunk}, false, 'file:///x')`,
    );

  test('drops partitions and staging tables of the super-transaction, and nothing else', async () => {
    const database = await registerCatalog(controller);
    const [a, b] = [await controller.beginTransaction(database, {}), await controller.beginTransaction(database, {})];
    const [place] = await controller.allocateChunks({ database }, [7480]);
    const server = worker(place?.worker);
    for (const { id } of [a, b]) {
      await putRows(server, database, 'Object', 7480, false, id, 10 * id);
      await putRows(server, database, 'Object', 7480, true, id, 3);
      await putRows(server, database, 'Filter', 0, false, id, 9);
      await contribute(id, database, 'Object', 7480, place?.worker);
      await contribute(id, database, 'Filter', 0, place?.worker);
    }
    await server.run('staging schema', `CREATE DATABASE IF NOT EXISTS ${STAGING_SCHEMA}`);
    const staging = [a, b].map(({ id }) =>
      stagingTable({ database, transactionId: id, table: 'Object', chunk: 7480, overlap: false }, 'abc'),
    );
    for (const name of staging) await server.run('staging', `CREATE TABLE ${STAGING_SCHEMA}.${name} (a INT)`);

    expect(await controller.endTransaction(a.id, 'abort')).toMatchObject({ state: 'ABORTED' });

    const found = await contents(server, database);
    expect(found.Object_7480).toMatchObject({ rows: 10 * b.id, partitions: ['p0', `p${b.id}`] });
    expect(found.ObjectFullOverlap_7480).toMatchObject({ rows: 3, partitions: ['p0', `p${b.id}`] });
    expect(found.Filter).toMatchObject({ rows: 9, partitions: ['p0', `p${b.id}`] });
    expect(Object.keys(await contents(server, STAGING_SCHEMA)).filter((n) => staging.includes(n))).toEqual([
      staging[1],
    ]);
    expect(await controller.endTransaction(b.id, 'abort')).toMatchObject({ state: 'ABORTED' });
  });

  test('stops a load that is under way', async () => {
    const database = await registerCatalog(controller);
    const { id } = await controller.beginTransaction(database, {});
    const server = worker('w1');
    const staging = stagingTable({ database, transactionId: id, table: 'Filter', chunk: 0, overlap: false }, 'slow');
    await server.run('staging schema', `CREATE DATABASE IF NOT EXISTS ${STAGING_SCHEMA}`);
    await server.run('staging', `CREATE TABLE ${STAGING_SCHEMA}.${staging} (a INT) ENGINE=MyISAM`);
    const load = server.connection('load', async (connection) => {
      await connection.rows('lock', 'SELECT GET_LOCK(?, 1)', [staging]);
      await connection.run(
        'load',
        `INSERT INTO ${STAGING_SCHEMA}.${staging} SELECT SLEEP(0.01) FROM ${STAGING_SCHEMA}.seq_1_to_100000`,
      );
    });
    const stopped = expect(load).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    const held = async () => (await server.rows('look', 'SELECT IS_USED_LOCK(?) AS id', [staging]))[0]?.id != null;
    while (!(await held())) await sleep(10);
    expect(await controller.endTransaction(id, 'abort')).toMatchObject({ state: 'ABORTED' });
    await stopped;
  });

  test('that fails says so, and can be repeated', async () => {
    const database = await registerCatalog(controller);
    const gone = {
      ...servers,
      workers: servers.workers.map((w) => (w.name === 'w2' ? { ...w, mysql: { ...w.mysql, port: 1 } } : w)),
    };
    const { id } = await controller.beginTransaction(database, {});
    const cut = new NativeController({ target: 'test', servers: gone, metadata });
    await expect(cut.endTransaction(id, 'abort')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await cut.close();
    const failed = await controller.transaction(id);
    expect(failed.state).toBe('ABORT_FAILED');
    expect(failed.log.at(-1)).toMatchObject({ name: 'end del table part', data: { success: 0 } });
    await expect(controller.publish(database)).rejects.toMatchObject({ code: 'OPEN_TRANSACTIONS' });
    expect(await controller.endTransaction(id, 'abort')).toMatchObject({ state: 'ABORTED' });
  });
});

test('workers that are disabled or read-only get no chunks and no regular tables', async () => {
  const records = openMetadata(await freshDatabase());
  await records.migrate();
  const some = { ...servers, workers: servers.workers.map((w) => (w.name === 'w1' ? { ...w, readOnly: true } : w)) };
  const limited = new NativeController({ target: 'limited', servers: some, metadata: records });
  const database = await registerCatalog(limited);
  const places = await limited.allocateChunks({ database }, [7480, 7310]);
  expect(places.map((p) => p.worker)).toEqual(['w2', 'w2']);
  expect((await limited.locateRegular({ database })).map((l) => l.worker)).toEqual(['w2']);
  await limited.close();

  const none = new NativeController({
    target: 'limited',
    servers: { ...servers, workers: servers.workers.map((w) => ({ ...w, enabled: false })) },
    metadata: records,
  });
  await expect(none.allocateChunks({ database }, [7140])).rejects.toMatchObject({ code: 'NO_WORKERS' });
  await none.close();

  const foreign = new NativeController({ target: 'another', servers, metadata: records });
  await expect(foreign.databases()).rejects.toMatchObject({
    code: 'INVALID_INPUT',
    message: expect.stringContaining('limited'),
  });
  await foreign.close();
  await records.close();
});

test('deleting a database leaves nothing of it', async () => {
  const database = await registerCatalog(controller);
  const { id } = await controller.beginTransaction(database, {});
  const [place] = await controller.allocateChunks({ database }, [7480]);
  await putRows(worker(place?.worker), database, 'Object', 7480, false, id, 10);
  await controller.deleteDatabase(database);
  for (const server of [master, ...workers.values()]) {
    expect(await contents(server, database)).toEqual({});
    expect(await server.rows('schemas', 'SHOW DATABASES LIKE ?', [database])).toEqual([]);
  }
  const [left] = await metadata.run(
    (sql) => sql`SELECT (SELECT count(*) FROM qserv.replica WHERE database = ${database})
      + (SELECT count(*) FROM qserv.transaction WHERE database = ${database}) AS n`,
  );
  expect(left?.n).toBe(0);
});
