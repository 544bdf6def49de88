import { setTimeout as sleep } from 'node:timers/promises';
import { MariaDbServer } from '../../dev/mariadb';
import type { Contribution } from '../../ingest/core/contributions';
import { chunkTable } from '../../ingest/core/names';
import { dropPartition } from '../../ingest/storage/data/partitions';
import { CONTRIBUTION_STEPS, type ContributionStep, type NativeIngestWorker } from '../../ingest/worker/native';
import type { LoadUnit } from '../../ingest/worker/worker';
import type { TableFacts } from '../support/checksum';
import { reference } from '../support/sending';
import { privateDir } from '../support/servers';
import { FaultBench, ROUNDS } from './loader-setup';

/** SIGKILL of a process that works off contributions, and of MariaDB, where their rows go into a partition that has some already. */

const server = new MariaDbServer({ name: 'w1', dir: privateDir('contribution-kills') });
const bench = new FaultBench();
const log: string[] = [];
/** In `npm test` a chosen few steps and one round, with FAULT_ROUNDS all steps and so many rounds. */
const few = process.env.FAULT_ROUNDS === undefined;
const rounds = few ? 1 : ROUNDS;
/** What a clean load of the small file holds, of the small file twice, and of the small and the large file. */
let once: TableFacts | null;
let twice: TableFacts | null;
let both: TableFacts | null;

beforeAll(async () => {
  await server.start();
  await bench.open(server.mysql);
  const place = await bench.newUnit();
  await load(place, 'small');
  once = await bench.catalog.contents(place);
  await load(place, 'small');
  twice = await bench.catalog.contents(place);
  const other = await bench.newUnit();
  await load(other, 'small');
  await load(other, 'objects');
  both = await bench.catalog.contents(other);
}, 120_000);

afterAll(async () => {
  process.stdout.write(`${log.join('\n')}\n`);
  await bench.close();
  await server.remove();
});

const url = (file: 'small' | 'objects') => `file://${bench.folder}/${file}.csv`;

async function load(place: LoadUnit, file: 'small' | 'objects', worker = bench.worker): Promise<Contribution> {
  return worker.submit(reference(place, url(file)));
}

const queue = async (place: LoadUnit, file: 'small' | 'objects') =>
  (await bench.worker.submit(reference(place, url(file), { isAsync: true }))).id;

/** Works off what is queued, until the contribution is over. */
async function workOff(id: number): Promise<Contribution> {
  const worker = bench.newWorker();
  try {
    worker.runQueue({ threads: 2 });
    for (;;) {
      const contribution = await worker.contribution(id);
      if (contribution.status !== 'IN_PROGRESS') return contribution;
      await sleep(20);
    }
  } finally {
    await worker.close();
  }
}

async function expectClean(): Promise<void> {
  await bench.worker.sweep();
  expect(await bench.catalog.stagingTables()).toEqual([]);
}

const STEPS = CONTRIBUTION_STEPS.filter((step) => step !== 'drop');
const some = (...steps: ContributionStep[]) => (few ? steps : STEPS);

test.each([
  ...some('load').map((step): [ContributionStep, string, boolean] => [step, 'an empty', false]),
  ...some('attach', 'record')
    .filter((step) => step !== 'unwrap')
    .map((step): [ContributionStep, string, boolean] => [step, 'a filled', true]),
])(
  'a process that is killed at "%s", into %s partition: its queue goes on, every row is there once',
  async (step, _, filled) => {
    const place = await bench.newUnit(!filled);
    if (filled) await load(place, 'small');
    const id = await queue(place, 'small');
    const child = bench.processOf('queue', step);
    await child.reaches(step);
    child.signal('SIGKILL');
    await child.outcome();
    expect(await workOff(id)).toMatchObject({ status: 'FINISHED', numFailedRetries: 0, error: '' });
    expect(await bench.catalog.contents(place)).toEqual(filled ? twice : once);
    await expectClean();
  },
);

test.each(few ? (['load'] as const) : STEPS)(
  'a synchronous one whose process is killed at "%s" is not left in progress',
  async (step) => {
    const place = await bench.newUnit(true);
    const child = bench.processOf({ contribution: reference(place, url('small')) }, step);
    await child.reaches(step);
    child.signal('SIGKILL');
    await child.outcome();
    const [{ id }] = (await bench.catalog.contributions(place.transactionId)) as [{ id: number }];
    const ended = await workOff(id);
    const attached = step === 'record';
    expect(ended).toMatchObject(
      attached
        ? { status: 'FINISHED' }
        : { status: step === 'start' ? 'START_FAILED' : 'READ_FAILED', retryAllowed: true },
    );
    expect((await bench.catalog.contents(place))?.rows ?? 0).toBe(attached ? once?.rows : 0);
    await expectClean();
  },
);

test(
  `a process is killed while MariaDB copies its rows, ${rounds} times: they are all there, once`,
  async () => {
    for (let round = 1; round <= rounds; round++) {
      const place = await bench.newUnit();
      await load(place, 'small');
      const id = await queue(place, 'objects');
      const child = bench.processOf('queue');
      await child.reaches('attach');
      const ms = Math.round(Math.random() * 150);
      await sleep(ms);
      child.signal('SIGKILL');
      await child.outcome();
      const late = child.steps.includes('record');
      log.push(`process killed, round ${round}: ${ms} ms after the copy was begun${late ? ', which was over' : ''}`);
      expect(await workOff(id)).toMatchObject({ status: 'FINISHED' });
      expect(await bench.catalog.contents(place)).toEqual(both);
      await expectClean();
    }
  },
  120_000 + rounds * 60_000,
);

test(
  `MariaDB is killed while it copies rows, ${rounds} times: all or nothing, or it says that the super-transaction must be aborted`,
  async () => {
    for (let round = 1; round <= rounds; round++) {
      const place = await bench.newUnit();
      await load(place, 'small');
      const ms = Math.round(Math.random() * 150);
      let killed: Promise<void> | undefined;
      const worker: NativeIngestWorker = bench.newWorker((step) => {
        if (step !== 'attach') return;
        killed = sleep(ms)
          .then(() => server.kill())
          .then(() => server.start());
      });
      const ended = await load(place, 'objects', worker);
      await killed;
      await worker.close();
      const found = await bench.catalog.contents(place);
      log.push(
        `MariaDB killed, round ${round}: after ${ms} ms ${ended.status}, retry ${ended.retryAllowed ? 'allowed' : 'not allowed'}, ${found?.rows} rows`,
      );
      if (ended.status === 'FINISHED') expect(found).toEqual(both);
      else if (ended.retryAllowed) expect(found).toEqual(once);
      else {
        expect(ended.error).toMatch(/abort transaction/);
        // Others are not in the way: neither what is there of an earlier super-transaction, nor what comes in a new one.
        const other = { ...place, transactionId: await bench.catalog.begin() };
        expect(await load(other, 'small')).toMatchObject({ status: 'FINISHED' });
        expect(await bench.catalog.contents(other)).toEqual(once);
        await bench.expectEarlier(place);
        await bench.catalog.setState(place.transactionId, 'ABORTED');
        const table = chunkTable('Object', place.chunk, false);
        await dropPartition(bench.catalog.server, place.database, table, place.transactionId);
      }
      if (ended.status !== 'FINISHED') {
        const again = ended.retryAllowed ? place : { ...place, transactionId: await bench.catalog.begin() };
        if (!ended.retryAllowed) await load(again, 'small');
        expect(await load(again, 'objects')).toMatchObject({ status: 'FINISHED' });
        expect(await bench.catalog.contents(again)).toEqual(both);
      }
      await expectClean();
    }
  },
  120_000 + rounds * 60_000,
);
