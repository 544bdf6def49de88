import { setTimeout as sleep } from 'node:timers/promises';
import type { MariaDbServer } from '../../dev/mariadb';
import { NativeController } from '../../ingest/controller/native/controller';
import { DELETE_STEPS } from '../../ingest/controller/native/delete';
import { PUBLISH_STEPS } from '../../ingest/controller/native/publish/publish';
import { PUBLISH_SCHEMA } from '../../ingest/core/names';
import type { StepHook } from '../../ingest/core/steps';
import type { DataServer } from '../../ingest/storage/data/connection';
import { tableNames } from '../../ingest/storage/data/drop-tables';
import { type Metadata, openMetadata } from '../../ingest/storage/metadata';
import { nativeServers } from '../support/native';
import { cssTree, emptyChunks, everything } from '../support/published';
import { contents, dataServer, facts, putRows, registerCatalog } from '../support/registered';
import { freshDatabase, privateMariaDb } from '../support/servers';

/**
 * MariaDB is killed (SIGKILL) at every named step of publish, restarted, and publish repeated: no table and no row is lost.
 * Every other round it is killed a moment after the step was announced, while its statement runs.
 */

const ROUNDS = process.env.FAULT_ROUNDS === undefined ? 2 : 10;
const CHUNKS = [7480, 7310, 7140];

/** Tables at which it is killed, by turns; those of other steps do not matter. */
const RENAMED = ['Object_7310', 'Filter', 'ObjectFullOverlap_7140'];
const COPIED = ['Source_7310', 'Source_7140'];
const TARGETS: Partial<Record<(typeof PUBLISH_STEPS)[number], string[]>> = {
  'publish.table.create': ['Object_7480', 'SourceFullOverlap_7480'],
  'publish.table.twin': [...RENAMED, ...COPIED],
  'publish.table.exchange': RENAMED,
  'publish.table.copy': COPIED,
  'publish.table.full': [...RENAMED, ...COPIED],
  'publish.table.empty': COPIED,
  'publish.table.drop': [...RENAMED, ...COPIED],
  'publish.table.rename': [...RENAMED, ...COPIED],
};

/** Steps after which a statement goes to the master. */
const ON_MASTER: string[] = ['publish.master', 'publish.empty-chunks', 'publish.css-database', 'publish.css-tables'];

jest.setTimeout(120_000 + ROUNDS * 60_000);

let metadata: Metadata;
let master: MariaDbServer;
let worker: MariaDbServer;
let server: DataServer;
let masterServer: DataServer;
let hook: StepHook = () => {};
let controller: NativeController;
/** What queries find after a publish that nothing happened to. */
let cleanRun: { css: unknown; empty: unknown };

beforeAll(async () => {
  metadata = openMetadata(await freshDatabase());
  await metadata.migrate();
  master = privateMariaDb('publish-master', 'master');
  worker = privateMariaDb('publish-worker');
  await Promise.all([master.start(), worker.start()]);
  server = dataServer('worker', worker.mysql);
  masterServer = dataServer('master', master.mysql);
  controller = new NativeController({
    target: 'test',
    servers: nativeServers(master.mysql, { worker: worker.mysql }),
    metadata,
    steps: (step, detail) => hook(step, detail),
  });
  const database = await loadedCatalog();
  await controller.publish(database);
  cleanRun = { css: await cssTree(masterServer, database), empty: await emptyChunks(masterServer, database) };
});

afterAll(async () => {
  await Promise.all([controller.close(), server.close(), masterServer.close()]);
  await metadata.close();
  await Promise.all([master.stop(), worker.stop()]);
});

/** Rows in one partition (Object), in two (Source) and in a regular table; a chunk without any. */
async function loadedCatalog(): Promise<string> {
  const database = await registerCatalog(controller);
  const [a, b] = [await controller.beginTransaction(database, {}), await controller.beginTransaction(database, {})];
  await controller.allocateChunks({ database }, CHUNKS);
  for (const chunk of CHUNKS.slice(1)) {
    await putRows(server, database, 'Object', chunk, false, a.id, 3000);
    await putRows(server, database, 'Object', chunk, true, b.id, 40);
    await putRows(server, database, 'Source', chunk, false, a.id, 20_000);
    await putRows(server, database, 'Source', chunk, false, b.id, 10_000);
  }
  await putRows(server, database, 'Filter', 0, false, a.id, 9);
  for (const { id } of [a, b]) await controller.endTransaction(id, 'commit');
  return database;
}

test.each(PUBLISH_STEPS)('killed at %s', async (step) => {
  for (let round = 0; round < ROUNDS; round++) {
    const database = await loadedCatalog();
    const before = await contents(server, database);
    const victim = ON_MASTER.includes(step) ? master : worker;
    const targets = TARGETS[step];
    const target = targets?.[Math.floor(round / 2) % targets.length];
    let killed: Promise<void> | undefined;
    hook = async (name, { table }) => {
      if (name !== step || killed !== undefined || (target !== undefined && table !== target)) return;
      if (round % 2 === 0) {
        killed = victim.kill();
        await killed;
      } else killed = sleep(Math.random() * 6).then(() => victim.kill());
    };
    const outcome = await controller.publish(database).then(
      () => 'published',
      (error: { code: string }) => error.code,
    );
    hook = () => {};
    expect(killed).toBeDefined();
    await killed;
    // The flags are the last step and do not need MariaDB.
    expect(['UNAVAILABLE', ...(round % 2 === 1 || step === 'publish.flags' ? ['published'] : [])]).toContain(outcome);
    await victim.start();

    const { database: published } = await controller.publish(database);

    expect(published.isPublished).toBe(true);
    const after = await contents(server, database);
    expect(facts(after)).toMatchObject(facts(before));
    expect(Object.keys(after)).toHaveLength(1 + 2 * (3 + 2 * CHUNKS.length));
    for (const table of Object.values(after)) expect(table.partitions).toEqual([]);
    expect(Object.keys(await contents(masterServer, database))).toEqual(['Filter', 'Object', 'Source']);
    expect(await tableNames(server, PUBLISH_SCHEMA)).toEqual([]);
    expect(await cssTree(masterServer, database)).toEqual(cleanRun.css);
    expect(await emptyChunks(masterServer, database)).toEqual(cleanRun.empty);
  }
});

/** Of deletion: which servers are killed at a step, one after the other. */
const victimsOf = (step: (typeof DELETE_STEPS)[number]): ('master' | 'worker')[] => {
  if (step === 'delete.worker') return ['worker'];
  return step === 'delete.css' || step === 'delete.master' ? ['master'] : ['master', 'worker'];
};
const DELETIONS = DELETE_STEPS.flatMap((step) => victimsOf(step).map((which) => [step, which] as const));

test.each(DELETIONS)('deletion, killed at %s: the %s', async (step, which) => {
  const victim = which === 'master' ? master : worker;
  const traces = async (database: string) =>
    (await Promise.all([masterServer, server].map(everything))).flat().filter((line) => line.includes(database));
  for (const what of ['table', 'database'] as const) {
    const database = await loadedCatalog();
    await controller.publish(database);
    const remove = () =>
      what === 'table'
        ? controller.deleteTable(database, 'Source', { published: true })
        : controller.deleteDatabase(database, { published: true });
    let killed: Promise<void> | undefined;
    hook = async (name) => {
      if (name !== step || killed !== undefined) return;
      // Of the database a moment after the step was announced, while its statement runs.
      killed = what === 'table' ? victim.kill() : sleep(Math.random() * 6).then(() => victim.kill());
      if (what === 'table') await killed;
    };
    await remove().catch((error) => expect(error).toMatchObject({ code: 'UNAVAILABLE' }));
    hook = () => {};
    expect(killed).toBeDefined();
    await killed;
    await victim.start();
    await remove();
    const left = await traces(database);
    if (what === 'database') expect(left).toEqual([]);
    else {
      expect(left.filter((line) => line.includes('Source'))).toEqual([]);
      expect(left).toContain(`${database} Object_7310`);
    }
  }
});

test('unpublish needs no MariaDB', async () => {
  const database = await loadedCatalog();
  await controller.publish(database);
  await Promise.all([master.kill(), worker.kill()]);
  expect((await controller.unpublish(database)).isPublished).toBe(false);
  await Promise.all([master.start(), worker.start()]);
  expect(await cssTree(masterServer, database)).toEqual(cleanRun.css);
  expect((await controller.publish(database)).database.isPublished).toBe(true);
});
