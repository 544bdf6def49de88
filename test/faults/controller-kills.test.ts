import { randomBytes } from 'node:crypto';
import { BEGIN_STEPS } from '../../ingest/controller/native/begin';
import { NativeController, type NativeServers } from '../../ingest/controller/native/controller';
import { DELETE_STEPS } from '../../ingest/controller/native/delete';
import { END_STEPS } from '../../ingest/controller/native/end';
import { PUBLISH_STEPS } from '../../ingest/controller/native/publish/publish';
import { PUBLISH_SCHEMA } from '../../ingest/core/names';
import type { DataServer } from '../../ingest/storage/data/connection';
import { publishNames } from '../../ingest/storage/data/finish-table';
import { scanRows } from '../../ingest/storage/data/scan';
import { type Metadata, openMetadata } from '../../ingest/storage/metadata';
import type { ControllerOrder } from '../support/controller-child';
import { ControllerProcess } from '../support/controller-process';
import { sharedServers } from '../support/native';
import { cssTree, emptyChunks, everything } from '../support/published';
import { contents, dataServer, facts, putRows, registerCatalog } from '../support/registered';
import { freshDatabase } from '../support/servers';

/**
 * A controller process is killed (SIGKILL) at every named step of its operations; whoever calls next brings it to an end.
 * A controller that lost its lock stops by itself.
 */

jest.setTimeout(120_000);

const TARGET = 'test';
/** Without those of tables with several full partitions. */
const SINGLE_STEPS = PUBLISH_STEPS.filter((step) => !['publish.table.copy', 'publish.table.empty'].includes(step));
let postgresUrl: string;
let metadata: Metadata;
let servers: NativeServers;
let controller: NativeController;
/** Does not wait for what others do. */
let impatient: NativeController;
let master: DataServer;
const workers = new Map<string, DataServer>();
/** What queries find after a publish that nothing happened to. */
let cleanRun: { css: unknown; empty: unknown };

beforeAll(async () => {
  postgresUrl = await freshDatabase();
  metadata = openMetadata(postgresUrl);
  await metadata.migrate();
  servers = await sharedServers();
  controller = new NativeController({ target: TARGET, servers, metadata });
  impatient = new NativeController({ target: TARGET, servers, metadata, lockWaitMs: 50 });
  master = dataServer('master', servers.master);
  for (const { name, mysql } of servers.workers) workers.set(name, dataServer(name, mysql));
  const { database, id } = await loaded();
  await controller.endTransaction(id, 'commit');
  await controller.publish(database);
  cleanRun = { css: await cssTree(master, database), empty: await emptyChunks(master, database) };
});

afterAll(async () => {
  await Promise.all([
    controller.close(),
    impatient.close(),
    master.close(),
    ...[...workers.values()].map((w) => w.close()),
  ]);
  await metadata.close();
});

const killedAt = async (waitAt: string, ...call: ControllerOrder['call']) => {
  const child = await ControllerProcess.waitingAt({ postgresUrl, target: TARGET, servers, call, waitAt });
  return child;
};

/** A catalog with rows of one super-transaction on the chunk's worker, and their contribution's record. */
async function loaded() {
  const database = await registerCatalog(controller);
  const { id } = await controller.beginTransaction(database, {});
  const [place] = await controller.allocateChunks({ database }, [7480]);
  const worker = place?.worker as string;
  const server = workers.get(worker) as DataServer;
  await putRows(server, database, 'Object', 7480, false, id, 500);
  await metadata.run(
    (sql) => sql`
      INSERT INTO qserv.transaction_contrib (transaction_id, worker, database, "table", chunk, is_overlap, url)
      VALUES (${id}, ${worker}, ${database}, 'Object', 7480, false, 'file:///x')`,
  );
  return { database, id, server };
}

test.each(BEGIN_STEPS)('begin, killed at %s', async (step) => {
  const database = await registerCatalog(controller);
  const context = { token: randomBytes(6).toString('hex') };
  const child = await killedAt(step, 'beginTransaction', database, context);
  await child.kill();
  const begun = await controller.beginTransaction(database, context);
  expect(begun).toMatchObject({ state: 'STARTED', context });
  expect((await controller.transactions({ database })).map((t) => t.id)).toEqual([begun.id]);
});

test('begin, killed before STARTED, can be aborted', async () => {
  const database = await registerCatalog(controller);
  const child = await killedAt('begin.started', 'beginTransaction', database, {});
  const [stuck] = await controller.transactions({ database });
  expect(stuck?.state).toBe('IS_STARTING');
  await expect(impatient.endTransaction(stuck?.id as number, 'abort')).rejects.toMatchObject({ code: 'BUSY' });
  await child.kill();
  expect(await controller.endTransaction(stuck?.id as number, 'abort')).toMatchObject({ state: 'ABORTED' });
});

const COMMIT_STEPS = END_STEPS.filter((step) => ['end.revoke', 'end.kill', 'end.finished'].includes(step));
const ABORT_STEPS = END_STEPS.filter((step) => step !== 'end.finished');

test.each(COMMIT_STEPS)('commit, killed at %s', async (step) => {
  const { database, id, server } = await loaded();
  const child = await killedAt(step, 'endTransaction', id, 'commit');
  // As long as it lives nobody takes its place.
  await expect(impatient.endTransaction(id, 'commit')).rejects.toMatchObject({ code: 'BUSY' });
  await child.kill();
  expect(await controller.endTransaction(id, 'commit')).toMatchObject({ state: 'FINISHED' });
  expect((await contents(server, database)).Object_7480).toMatchObject({ rows: 500 });
});

test.each(COMMIT_STEPS)('commit, killed at %s, then aborted', async (step) => {
  const { database, id, server } = await loaded();
  const child = await killedAt(step, 'endTransaction', id, 'commit');
  await child.kill();
  expect(await controller.endTransaction(id, 'abort')).toMatchObject({ state: 'ABORTED' });
  expect((await contents(server, database)).Object_7480).toMatchObject({ rows: 0, partitions: ['p0'] });
});

test.each(ABORT_STEPS)('abort, killed at %s', async (step) => {
  const { database, id, server } = await loaded();
  const child = await killedAt(step, 'endTransaction', id, 'abort');
  await expect(impatient.endTransaction(id, 'abort')).rejects.toMatchObject({ code: 'BUSY' });
  await child.kill();
  expect(await controller.endTransaction(id, 'abort')).toMatchObject({ state: 'ABORTED' });
  expect((await contents(server, database)).Object_7480).toMatchObject({ rows: 0, partitions: ['p0'] });
});

test.each(SINGLE_STEPS)('publish, killed at %s', async (step) => {
  const { database, id, server } = await loaded();
  await controller.endTransaction(id, 'commit');
  const before = await contents(server, database);
  const child = await killedAt(step, 'publish', database);
  await expect(impatient.publish(database)).rejects.toMatchObject({ code: 'BUSY' });
  await child.kill();
  expect((await controller.publish(database)).database.isPublished).toBe(true);
  const after = await contents(server, database);
  expect(facts(after)).toMatchObject(facts(before));
  for (const table of Object.values(after)) expect(table.partitions).toEqual([]);
  expect(await cssTree(master, database)).toEqual(cleanRun.css);
  expect(await emptyChunks(master, database)).toEqual(cleanRun.empty);
});

test('unpublish, killed before the flag', async () => {
  const { database, id } = await loaded();
  await controller.endTransaction(id, 'commit');
  await controller.publish(database);
  const seen = await cssTree(master, database);
  const child = await killedAt('unpublish.flag', 'unpublish', database);
  await expect(impatient.unpublish(database)).rejects.toMatchObject({ code: 'BUSY' });
  await child.kill();
  expect((await controller.database(database)).isPublished).toBe(true);
  expect((await controller.unpublish(database)).isPublished).toBe(false);
  expect(await cssTree(master, database)).toEqual(seen);
});

test('rebuilding the list of empty chunks, killed before it is written', async () => {
  const { database } = await loaded();
  const child = await killedAt('empty-chunks.write', 'rebuildEmptyChunks', database);
  await child.kill();
  expect(await controller.rebuildEmptyChunks(database)).toMatchObject({ chunks: 8982 });
  expect(await emptyChunks(master, database)).toHaveLength(8982);
});

/** Whatever is there of a database on any server. */
const traces = async (database: string) =>
  (await Promise.all([master, ...workers.values()].map(everything))).flat().filter((line) => line.includes(database));

test.each(DELETE_STEPS)('deletion of a published table, killed at %s', async (step) => {
  const { database, id } = await loaded();
  await controller.endTransaction(id, 'commit');
  await controller.publish(database);
  const child = await killedAt(step, 'deleteTable', database, 'Source', { published: true });
  await expect(impatient.deleteTable(database, 'Source', { published: true })).rejects.toMatchObject({ code: 'BUSY' });
  await child.kill();
  await controller.deleteTable(database, 'Source', { published: true });
  expect((await traces(database)).filter((line) => line.includes('Source'))).toEqual([]);
  expect((await controller.database(database)).tables.map((t) => t.definition.name)).toEqual(['Filter', 'Object']);
});

test.each(DELETE_STEPS)('deletion of a database, killed at %s', async (step) => {
  const { database } = await loaded();
  const child = await killedAt(step, 'deleteDatabase', database);
  await child.kill();
  await controller.deleteDatabase(database);
  expect(await traces(database)).toEqual([]);
  expect((await controller.databases()).map((d) => d.name)).not.toContain(database);
});

describe('the lock’s connection is lost', () => {
  /** Ends the server processes that hold advisory locks in this test's database. */
  const cut = () =>
    metadata.run(
      (sql) => sql`
        SELECT pg_terminate_backend(pid) FROM pg_locks
        WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    );

  test.each(SINGLE_STEPS)('at %s of publish', async (step) => {
    const { database, id, server } = await loaded();
    await controller.endTransaction(id, 'commit');
    /** The table that the step is about, wherever its rows are. */
    const state = async (table: string, on: DataServer) => {
      const { twin, full } = publishNames(database, table);
      return {
        final: await scanRows(on, database, table),
        ofTransaction: await scanRows(on, database, table, id).catch(() => 'no partitions'),
        twin: await scanRows(on, PUBLISH_SCHEMA, twin),
        full: await scanRows(on, PUBLISH_SCHEMA, full),
      };
    };
    let seen: { table: string; on: DataServer; state: unknown } | undefined;
    let reached = false;
    const lossy = new NativeController({
      target: TARGET,
      servers,
      metadata,
      steps: async (name, detail) => {
        if (name !== step || reached) return;
        reached = true;
        const { table, worker } = detail as { table?: string; worker?: string };
        const on = workers.get(worker ?? '');
        if (table !== undefined && on !== undefined) seen = { table, on, state: await state(table, on) };
        await cut();
      },
    });
    await expect(lossy.publish(database)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('lock'),
    });
    expect(reached).toBe(true);
    // What was announced when the lock was lost has not been done.
    if (seen !== undefined) expect(await state(seen.table, seen.on)).toEqual(seen.state);
    expect((await controller.database(database)).isPublished).toBe(false);
    const found = await contents(server, database);
    if (step === 'publish.grant') expect(found.Object_7480?.partitions).toEqual(['p0', `p${id}`]);
    expect((await controller.publish(database)).database.isPublished).toBe(true);
    expect((await contents(server, database)).Object_7480).toMatchObject({ rows: 500, partitions: [] });
    await lossy.close();
  });

  test('abort drops nothing more', async () => {
    const { database, id, server } = await loaded();
    const lossy = new NativeController({
      target: TARGET,
      servers,
      metadata,
      steps: async (name) => {
        if (name === 'end.drop-partitions') await cut();
      },
    });
    await expect(lossy.endTransaction(id, 'abort')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(await controller.transaction(id)).toMatchObject({ state: 'IS_ABORTING' });
    expect((await contents(server, database)).Object_7480).toMatchObject({ rows: 500 });
    expect(await controller.endTransaction(id, 'abort')).toMatchObject({ state: 'ABORTED' });
    await lossy.close();
  });
});
