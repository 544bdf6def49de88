import { sharedMariaDb } from '../support/servers';
import { FaultBench, ROUNDS } from './loader-setup';

/** Writers that sleep (SIGSTOP) at the worst moments, are overtaken by a second one, and then wake up (SIGCONT). */

const bench = new FaultBench();

beforeAll(async () => {
  await bench.open(await sharedMariaDb('w1'));
}, 120_000);

afterAll(() => bench.close());

test(
  `stopped while loading, ${ROUNDS} times`,
  async () => {
    for (let round = 1; round <= ROUNDS; round++) {
      const unit = await bench.newUnit();
      let stopped = () => {};
      const asleep = new Promise<void>((resolve) => {
        stopped = resolve;
      });
      const source = bench.serve(() => {
        sleeper.signal('SIGSTOP');
        stopped();
      });
      const sleeper = bench.process(bench.request(unit, source));
      await asleep;
      const second = await bench.worker.load(bench.request(unit, source));
      expect(second).toMatchObject({ alreadyLoaded: false, contributions: [{ tries: 2 }] });
      // Once with the sleeper's table still there, once after a sweep took it away.
      if (round % 2 === 0) expect(await bench.worker.sweep()).toBe(1);
      sleeper.signal('SIGCONT');
      const code = round % 2 === 0 ? 'UNAVAILABLE' : 'REVOKED';
      expect(await sleeper.outcome()).toMatchObject({ error: { code } });
      await bench.expectWhole(unit, { large: true });
    }
  },
  120_000 + ROUNDS * 60_000,
);

test.each([
  ['note', 'REVOKED', false],
  ['lock', 'REVOKED', false],
  ['reread', 'REVOKED', false],
  ['partition', 'UNAVAILABLE', false],
  ['exchange', 'UNAVAILABLE', false],
  // Its rows are attached: the second one finds them and records them.
  ['record', 'REVOKED', true],
])(
  `stopped before "%s", ${ROUNDS} times`,
  async (step, code, alreadyLoaded) => {
    for (let round = 1; round <= ROUNDS; round++) {
      const fresh = round % 2 === 0;
      const unit = await bench.newUnit(fresh);
      const request = bench.request(unit);
      const sleeper = bench.process(request, step);
      await sleeper.reaches(step);
      sleeper.signal('SIGSTOP');
      await expect(bench.worker.load(request)).resolves.toMatchObject({ alreadyLoaded });
      sleeper.goOn();
      sleeper.signal('SIGCONT');
      expect(await sleeper.outcome()).toMatchObject({ error: { code } });
      await bench.expectWhole(unit, { fresh });
    }
  },
  120_000 + ROUNDS * 60_000,
);
