import { setTimeout as sleep } from 'node:timers/promises';
import { MariaDbServer } from '../../dev/mariadb';
import { LOAD_STEPS } from '../../ingest/worker/native';
import { privateDir } from '../support/servers';
import { FaultBench, ROUNDS } from './loader-setup';

/** SIGKILL of MariaDB at every named step of a load around attaching, and shortly after it: no table and no row is lost. */

const server = new MariaDbServer({ name: 'w1', dir: privateDir('loader-attach') });
const bench = new FaultBench();
const KILLS = ROUNDS >= 20 ? 10 : 2;
/** What the statement of a step takes here, at most. */
const WITHIN_MS = 8;

beforeAll(async () => {
  await server.start();
  await bench.open(server.mysql);
}, 120_000);

afterAll(async () => {
  await bench.close();
  await server.remove();
});

test.each(LOAD_STEPS.slice(LOAD_STEPS.indexOf('check')))(
  `MariaDB is killed at "%s", ${KILLS} times`,
  async (at) => {
    for (let round = 1; round <= KILLS; round++) {
      // By turns: before the step, and inside its statements; into a table that holds rows, and into a new one.
      const inside = round % 2 === 0;
      const fresh = round % 4 > 1;
      const unit = await bench.newUnit(fresh);
      let killed: Promise<void> | undefined;
      const worker = bench.newWorker(async (step) => {
        if (step !== at || killed) return;
        killed = inside ? sleep(Math.random() * WITHIN_MS).then(() => server.kill()) : server.kill();
        if (!inside) await killed;
      });
      const first = await worker.load(bench.request(unit)).catch((error) => error);
      if (first instanceof Error) expect(first).toMatchObject({ code: 'UNAVAILABLE', details: { retryAllowed: true } });
      await killed;
      await worker.close();
      await server.start();
      // What is recorded must be there; what is not is loaded again, or found attached.
      const second = await bench.worker.load(bench.request(unit));
      if (!(first instanceof Error)) expect(second.alreadyLoaded).toBe(true);
      await bench.expectWhole(unit, { fresh });
    }
  },
  120_000 + KILLS * 60_000,
);
