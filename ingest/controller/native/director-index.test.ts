import { nativeServers, sharedServers } from '../../../test/support/native';
import { dataServer } from '../../../test/support/registered';
import { freshDatabase } from '../../../test/support/servers';
import { chunkTable, directorIndexTable, META_SCHEMA, PUBLISH_SCHEMA } from '../../core/names';
import type { TableDefinition } from '../../core/tables';
import { type DataServer, quoteTable } from '../../storage/data/connection';
import { partitionClause, partitionsClause } from '../../storage/data/definition';
import { type ChunkOptions, type ChunkSource, type IndexTarget, indexChunk } from '../../storage/data/index-chunk';
import { indexNames } from '../../storage/data/index-definition';
import { createMarks, readMarks } from '../../storage/data/index-marks';
import { partitionNames } from '../../storage/data/partitions';
import { type Metadata, openMetadata } from '../../storage/metadata';
import { newCatalog } from '../contract';
import type { NativeServers } from './context';
import { NativeController } from './controller';

/** What the native controller does for director indexes in MariaDB, docs/contract/storage.md §4 and §6. */

type Director = Extract<TableDefinition, { kind: 'director' }>;

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
  await Promise.all([controller, master, ...workers.values()].map((one) => one.close()));
  await metadata.close();
});

const director = (more: Partial<Director> = {}, keyType = 'BIGINT(20) UNSIGNED NOT NULL'): Director => ({
  kind: 'director',
  name: 'Object',
  directorKey: 'objectId',
  longitudeKey: 'ra',
  latitudeKey: 'decl',
  schema: [
    { name: 'objectId', type: keyType },
    { name: 'ra', type: 'DOUBLE NOT NULL' },
    { name: 'decl', type: 'DOUBLE NOT NULL' },
    { name: 'subChunkId', type: 'SMALLINT UNSIGNED NOT NULL' },
  ],
  ...more,
});

async function register(definition = director(), autoBuildDirectorIndex = true): Promise<string> {
  const catalog = newCatalog();
  await controller.registerDatabase({ ...catalog, autoBuildDirectorIndex });
  await controller.registerTable(catalog.name, definition);
  return catalog.name;
}

/** Puts objects with these keys (SQL expressions) into a chunk on a worker, and records the contribution. */
async function put(database: string, worker: string, chunk: number, transactionId: number, keys: string[]) {
  const server = workers.get(worker) as DataServer;
  const table = quoteTable(database, chunkTable('Object', chunk, false));
  await server.run('make', `CREATE TABLE IF NOT EXISTS ${table} LIKE ${quoteTable(database, 'Object')}`);
  await server.run('add', `ALTER TABLE ${table} ADD PARTITION IF NOT EXISTS (${partitionClause(transactionId)})`);
  const rows = keys.map((key, i) => `(${transactionId}, ${key}, 0, 0, ${i})`);
  await server.run('put', `INSERT INTO ${table} VALUES ${rows.join(', ')}`);
  await metadata.run(
    (sql) => sql`
      INSERT INTO qserv.transaction_contrib (transaction_id, worker, database, "table", chunk, is_overlap, url, status)
      VALUES (${transactionId}, ${worker}, ${database}, 'Object', ${chunk}, false, 'file:///x', 'FINISHED')`,
  );
}

async function begun(database: string, chunks: number[]) {
  const { id } = await controller.beginTransaction(database, {});
  const places = await controller.allocateChunks({ transactionId: id }, chunks);
  return { id, places };
}

const indexOf = (database: string) => quoteTable(META_SCHEMA, directorIndexTable(database, 'Object'));

async function keysOf(database: string): Promise<string[]> {
  const sql = `SELECT HEX(objectId) AS k FROM ${indexOf(database)} ORDER BY objectId`;
  return (await master.rows<{ k: string }>('read the index', sql)).map((row) => row.k);
}

async function definitionOfIndex(database: string): Promise<string> {
  const [row] = await master.rows<{ 'Create Table': string }>('show', `SHOW CREATE TABLE ${indexOf(database)}`);
  return row?.['Create Table'].replace(/\s+/g, ' ') ?? '';
}

test('the automatic index and those on request are made as the contract says', async () => {
  const database = await register();
  const automatic = await definitionOfIndex(database);
  expect(automatic).toContain(
    '`qserv_trans_id` int(11) NOT NULL, `objectId` bigint(20) unsigned NOT NULL, `chunkId` int(11) DEFAULT NULL, `subChunkId` int(11) DEFAULT NULL, UNIQUE KEY `qserv_trans_id` (`qserv_trans_id`,`objectId`), KEY `objectId` (`objectId`)',
  );
  expect(automatic).toContain('ENGINE=InnoDB DEFAULT CHARSET=latin1 COLLATE=latin1_general_ci');
  expect(automatic).toContain('PARTITION BY LIST (`qserv_trans_id`) (PARTITION `p0` VALUES IN (0) ENGINE = InnoDB)');

  const plain = await register(director({ uniquePrimaryKey: false }));
  expect(await definitionOfIndex(plain)).toContain(', KEY `qserv_trans_id` (`qserv_trans_id`,`objectId`), KEY');

  await controller.allocateChunks({ database }, [7480]);
  await controller.publish(database);
  await controller.buildDirectorIndex(database, 'Object', { rebuild: true });
  const built = await definitionOfIndex(database);
  expect(built).toContain(
    '( `objectId` bigint(20) unsigned NOT NULL, `chunkId` int(11) DEFAULT NULL, `subChunkId` smallint(5) unsigned NOT NULL, UNIQUE KEY `objectId` (`objectId`) ) ENGINE=InnoDB',
  );
  await controller.buildDirectorIndex(database, 'Object', { rebuild: true, unique: false });
  expect(await definitionOfIndex(database)).toContain(' KEY `objectId` (`objectId`) ) ENGINE=InnoDB');
});

test('without auto-build there is none, and no super-transaction tells of it', async () => {
  const database = await register(director(), false);
  expect(await partitionNames(master, META_SCHEMA, directorIndexTable(database, 'Object'))).toBeUndefined();
  const { id } = await begun(database, [7480]);
  expect(await controller.endTransaction(id, 'commit')).toMatchObject({ log: [], directorIndexBuilt: false });
});

test('a published director takes no part', async () => {
  const database = await register();
  await controller.allocateChunks({ database }, [7480]);
  await controller.publish(database);
  await controller.unpublish(database);
  const before = await definitionOfIndex(database);
  const { id } = await begun(database, [7480]);
  expect((await controller.endTransaction(id, 'commit')).log).toEqual([]);
  expect(await definitionOfIndex(database)).toBe(before);
});

test('what an earlier table of the name left is gone when it is registered', async () => {
  const { name: database } = await controller.registerDatabase(newCatalog());
  const stale = indexOf(database);
  await master.run(
    'leave an index',
    `CREATE TABLE ${stale} (qserv_trans_id INT NOT NULL, x INT) ${partitionsClause(3, 4)}`,
  );
  const { marks } = indexNames(database, 'Object');
  await createMarks(master, marks);
  await controller.registerTable(database, director());
  expect(await partitionNames(master, META_SCHEMA, directorIndexTable(database, 'Object'))).toEqual(['p0']);
  expect(await readMarks(master, { marks, transactionId: 1 })).toBeUndefined();
});

test('an index that takes no further partition fails the begin', async () => {
  const database = await register();
  // As many as MariaDB takes, in an engine that keeps no files.
  await master.run('drop', `DROP TABLE ${indexOf(database)}`);
  const parts = Array.from({ length: 8192 }, (_, i) => `PARTITION q${i} VALUES IN (${1_000_000 + i})`);
  const columns = '(qserv_trans_id INT NOT NULL, objectId BIGINT)';
  await master.run(
    'fill',
    `CREATE TABLE ${indexOf(database)} ${columns} ENGINE=MEMORY PARTITION BY LIST (qserv_trans_id) (${parts.join(', ')})`,
  );
  await expect(controller.beginTransaction(database, { token: 'full' })).rejects.toMatchObject({
    code: 'INDEX_FAILED',
    message: expect.stringContaining('Too many partitions'),
  });
  const [failed] = await controller.transactions({ database });
  expect(failed).toMatchObject({ state: 'START_FAILED' });
  expect(failed?.log.at(-1)).toMatchObject({
    name: 'end add dir idx part',
    state: 'IS_STARTING',
    data: { table: 'Object', success: 0, error: expect.stringContaining('Too many partitions') },
  });
  await controller.endTransaction(failed?.id as number, 'abort');
  await master.run('drop', `DROP TABLE ${indexOf(database)}`);
});

test.each([
  ['VARCHAR(20) NOT NULL', ["'tab\\tin'", "'back\\\\slash'", "'\\\\N'", "'line\\nfeed'", "'é'", "''", "'plain'"]],
  ['BINARY(4) NOT NULL', ["X'00090A5C'", "X'C3285C4E'", "X'FFFFFFFF'", "X'00000000'"]],
  ['BIGINT UNSIGNED NOT NULL', ['0', '9007199254740993', '18446744073709551615']],
])('keys of type %s come as they are', async (type, keys) => {
  const database = await register(director({}, type));
  const { id, places } = await begun(database, [7480]);
  const worker = places[0]?.worker as string;
  await put(database, worker, 7480, id, keys);
  const table = quoteTable(database, 'Object_7480');
  const sql = `SELECT HEX(objectId) AS k FROM ${table} ORDER BY objectId`;
  const expected = (await (workers.get(worker) as DataServer).rows<{ k: string }>('read', sql)).map((row) => row.k);
  await controller.endTransaction(id, 'commit');
  expect(await keysOf(database)).toEqual(expected);
  await controller.publish(database);
  await controller.buildDirectorIndex(database, 'Object', { rebuild: true });
  expect(await keysOf(database)).toEqual(expected);
});

test('a director that is registered while a super-transaction is open is indexed by it', async () => {
  const { name: database } = await controller.registerDatabase(newCatalog());
  const { id, places } = await begun(database, [7480]);
  await controller.registerTable(database, director());
  await put(database, places[0]?.worker as string, 7480, id, ['1', '2']);
  await controller.endTransaction(id, 'commit');
  expect(await keysOf(database)).toEqual(['1', '2']);
});

test('an index that is not there fails the commit, which is aborted then', async () => {
  const database = await register();
  const { id, places } = await begun(database, [7480]);
  await put(database, places[0]?.worker as string, 7480, id, ['1']);
  await master.run('lose the index', `DROP TABLE ${indexOf(database)}`);
  const refusal = { code: 'INDEX_FAILED', message: expect.stringContaining("doesn't exist") };
  await expect(controller.endTransaction(id, 'commit')).rejects.toMatchObject(refusal);
  expect(await controller.transaction(id)).toMatchObject({ state: 'FINISH_FAILED' });
  expect(await controller.endTransaction(id, 'abort')).toMatchObject({ state: 'ABORTED' });
});

test('a chunk on several workers is read from one of them', async () => {
  const database = await register(director({ uniquePrimaryKey: false }));
  const { id } = await begun(database, [7480]);
  await metadata.run(
    (sql) => sql`INSERT INTO qserv.replica (worker, database, chunk, verify_time)
      SELECT w, ${database}, 7480, 1 FROM unnest(ARRAY['w1', 'w2']) AS w ON CONFLICT DO NOTHING`,
  );
  for (const worker of workers.keys()) await put(database, worker, 7480, id, ['1', '2', '3']);
  await controller.endTransaction(id, 'commit');
  expect(await keysOf(database)).toEqual(['1', '2', '3']);
  await controller.publish(database);
  const report = await controller.buildDirectorIndex(database, 'Object', { rebuild: true });
  expect(report).toEqual({ chunks: 1, rows: 3 });
  expect(await keysOf(database)).toEqual(['1', '2', '3']);
});

test('a worker that is away leaves the commit to be ended: only its chunks are missing', async () => {
  const database = await register(director({ uniquePrimaryKey: false }));
  const { id, places } = await begun(database, [7480, 7310, 7140, 7141]);
  for (const [i, { worker, chunk }] of places.entries()) await put(database, worker, chunk, id, [`${i}`]);
  const [away] = places.map(({ worker }) => worker) as [string];
  const reached: unknown[] = [];
  const nowhere = { host: '127.0.0.1', port: 1, user: 'nobody', password: '' };
  const access = Object.fromEntries(servers.workers.map((w) => [w.name, w.name === away ? nowhere : w.mysql]));
  const cut = new NativeController({ target: 'test', servers: nativeServers(servers.master, access), metadata });
  await expect(cut.endTransaction(id, 'commit')).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    details: { failures: { [away]: expect.any(Object) } },
  });
  await cut.close();
  expect(await controller.transaction(id)).toMatchObject({ state: 'IS_FINISHING' });
  const here = places.filter(({ worker }) => worker !== away);
  expect(await keysOf(database)).toHaveLength(here.length);
  const again = new NativeController({
    target: 'test',
    servers,
    metadata,
    steps: (step, { chunk }) => void (step === 'index.chunk.mark' && reached.push(chunk)),
  });
  const ended = await again.endTransaction(id, 'commit');
  await again.close();
  expect(ended).toMatchObject({ state: 'FINISHED', directorIndexBuilt: true });
  expect(reached).toHaveLength(places.length - here.length);
  expect(await keysOf(database)).toHaveLength(places.length);
});

test('progress is logged while chunks are taken in', async () => {
  const database = await register();
  const { id, places } = await begun(database, [7480]);
  await put(database, places[0]?.worker as string, 7480, id, ['1']);
  const seen = async () => (await controller.transaction(id)).log.find((e) => e.name === 'progress bld dir idx');
  const slow = new NativeController({
    target: 'test',
    servers,
    metadata,
    progressMs: 5,
    steps: async (step) => {
      if (step === 'index.chunk.load') while ((await seen()) === undefined);
    },
  });
  await slow.endTransaction(id, 'commit');
  await slow.close();
  const { log } = await controller.transaction(id);
  const begin = log.find((e) => e.name === 'begin bld dir idx');
  expect((await seen())?.data).toEqual({ ...begin?.data, progress: { complete: 0, total: 1 } });
  expect(log.at(-1)?.name).toBe('end bld dir idx');
});

test('a chunk that two take in at once is there once', async () => {
  const database = await register(director({ uniquePrimaryKey: false }));
  const { id, places } = await begun(database, [7480]);
  await put(database, places[0]?.worker as string, 7480, id, ['1', '2']);
  const { marks } = indexNames(database, 'Object');
  await createMarks(master, marks);
  const source: ChunkSource = {
    worker: workers.get(places[0]?.worker as string) as DataServer,
    database,
    table: 'Object_7480',
    chunk: 7480,
    key: 'objectId',
  };
  const place = { marks, transactionId: id };
  const target: IndexTarget = { master, index: indexOf(database), place, layered: true };
  const options: ChunkOptions = { steps: () => {}, check: async () => {} };
  const both = await Promise.all([indexChunk(source, target, options), indexChunk(source, target, options)]);
  expect(both).toContain(2);
  expect(both).toContain(undefined);
  expect(await keysOf(database)).toEqual(['1', '2']);
  expect(await readMarks(master, place)).toEqual(new Map([[7480, 2]]));
  await controller.endTransaction(id, 'commit');
  expect(await keysOf(database)).toEqual(['1', '2']);
  expect(await master.rows('marks', `SELECT * FROM ${quoteTable(PUBLISH_SCHEMA, marks)}`)).toEqual([]);
});
