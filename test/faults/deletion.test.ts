import { NativeController } from '../../ingest/controller/native/controller';
import { DELETE_STEPS } from '../../ingest/controller/native/delete';
import { PUBLISH_STEPS } from '../../ingest/controller/native/publish/publish';
import { REPLACE_STEPS } from '../../ingest/controller/native/replacements';
import { STAGING_SCHEMA, stagingTable } from '../../ingest/core/names';
import type { StepHook } from '../../ingest/core/steps';
import type { DataServer } from '../../ingest/storage/data/connection';
import { type Metadata, openMetadata } from '../../ingest/storage/metadata';
import { nativeServers } from '../support/native';
import { everything } from '../support/published';
import { dataServer, putRows, registerCatalog } from '../support/registered';
import { loadNext, publishedCatalog } from '../support/replacing';
import { freshDatabase, privateMariaDb } from '../support/servers';

/** Nothing of a deleted table or database is left on any server, whatever state it was in: all schemas and tables are compared. */

jest.setTimeout(180_000);

const mariadbs = {
  master: privateMariaDb('delete-master', 'master'),
  w1: privateMariaDb('delete-w1'),
  w2: privateMariaDb('delete-w2'),
};
let metadata: Metadata;
let controller: NativeController;
let hook: StepHook = () => {};
let master: DataServer;
const workers = new Map<string, DataServer>();
/** Steps at which an operation breaks off: all of them by FAULT_ROUNDS, else those that leave something of their own behind. */
const some = <T extends string>(all: readonly T[], few: T[]) => (process.env.FAULT_ROUNDS === undefined ? few : all);
const PUBLISH = some(PUBLISH_STEPS, [
  'publish.table.exchange',
  'publish.table.full',
  'publish.table.rename',
  'publish.css-tables',
  'publish.flags',
]);
const REPLACE = some(REPLACE_STEPS, ['replace.hidden', 'replace.rename', 'replace.master', 'replace.drop']);
const VERSION = { chunks: [7480, 7310], rows: 60 };

beforeAll(async () => {
  metadata = openMetadata(await freshDatabase());
  await metadata.migrate();
  await Promise.all(Object.values(mariadbs).map((server) => server.start()));
  const { master: first, w1, w2 } = mariadbs;
  const servers = nativeServers(first.mysql, { w1: w1.mysql, w2: w2.mysql });
  controller = new NativeController({
    target: 'test',
    servers,
    metadata,
    steps: (step, detail) => hook(step, detail),
  });
  master = dataServer('master', servers.master);
  for (const { name, mysql } of servers.workers) workers.set(name, dataServer(name, mysql));
  // What stays once it was made is made.
  const database = await publishedCatalog({ controller, master, workers }, VERSION);
  await controller.deleteDatabase(database);
});
afterAll(async () => {
  await controller.close();
  await Promise.all([master, ...workers.values()].map((server) => server.close()));
  await metadata.close();
  await Promise.all(Object.values(mariadbs).map((server) => server.stop()));
});
afterEach(() => {
  hook = () => {};
});

const world = () => Promise.all([master, ...workers.values()].map(everything));
const records = async (database: string) => {
  const [row] = await metadata.run(
    (sql) => sql<{ n: number }[]>`SELECT (SELECT count(*) FROM qserv.config_database WHERE database = ${database})
      + (SELECT count(*) FROM qserv.config_database_table WHERE database = ${database})
      + (SELECT count(*) FROM qserv.load_unit WHERE database = ${database})
      + (SELECT count(*) FROM qserv.transaction_contrib WHERE database = ${database})
      + (SELECT count(*) FROM qserv.stats_table_rows WHERE database = ${database}) AS n`,
  );
  return row?.n;
};

/** Lets an operation break off at a step. */
async function brokenAt(step: string, work: () => Promise<unknown>): Promise<void> {
  let reached = false;
  hook = (name) => {
    if (name !== step || reached) return;
    reached = true;
    throw new Error('stop here');
  };
  await expect(work()).rejects.toThrow('stop here');
  hook = () => {};
}

/** A catalog in the middle of loading: an open super-transaction, a unit of a table under way with its staging tables. */
async function loading(): Promise<string> {
  const database = await registerCatalog(controller);
  const { id } = await controller.beginTransaction(database, {});
  const [place] = await controller.allocateChunks({ database }, [7480, 0]);
  const server = workers.get(place?.worker as string) as DataServer;
  await putRows(server, database, 'Object', 7480, false, id, 10);
  await server.run('staging', `CREATE DATABASE IF NOT EXISTS ${STAGING_SCHEMA}`);
  for (const [table, chunk] of [
    ['Object', 7480],
    ['Object', 0],
    ['Filter', 0],
  ] as const) {
    const unit = { transactionId: id, database, table, chunk, overlap: false };
    const staging = stagingTable(unit, 'attempt1');
    await server.run('staging', `CREATE TABLE ${STAGING_SCHEMA}.${staging} (a INT)`);
    await metadata.run(
      (sql) => sql`
        INSERT INTO qserv.load_unit (transaction_id, worker, database, "table", chunk, is_overlap, request, token, staging)
        VALUES (${id}, ${place?.worker as string}, ${database}, ${table}, ${chunk}, false, 'x', 'attempt1', ${staging})`,
    );
  }
  return database;
}

/** A catalog of which publish broke off. */
async function broken(step: string): Promise<string> {
  const database = await registerCatalog(controller);
  const [a, b] = [await controller.beginTransaction(database, {}), await controller.beginTransaction(database, {})];
  const places = await controller.allocateChunks({ database }, [7480, 7310]);
  for (const { chunk, worker } of places) {
    const server = workers.get(worker) as DataServer;
    await putRows(server, database, 'Object', chunk, false, a.id, 30);
    for (const { id } of [a, b]) await putRows(server, database, 'Source', chunk, false, id, 30);
  }
  for (const { id } of [a, b]) await controller.endTransaction(id, 'commit');
  await brokenAt(step, () => controller.publish(database));
  return database;
}

describe('a database', () => {
  const gone = async (make: () => Promise<string>) => {
    const before = await world();
    const database = await make();
    await controller.deleteDatabase(database, { published: true });
    expect(await world()).toEqual(before);
    expect(await records(database)).toBe(0);
  };

  test('that was only registered', () => gone(() => registerCatalog(controller)));

  test('that is being loaded', () => gone(loading));

  test.each(PUBLISH)('of which publish broke off at %s', (step) => gone(() => broken(step)));

  test('that is published', () =>
    gone(async () => {
      const database = await publishedCatalog({ controller, master, workers }, VERSION);
      await controller.publish(database);
      await controller.collectRowCounters(database, 'Object', { policy: 'ENABLED' });
      await controller.deployRowCounters(database, 'Object');
      return database;
    }));

  test('with loaded next versions', () =>
    gone(async () => {
      const database = await publishedCatalog({ controller, master, workers }, VERSION);
      await loadNext({ controller, master, workers }, database, ['Object', 'Filter'], { ...VERSION, rows: 90 });
      return database;
    }));

  test.each(REPLACE)('of which a replacement broke off at %s', (step) =>
    gone(async () => {
      const database = await publishedCatalog({ controller, master, workers }, VERSION);
      await loadNext({ controller, master, workers }, database, ['Object', 'Filter'], { ...VERSION, rows: 90 });
      await brokenAt(step, () => controller.publish(database));
      return database;
    }),
  );

  test.each(DELETE_STEPS)('of which deletion broke off at %s', (step) =>
    gone(async () => {
      const database = await publishedCatalog({ controller, master, workers }, VERSION);
      await brokenAt(step, () => controller.deleteDatabase(database));
      return database;
    }),
  );
});

describe('a table', () => {
  const gone = async (
    make: () => Promise<string>,
    table: string,
    between: (database: string) => Promise<unknown> = async () => {},
  ) => {
    const database = await make();
    const before = await world();
    await between(database);
    await controller.deleteTable(database, table, { published: true });
    const after = await world();
    const isOf = (line: string) =>
      line.includes(database)
        ? new RegExp(`${database}( |/TABLES/|__)${table}(FullOverlap)?(_[0-9]+|/.*|__rows)?$`).test(line)
        : new RegExp(`^qserv_ingest_[a-z]+ .*_${table}(FullOverlap)?(_[0-9]+)?$`).test(line);
    expect(before.flat().filter(isOf).length).toBeGreaterThan(0);
    expect(after).toEqual(before.map((lines) => lines.filter((line) => !isOf(line))));
    await controller.deleteDatabase(database, { published: true });
  };

  test.each(['Source', 'Filter'])('that was only registered: %s', (table) =>
    gone(() => registerCatalog(controller), table),
  );

  test('that is being loaded', () => gone(loading, 'Filter'));

  test.each(['publish.table.exchange', 'publish.table.full', 'publish.table.rename', 'publish.flags'])(
    'of which publish broke off at %s',
    (step) => gone(() => broken(step), 'Source'),
  );

  test('that is published', () =>
    gone(async () => {
      const database = await publishedCatalog({ controller, master, workers }, VERSION);
      await controller.publish(database);
      await controller.collectRowCounters(database, 'Source', { policy: 'ENABLED' });
      await controller.deployRowCounters(database, 'Source');
      return database;
    }, 'Source'));

  test.each(DELETE_STEPS)('of which deletion broke off at %s', (step) =>
    gone(
      () => publishedCatalog({ controller, master, workers }, VERSION),
      'Source',
      (database) => brokenAt(step, () => controller.deleteTable(database, 'Source')),
    ),
  );

  test('whose rows another table’s staging waits for is gone, and the other’s staging stays', async () => {
    const database = await loading();
    await controller.deleteTable(database, 'Filter');
    const staging = (await world()).flat().filter((line) => line.startsWith(`${STAGING_SCHEMA} `));
    expect(staging.map((line) => line.slice(line.indexOf('attempt1')))).toEqual([
      'attempt1_Object',
      'attempt1_Object_7480',
    ]);
    const tokens = await metadata.run(
      (sql) => sql<{ token: string | null }[]>`SELECT token FROM qserv.load_unit WHERE database = ${database}`,
    );
    expect(tokens.map((row) => row.token)).toEqual(['attempt1', 'attempt1']);
    await controller.deleteDatabase(database);
  });
});
