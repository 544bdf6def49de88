import { sharedServers } from '../../../test/support/native';
import { cssTree, emptyChunks } from '../../../test/support/published';
import { contents, dataServer, facts, putRows, registerCatalog } from '../../../test/support/registered';
import { freshDatabase } from '../../../test/support/servers';
import { DUMMY_CHUNK } from '../../core/names';
import { type DataServer, quoteTable } from '../../storage/data/connection';
import { laneLocks } from '../../storage/data/lanes';
import { takeLock } from '../../storage/data/user-locks';
import { type Metadata, openMetadata } from '../../storage/metadata';
import { CATALOG_TABLES } from '../contract';
import { NativeController } from './controller';

/** What a published catalog means to its readers, in MariaDB: docs/contract/storage.md §4 and §6. */

jest.setTimeout(60_000);

let metadata: Metadata;
let controller: NativeController;
let master: DataServer;
const workers = new Map<string, DataServer>();
/** Steps that were announced, with what they were about. */
let steps: { step: string; detail: Record<string, unknown> }[] = [];

beforeAll(async () => {
  metadata = openMetadata(await freshDatabase());
  await metadata.migrate();
  const servers = await sharedServers();
  controller = new NativeController({
    target: 'test',
    servers,
    metadata,
    steps: (step, detail) => {
      steps.push({ step, detail });
    },
  });
  master = dataServer('master', servers.master);
  for (const { name, mysql } of servers.workers) workers.set(name, dataServer(name, mysql));
});
afterAll(async () => {
  await controller.close();
  await Promise.all([master, ...workers.values()].map((server) => server.close()));
  await metadata.close();
});
beforeEach(() => {
  steps = [];
});

const worker = (name: string | undefined) => workers.get(name ?? '') as DataServer;
const extra = { kind: 'regular' as const, name: 'Extra', schema: [{ name: 'a', type: 'INT' }] };
const dependent = { ...CATALOG_TABLES.source, name: 'Forced' };

async function published(chunks = [7480]): Promise<string> {
  const database = await registerCatalog(controller);
  await controller.allocateChunks({ database }, chunks);
  await controller.publish(database);
  return database;
}

test('the metadata of the query front end', async () => {
  const database = await published([7480, 7310]);
  const tree = await cssTree(master, database);
  expect(tree).toMatchObject({
    '': 'READY',
    '/.packed.json': JSON.stringify({
      releaseStatus: 'RELEASED',
      storageClass: 'L2',
      partitioning: '{"nStripes":"85","nSubStripes":"12","overlap":"0.016670"}',
    }),
    '/TABLES/Filter': 'READY',
    '/TABLES/Object': 'READY',
    '/TABLES/Source': 'READY',
  });
  expect(JSON.parse(tree['/TABLES/Source/partitioning/.packed.json'] ?? '')).toMatchObject({
    dirDb: 'D',
    dirTable: 'Object',
    dirColName: 'objectId',
  });
  const empty = await emptyChunks(master, database);
  expect(empty).toHaveLength(8981);
  expect(empty).not.toContain(7480);
  expect(empty).not.toContain(7310);
  expect(empty).toEqual(expect.arrayContaining([0, 7140, 14280]));
  expect(empty).not.toContain(DUMMY_CHUNK);
});

test('nothing that readers see changes with unpublish', async () => {
  const database = await published();
  const seen = async () => ({
    css: await cssTree(master, database),
    empty: await emptyChunks(master, database),
    master: await contents(master, database),
    workers: await Promise.all([...workers.values()].map((server) => contents(server, database))),
    chunks: await Promise.all(
      [...workers.values()].map((server) =>
        server.rows('chunks', 'SELECT chunk FROM qservw_worker.Chunks WHERE db = ? ORDER BY 1', [database]),
      ),
    ),
  });
  const before = await seen();
  await controller.unpublish(database);
  expect(await seen()).toEqual(before);
});

test('published tables are not looked at: publishing beside them goes on while they are locked', async () => {
  const database = await published([7480, 7310]);
  await controller.unpublish(database);
  await controller.registerTable(database, extra);
  await controller.registerTable(database, dependent);
  const finals = await Promise.all(
    [...workers.values()].map(async (server) => ({
      server,
      names: Object.keys(await contents(server, database)).filter((name) => !/^(Extra|Forced)/.test(name)),
    })),
  );
  steps = [];
  const locks = await Promise.all(
    finals.map(async ({ server, names }) => {
      let unlock!: () => void;
      const released = new Promise<void>((resolve) => {
        unlock = resolve;
      });
      const locked = new Promise<void>((resolve, reject) => {
        const held = server.connection('lock', async (connection) => {
          await connection.run('lock', `LOCK TABLES ${names.map((name) => `${database}.${name} WRITE`).join(', ')}`);
          resolve();
          await released;
          await connection.run('unlock', 'UNLOCK TABLES');
        });
        held.catch(reject);
      });
      await locked;
      return unlock;
    }),
  );
  const stopLogging = await Promise.all([...workers.values()].map((server) => logStatements(server, database)));
  await controller.publish(database).finally(() => {
    for (const unlock of locks) unlock();
  });
  const statements = (await Promise.all(stopLogging.map((stop) => stop()))).flat();
  const about = (name: RegExp) =>
    statements.filter((text) => name.test(text.replaceAll(/Forced[A-Za-z]*_?[0-9]*/g, '')));
  expect(about(/Object|Source|Filter/)).toEqual([]);
  expect(statements.join()).toMatch(/Extra.*Forced_7480|Forced_7480.*Extra/s);
});

/** Notes every statement that a server gets and that speaks of the database, until the returned function is called. */
async function logStatements(server: DataServer, database: string): Promise<() => Promise<string[]>> {
  await server.run('log', "SET GLOBAL log_output = 'TABLE', GLOBAL general_log = 1");
  return async () => {
    await server.run('log', 'SET GLOBAL general_log = 0');
    const sql = "SELECT CONVERT(argument USING utf8) AS text FROM mysql.general_log WHERE command_type = 'Query'";
    const rows = await server.rows<{ text: string }>('read the log', `${sql} AND argument LIKE '%${database}%'`);
    return rows.map((row) => row.text);
  };
}

test('chunks that came since get tables of published siblings too, as these are by now, and never with partitions', async () => {
  const database = await published();
  // An administrator changed the published table since: a column more, an index.
  for (const server of workers.values()) {
    for (const name of Object.keys(await contents(server, database)).filter((one) => one.startsWith('Object'))) {
      await server.run('alter', `ALTER TABLE ${database}.${name} ADD COLUMN later INT, ADD INDEX byKey (objectId)`);
    }
  }
  await controller.unpublish(database);
  await controller.registerTable(database, dependent);
  const { id } = await controller.beginTransaction(database, {});
  const [place] = await controller.allocateChunks({ database }, [7310]);
  const server = worker(place?.worker);
  await putRows(server, database, 'Forced', 7310, false, id, 100, 'Source');
  await controller.endTransaction(id, 'commit');
  const before = facts(await contents(server, database));
  steps = [];
  await controller.publish(database);

  const after = await contents(server, database);
  expect(facts(after)).toMatchObject(before);
  for (const name of ['Object_7310', 'ObjectFullOverlap_7310', 'Source_7310', 'SourceFullOverlap_7310']) {
    expect(after[name]).toEqual({ rows: 0, checksum: '0/0', partitions: [] });
  }
  const definition = async (name: string) => {
    const [row] = await server.rows('show', `SHOW CREATE TABLE ${database}.${name}`);
    return String(row?.['Create Table']).replace(name, 'T');
  };
  expect(await definition('Object_7310')).toBe(await definition(`Object_${DUMMY_CHUNK}`));
  expect(await definition('ObjectFullOverlap_7310')).toContain('KEY `byKey`');
  const made = steps.flatMap(({ step, detail }) => (step === 'publish.table.create' ? [String(detail.table)] : []));
  expect(made.filter((name) => /^(Object|Source)/.test(name)).sort()).toEqual([
    'ObjectFullOverlap_7310',
    'Object_7310',
    'SourceFullOverlap_7310',
    'Source_7310',
  ]);
  expect(await emptyChunks(master, database)).not.toContain(7310);
});

test('a chunk is allocated before publish looks at the chunks, or not at all', async () => {
  const database = await registerCatalog(controller);
  await controller.allocateChunks({ database }, [7480]);
  const impatient = new NativeController({ target: 'test', servers: await sharedServers(), metadata, lockWaitMs: 50 });
  const asked: unknown[] = [];
  const during = new NativeController({
    target: 'test',
    servers: await sharedServers(),
    metadata,
    steps: async (step) => {
      if (step === 'publish.empty-chunks')
        asked.push(await impatient.allocateChunks({ database }, [7310]).catch((e) => e));
    },
  });
  await during.publish(database);
  expect(asked).toEqual([expect.objectContaining({ code: 'BUSY' })]);
  expect(await controller.chunks(database)).toHaveLength(1);
  expect(await emptyChunks(master, database)).toContain(7310);
  await Promise.all([during.close(), impatient.close()]);
});

test('what a process that is gone still does on a server is ended before anybody looks', async () => {
  const database = await registerCatalog(controller);
  const [place] = await controller.allocateChunks({ database }, [7480]);
  const { id } = await controller.beginTransaction(database, {});
  const on = worker(place?.worker);
  await putRows(on, database, 'Object', 7480, false, id, 5);
  await controller.endTransaction(id, 'commit');
  const final = quoteTable(database, 'Object_7480');
  await on.connection('read', async (reader) => {
    await reader.run('lock', `LOCK TABLES ${final} READ`);
    let atWork = () => {};
    const begun = new Promise<void>((resolve) => {
      atWork = resolve;
    });
    const left = on.connection('left', async (connection) => {
      await takeLock(connection, laneLocks(database)[0] as string, 1);
      const dropped = connection.run('drop', `DROP TABLE ${final}`);
      atWork();
      await dropped;
    });
    const ended = expect(left).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await begun;
    const published = controller.publish(database);
    await ended;
    await reader.run('unlock', 'UNLOCK TABLES');
    await published;
  });
  expect(facts(await contents(on, database)).Object_7480).toMatchObject({ rows: 5 });
});

test('a family has one partitioning, also when its other databases are unpublished just now', async () => {
  const partitionings: unknown[] = [];
  for (const name of ['first', 'second'].map((what) => `${what}_${Date.now()}`)) {
    await controller.registerDatabase({ name, numStripes: 21, numSubStripes: 3, overlap: 0.01 });
    await controller.registerTable(name, CATALOG_TABLES.object);
    await controller.allocateChunks({ database: name }, [0]);
    await controller.publish(name);
    const sql = 'SELECT kvVal AS v FROM qservCssData.kvData WHERE kvKey = ?';
    partitionings.push(...(await master.rows('read', sql, [`/DBS/${name}/.packed.json`])));
    await controller.unpublish(name);
  }
  expect(partitionings[1]).toEqual(partitionings[0]);
});

test('half-written metadata of a publish that broke off is completed', async () => {
  const database = await registerCatalog(controller);
  await controller.allocateChunks({ database }, [7480]);
  await controller.publish(database);
  const whole = await cssTree(master, database);
  await metadata.transaction(async (tx) => {
    await tx`UPDATE qserv.config_database SET is_published = false WHERE database = ${database}`;
    await tx`UPDATE qserv.config_database_table SET is_published = false WHERE database = ${database}`;
  });
  const kvData = 'qservCssData.kvData';
  await master.run('break', `UPDATE ${kvData} SET kvVal = 'DO_NOT_USE' WHERE kvKey = '/DBS/${database}/TABLES/Object'`);
  await master.run('break', `DELETE FROM ${kvData} WHERE kvKey = '/DBS/${database}/TABLES/Object/schema'`);
  await master.run('break', `DELETE FROM ${kvData} WHERE kvKey = '/DBS/${database}/TABLES/Filter/schema'`);
  await master.run('break', `DELETE FROM ${kvData} WHERE kvKey = '/DBS/${database}/TABLES/Filter'`);
  await controller.publish(database);
  expect(await cssTree(master, database)).toEqual(whole);
});

test('a table without columns is refused before anything is changed', async () => {
  const database = await registerCatalog(controller);
  await controller.allocateChunks({ database }, [7480]);
  await metadata.run(
    (sql) => sql`DELETE FROM qserv.config_database_table_schema WHERE database = ${database} AND "table" = 'Source'`,
  );
  await expect(controller.publish(database)).rejects.toMatchObject({
    code: 'ILLEGAL_STATE',
    message: "schema is empty for table: 'Source'",
  });
  expect(await cssTree(master, database)).toEqual({});
});

test('the list of empty chunks of the largest usual partitioning; replicas on disabled workers do not count', async () => {
  const name = `geo_${Date.now()}`;
  await controller.registerDatabase({ name, numStripes: 340, numSubStripes: 3, overlap: 0.0167 });
  await controller.allocateChunks({ database: name }, [0, 230520]);
  const started = performance.now();
  expect(await controller.rebuildEmptyChunks(name)).toEqual({ chunks: 146330, ingested: 2, all: 146332 });
  const first = performance.now();
  expect(await controller.rebuildEmptyChunks(name, { force: true })).toEqual({
    chunks: 146330,
    ingested: 2,
    all: 146332,
  });
  console.info(
    `146,332 chunks, ms: first ${Math.round(first - started)}, again ${Math.round(performance.now() - first)}`,
  );
  expect(await emptyChunks(master, name)).toHaveLength(146330);
  await metadata.run((sql) => sql`UPDATE qserv.config_worker SET is_enabled = false`);
  expect(await controller.rebuildEmptyChunks(name, { force: true })).toMatchObject({ ingested: 0, chunks: 146332 });
  await metadata.run((sql) => sql`UPDATE qserv.config_worker SET is_enabled = true`);
  await controller.deleteDatabase(name);
  expect(await emptyChunks(master, name)).toBeUndefined();
});

test('a chunk with several replicas: all of them in the form "multi", refused in the other', async () => {
  const database = await published();
  await controller.unpublish(database);
  await metadata.run(
    (sql) => sql`
      INSERT INTO qserv.replica (worker, database, chunk, verify_time)
      SELECT name, ${database}, 7480, 1 FROM qserv.config_worker ON CONFLICT DO NOTHING`,
  );
  const places = await controller.allocateChunks({ database }, [7310, 7480], 'multi');
  expect(places.map(({ chunk }) => chunk)).toEqual([7310, 7480, 7480]);
  expect(places.slice(1).map((place) => place.worker)).toEqual(['w1', 'w2']);
  await expect(controller.allocateChunks({ database }, [7310, 7480])).rejects.toMatchObject({
    code: 'ILLEGAL_STATE',
    details: { chunk: 7480 },
  });
});
