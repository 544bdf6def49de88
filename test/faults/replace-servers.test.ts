import { setTimeout as sleep } from 'node:timers/promises';
import type { MariaDbServer } from '../../dev/mariadb';
import { NativeController } from '../../ingest/controller/native/controller';
import { REPLACE_STEPS } from '../../ingest/controller/native/replacements';
import type { StepHook } from '../../ingest/core/steps';
import { type Metadata, openMetadata } from '../../ingest/storage/metadata';
import { nativeServers } from '../support/native';
import { dataServer } from '../support/registered';
import { everything, expectReplaced, loadNext, publishedCatalog, type Stack } from '../support/replacing';
import { freshDatabase, privateMariaDb } from '../support/servers';

/**
 * The master's and a worker's MariaDB are killed (SIGKILL) at every named step of replacing tables, restarted, and publish repeated: all
 * new rows, no old ones, nothing left over. Every other round a server is killed a moment after the step was announced, while its
 * statement runs.
 */

const ROUNDS = process.env.FAULT_ROUNDS === undefined ? 2 : 10;
/** Enough for two batches of renames. */
const CHUNKS = Array.from({ length: 14 }, (_, i) => 7480 + i);
const OLD = { chunks: CHUNKS, rows: 100 };
const NEW = { chunks: [...CHUNKS, 7310], rows: 150 };
const TABLES = ['Object', 'Source', 'Filter'] as const;

jest.setTimeout(120_000 + ROUNDS * 120_000);

let metadata: Metadata;
let hook: StepHook = () => {};
let stack: Stack;
let servers: Record<'master' | 'worker', MariaDbServer>;

beforeAll(async () => {
  metadata = openMetadata(await freshDatabase());
  await metadata.migrate();
  servers = { master: privateMariaDb('replace-master', 'master'), worker: privateMariaDb('replace-worker') };
  await Promise.all(Object.values(servers).map((server) => server.start()));
  stack = {
    controller: new NativeController({
      target: 'test',
      servers: nativeServers(servers.master.mysql, { worker: servers.worker.mysql }),
      metadata,
      steps: (step, detail) => hook(step, detail),
    }),
    master: dataServer('master', servers.master.mysql),
    workers: new Map([['worker', dataServer('worker', servers.worker.mysql)]]),
  };
});

afterAll(async () => {
  const { controller, master, workers } = stack;
  await Promise.all([controller, master, ...workers.values()].map((one) => one.close()));
  await metadata.close();
  await Promise.all(Object.values(servers).map((server) => server.stop()));
});

describe.each(['master', 'worker'] as const)('the %s', (victim) => {
  test.each(REPLACE_STEPS)('killed at %s', async (step) => {
    for (let round = 0; round < ROUNDS; round++) {
      const database = await publishedCatalog(stack, OLD);
      await loadNext(stack, database, TABLES, NEW);
      const expected = await everything(stack, database);
      let killed: Promise<void> | undefined;
      hook = async (name, { worker }) => {
        if (name !== step || killed !== undefined) return;
        // Steps of both servers: that of the one that is killed.
        if (worker !== undefined && worker !== victim) return;
        if (round % 2 === 0) {
          killed = servers[victim].kill();
          await killed;
        } else killed = sleep(Math.random() * 30).then(() => servers[victim].kill());
      };
      // It needs the server for what follows, or has done all that it needed it for.
      const outcome = await stack.controller.publish(database).then(
        () => 'published',
        (error: { code: string }) => error.code,
      );
      hook = () => {};
      if (killed !== undefined) {
        await killed;
        await servers[victim].start();
      } else expect([step, victim]).toEqual(['replace.rename', 'master']);
      expect(['UNAVAILABLE', 'published']).toContain(outcome);

      const { database: published } = await stack.controller.publish(database);

      expect(published.isPublished).toBe(true);
      await expectReplaced(stack, database, expected, TABLES, NEW);
    }
  });
});
