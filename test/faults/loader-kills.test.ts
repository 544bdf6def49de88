import { MariaDbServer } from '../../dev/mariadb';
import { privateDir } from '../support/servers';
import { FaultBench, ROUNDS } from './loader-setup';

/** SIGKILL in the middle of a LOAD: of the loading process, and of MariaDB. */

const server = new MariaDbServer({ name: 'w1', dir: privateDir('loader-kills') });
const bench = new FaultBench();
const log: string[] = [];

beforeAll(async () => {
  await server.start();
  await bench.open(server.mysql);
}, 120_000);

afterAll(async () => {
  process.stdout.write(`${log.join('\n')}\n`);
  await bench.close();
  await server.remove();
});

test(
  `the loading process is killed in the middle of a LOAD, ${ROUNDS} times`,
  async () => {
    for (let round = 1; round <= ROUNDS; round++) {
      const unit = await bench.newUnit();
      let sent = 0;
      const source = bench.serve((bytes) => {
        sent = bytes;
        child.signal('SIGKILL');
      });
      const child = bench.process(bench.request(unit, source));
      expect(await child.outcome()).toBeUndefined();
      // Inside: the load had begun, and the rest of the file was not sent.
      expect(child.steps.at(-1)).toBe('load');
      expect(sent).toBeLessThan(bench.bytes);
      log.push(`process killed, round ${round}: ${sent} of ${bench.bytes} bytes sent`);
      expect((await bench.catalog.contents(unit))?.rows ?? 0).toBe(0);
      expect(await bench.worker.load(bench.request(unit, source))).toMatchObject({ contributions: [{ tries: 2 }] });
      await bench.expectWhole(unit, { large: true });
    }
  },
  120_000 + ROUNDS * 60_000,
);

test(
  `MariaDB is killed in the middle of a LOAD, ${ROUNDS} times`,
  async () => {
    for (let round = 1; round <= ROUNDS; round++) {
      const unit = await bench.newUnit();
      let sent = 0;
      let killed: Promise<void> | undefined;
      const source = bench.serve((bytes) => {
        sent = bytes;
        killed = server.kill();
      });
      await expect(bench.worker.load(bench.request(unit, source))).rejects.toMatchObject({
        code: 'UNAVAILABLE',
        transient: true,
        details: { retryAllowed: true },
      });
      expect(sent).toBeGreaterThan(0);
      expect(sent).toBeLessThan(bench.bytes);
      log.push(`MariaDB killed, round ${round}: ${sent} of ${bench.bytes} bytes sent`);
      await killed;
      await server.start();
      expect((await bench.catalog.contents(unit))?.rows ?? 0).toBe(0);
      expect(await bench.worker.load(bench.request(unit, source))).toMatchObject({ contributions: [{ tries: 2 }] });
      await bench.expectWhole(unit, { large: true });
    }
  },
  120_000 + ROUNDS * 60_000,
);
