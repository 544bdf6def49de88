import { NativeController, type NativeServers } from '../../ingest/controller/native/controller';
import { REPLACE_STEPS } from '../../ingest/controller/native/replacements';
import { type Metadata, openMetadata } from '../../ingest/storage/metadata';
import { ControllerProcess } from '../support/controller-process';
import { sharedServers } from '../support/native';
import { dataServer } from '../support/registered';
import { everything, expectReplaced, loadNext, publishedCatalog, type Stack } from '../support/replacing';
import { freshDatabase } from '../support/servers';

/**
 * A controller process is killed (SIGKILL) at every named step of replacing tables, or loses its lock there; whoever publishes next
 * brings it to an end, with the gap that readers had.
 */

jest.setTimeout(120_000);

const TARGET = 'test';
const CHUNKS = [7480, 7310, 7140];
const OLD = { chunks: CHUNKS, rows: 200 };
const NEW = { chunks: [...CHUNKS, 7141], rows: 300 };
const TABLES = ['Object', 'Filter'] as const;

let postgresUrl: string;
let metadata: Metadata;
let servers: NativeServers;
let stack: Stack;
/** Does not wait for what others do. */
let impatient: NativeController;

beforeAll(async () => {
  postgresUrl = await freshDatabase();
  metadata = openMetadata(postgresUrl);
  await metadata.migrate();
  servers = await sharedServers();
  impatient = new NativeController({ target: TARGET, servers, metadata, lockWaitMs: 50 });
  stack = {
    controller: new NativeController({ target: TARGET, servers, metadata }),
    master: dataServer('master', servers.master),
    workers: new Map(servers.workers.map(({ name, mysql }) => [name, dataServer(name, mysql)])),
  };
});

afterAll(async () => {
  const { controller, master, workers } = stack;
  await Promise.all([controller, impatient, master, ...workers.values()].map((one) => one.close()));
  await metadata.close();
});

const hiddenAt = async (database: string) =>
  (await stack.controller.database(database)).tables.find((t) => t.replaces === 'Object')?.replaced?.hidden;

async function loaded() {
  const database = await publishedCatalog(stack, OLD);
  await loadNext(stack, database, TABLES, NEW);
  return { database, loaded: await everything(stack, database) };
}

test.each(REPLACE_STEPS)('killed at %s', async (step) => {
  const { database, loaded: expected } = await loaded();
  const order = { postgresUrl, target: TARGET, servers, waitAt: step };
  const child = await ControllerProcess.waitingAt({ ...order, call: ['publish', database] });
  await expect(impatient.publish(database)).rejects.toMatchObject({ code: 'BUSY' });
  await child.kill();
  const hidden = await hiddenAt(database);

  const { replaced, database: published } = await stack.controller.publish(database);

  expect(published.isPublished).toBe(true);
  await expectReplaced(stack, database, expected, TABLES, NEW);
  expect(replaced.map(({ table }) => table)).toEqual(['Filter', 'Object']);
  // The gap began before the kill, if it had begun.
  const object = published.tables.find((t) => t.definition.name === 'Object');
  if (hidden !== undefined) expect(object?.replaced?.hidden).toBe(hidden);
});

test.each(REPLACE_STEPS)('the lock’s connection is lost at %s: nothing more is changed by who had it', async (step) => {
  const { database, loaded: expected } = await loaded();
  let reached = false;
  let then: unknown;
  const lossy = new NativeController({
    target: TARGET,
    servers,
    metadata,
    steps: async (name) => {
      if (name !== step || reached) return;
      reached = true;
      await metadata.run(
        (sql) => sql`
          SELECT pg_terminate_backend(pid) FROM pg_locks
          WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
      );
      then = await everything(stack, database);
    },
  });
  await expect(lossy.publish(database)).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringContaining('lock'),
  });
  expect(reached).toBe(true);
  // Side by side with what had been announced before; on one step nothing is.
  if (step !== 'replace.rename' && step !== 'replace.prepare') expect(await everything(stack, database)).toEqual(then);
  expect((await stack.controller.database(database)).isPublished).toBe(false);
  await stack.controller.publish(database);
  await expectReplaced(stack, database, expected, TABLES, NEW);
  await lossy.close();
});
