import { freshDatabase } from '../../../../test/support/servers';
import type { Plan, PlannedUnit } from '../../../campaign/ledger';
import { DEFAULT_DIALECT } from '../../../core/dialect';
import type { LoadedContribution } from '../../../worker/worker';
import { type Metadata, openMetadata } from '../index';
import { PostgresLedger } from './index';

let metadata: Metadata;
let ledger: PostgresLedger;

beforeAll(async () => {
  metadata = openMetadata(await freshDatabase());
  await metadata.migrate();
  ledger = new PostgresLedger(metadata);
}, 120_000);

afterAll(() => metadata?.close());

let plans = 0;

function unit(number: number, changes: Partial<PlannedUnit> = {}): PlannedUnit {
  const source = {
    url: `file:///data/${number}\t"\\.csv`,
    dialect: DEFAULT_DIALECT,
    charset: '',
    expect: { bytes: 10 },
  };
  return {
    unit: number,
    transactionSeq: 0,
    table: 'Object',
    chunk: 100 + number,
    overlap: false,
    everyWorker: false,
    bytes: 10,
    sources: [source],
    fingerprint: `f${number}`,
    ...changes,
  };
}

const regular = (number: number) => unit(number, { table: 'Filter', chunk: 0, everyWorker: true });

function planOf(database: string): Omit<Plan, 'units'> {
  const planId = `plan-${++plans}`;
  const tables = ['Object', 'Filter'].map((name) => ({
    name,
    kind: 'regular' as const,
    schema: [{ name: 'a', type: 'INT' }],
  }));
  return {
    summary: {
      planId,
      target: 'local',
      database,
      fingerprint: 'f',
      transactions: 1,
      units: 0,
      contributions: 0,
      bytes: 0,
      tables: [],
      alreadyCommitted: 0,
    },
    databaseDefinition: { name: database, numStripes: 85, numSubStripes: 12, overlap: 0.01667 },
    tables,
    quality: 'strict',
    maxNumWarnings: 64,
    finishing: {},
  };
}

/** Stores a plan of these units and returns its id. */
async function stored(units: PlannedUnit[], database = `db${plans}`): Promise<string> {
  const plan = planOf(database);
  await ledger.savePlan(plan, units);
  return plan.summary.planId;
}

function contribution(id: number, rows = 5): LoadedContribution {
  return {
    id,
    url: `file:///data/${id}.csv`,
    status: 'FINISHED',
    bytes: 10,
    rows,
    rowsLoaded: rows,
    sha256: 'ab',
    numWarnings: 1,
    warnings: [{ level: 'Warning', code: 1265, message: "Data truncated for column 'a' at row 1" }],
    tries: 2,
  };
}

const onW1 = (...chunks: number[]) => new Map(chunks.map((chunk) => [chunk, ['w1']]));

describe('claims', () => {
  const claim = (workflowId: string, firstRunId = 'run') => ({
    target: 'local',
    database: 'claimed',
    workflowId,
    firstRunId,
  });
  const alive = async () => false;
  const over = async () => true;

  test('one holder; the others are told who; a holder that is over is replaced', async () => {
    await ledger.claim(claim('first'), alive);
    await ledger.claim(claim('first'), alive);
    await expect(ledger.claim(claim('second'), alive)).rejects.toMatchObject({
      code: 'CLAIMED',
      details: { workflowId: 'first' },
      message: 'database claimed of target local is held by workflow first',
    });
    await ledger.claim(claim('first', 'later run'), over);
    await ledger.release(claim('first'));
    expect(await ledger.holder('local', 'claimed')).toEqual(claim('first', 'later run'));
    await ledger.release(claim('first', 'later run'));
    expect(await ledger.holder('local', 'claimed')).toBeUndefined();
  });

  test('of many at once exactly one gets it, from nobody and from a dead holder', async () => {
    for (const holder of ['nobody', 'dead']) {
      const names = Array.from({ length: 12 }, (_, i) => `${holder}-${i}`);
      const isOver = async (held: { workflowId: string }) => !held.workflowId.startsWith(holder);
      const results = await Promise.allSettled(names.map((name) => ledger.claim(claim(name), isOver)));
      const winners = names.filter((_, i) => results[i]?.status === 'fulfilled');
      expect(winners).toHaveLength(1);
      expect((await ledger.holder('local', 'claimed'))?.workflowId).toBe(winners[0]);
      for (const result of results) {
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'CLAIMED' });
      }
    }
  });
});

describe('plans', () => {
  test('come back as they were saved; again is a no-op, also at once', async () => {
    const plan = planOf('saved');
    const units = [unit(0), regular(1)];
    await Promise.all([ledger.savePlan(plan, units), ledger.savePlan(plan, units)]);
    await ledger.savePlan(plan, [unit(7)]);
    expect(await ledger.plan(plan.summary.planId)).toEqual(plan);
    expect(await ledger.units(plan.summary.planId, [1, 0, 7])).toEqual(units);
    await expect(ledger.plan('none')).rejects.toMatchObject({ code: 'INTERNAL' });
  });

  test('a source of units that fails leaves nothing', async () => {
    const plan = planOf('broken');
    async function* units() {
      yield unit(0);
      throw new Error('listing broke');
    }
    await expect(ledger.savePlan(plan, units())).rejects.toThrow('listing broke');
    await expect(ledger.plan(plan.summary.planId)).rejects.toMatchObject({ code: 'INTERNAL' });
    await ledger.savePlan(plan, [unit(0)]);
    expect(await ledger.units(plan.summary.planId, [0])).toHaveLength(1);
  });

  test('100,000 units', async () => {
    const plan = planOf('large');
    const { planId } = plan.summary;
    function* units() {
      for (let i = 0; i < 100_000; i++) yield unit(i, { transactionSeq: Math.floor(i / 50_000) });
    }
    const times: [string, number][] = [];
    const timed = async <T>(what: string, work: Promise<T>): Promise<T> => {
      const begin = performance.now();
      const result = await work;
      times.push([what, Math.round(performance.now() - begin)]);
      return result;
    };
    await timed('savePlan', ledger.savePlan(plan, units()));
    const { chunks } = await timed('chunksOf', ledger.chunksOf(planId, 0));
    expect(chunks).toHaveLength(50_000);
    const workers = new Map(chunks.map((chunk) => [chunk, [chunk % 2 === 0 ? 'w1' : 'w2']]));
    await timed('place', ledger.place(planId, 0, 1, workers, ['w1', 'w2']));
    const batches = await timed('nextBatches', ledger.nextBatches(planId, 0, 8, { units: 40, bytes: 1e9 }));
    expect(batches.map((b) => [b.worker, b.units.length])).toEqual(
      Array(4)
        .fill([
          ['w1', 40],
          ['w2', 40],
        ])
        .flat(),
    );
    const [object] = await timed('progress', ledger.progress(planId));
    expect(object?.byState).toMatchObject({ planned: 100_000 });
    await timed('settle', ledger.settle(planId, 1, 'committed'));
    console.info(`100,000 units, ms: ${times.map(([what, ms]) => `${what} ${ms}`).join(', ')}`);
  }, 120_000);
});

describe('units', () => {
  test('planned → loaded → committed, with provenance', async () => {
    const planId = await stored([unit(0), regular(1), unit(2, { transactionSeq: 1 })], 'story');
    expect(await ledger.chunksOf(planId, 0)).toEqual({ chunks: [100], regular: true });
    expect(await ledger.pendingSequences(planId)).toEqual([0, 1]);
    await ledger.place(planId, 0, 11, onW1(100), ['w1', 'w2']);
    await ledger.place(planId, 0, 11, onW1(100), ['w1', 'w2']);
    expect(await ledger.nextBatches(planId, 0, 10, { units: 10, bytes: 1000 })).toEqual([
      { worker: 'w1', units: [0, 1], bytes: 20, label: 'Object chunk 100, Filter' },
      { worker: 'w2', units: [1], bytes: 10, label: 'Filter' },
    ]);
    await ledger.recordLoaded(planId, 11, 'w1', 0, [contribution(1), contribution(2)]);
    await ledger.recordLoaded(planId, 11, 'w1', 0, [contribution(1), contribution(2)]);
    expect(await ledger.loaded(planId, 11, 'w1', [0, 1])).toEqual(new Map([[0, [contribution(1), contribution(2)]]]));
    expect(await ledger.loaded(planId, 12, 'w1', [0])).toEqual(new Map());
    expect(await ledger.unsettled('local', 'story')).toEqual([{ planId, transactionId: 11 }]);
    await ledger.recordLoaded(planId, 11, 'w1', 1, [contribution(3)]);
    await ledger.recordLoaded(planId, 11, 'w2', 1, [contribution(4)]);
    await ledger.settle(planId, 11, 'committed');
    await ledger.settle(planId, 11, 'committed');
    expect(await ledger.unsettled('local', 'story')).toEqual([]);
    expect(await ledger.pendingSequences(planId)).toEqual([1]);
    expect(await ledger.progress(planId)).toEqual([
      { table: 'Object', byState: { planned: 1, loaded: 0, committed: 1, held: 0, skipped: 0 }, rows: 10, bytes: 20 },
      { table: 'Filter', byState: { planned: 0, loaded: 0, committed: 2, held: 0, skipped: 0 }, rows: 10, bytes: 20 },
    ]);
    expect([...(await ledger.committedUnits('local', 'story')).entries()]).toEqual(
      expect.arrayContaining([
        [
          'Object/100',
          {
            table: 'Object',
            chunk: 100,
            overlap: false,
            fingerprint: 'f0',
            complete: true,
            workers: ['w1'],
            created: null,
          },
        ],
        [
          'Filter/0',
          {
            table: 'Filter',
            chunk: 0,
            overlap: false,
            fingerprint: 'f1',
            complete: true,
            workers: ['w1', 'w2'],
            created: null,
          },
        ],
      ]),
    );
  });

  test('an abort plans them anew; who comes late with a record is refused', async () => {
    const planId = await stored([unit(0), unit(1)]);
    await ledger.place(planId, 0, 21, onW1(100, 101), []);
    await ledger.recordLoaded(planId, 21, 'w1', 0, [contribution(1)]);
    await ledger.settle(planId, 21, 'aborted');
    await expect(ledger.recordLoaded(planId, 21, 'w1', 1, [contribution(2)])).rejects.toMatchObject({
      code: 'REVOKED',
    });
    await ledger.place(planId, 0, 22, onW1(100, 101), []);
    await expect(ledger.recordLoaded(planId, 21, 'w1', 1, [contribution(2)])).rejects.toMatchObject({
      code: 'REVOKED',
    });
    await ledger.recordLoaded(planId, 22, 'w1', 0, [contribution(3)]);
    await ledger.recordLoaded(planId, 22, 'w1', 1, [contribution(4)]);
    await ledger.settle(planId, 22, 'committed');
    const rows = await metadata.run(
      (sql) => sql`
      SELECT contribution_id::int AS id, outcome FROM campaign.contribution WHERE plan_id = ${planId} ORDER BY id`,
    );
    expect(rows.map((r) => [r.id, r.outcome])).toEqual([
      [1, 'aborted'],
      [3, 'committed'],
      [4, 'committed'],
    ]);
  });

  test('a unit that does not verify is planned again in the same super-transaction', async () => {
    const planId = await stored([unit(0)]);
    await ledger.place(planId, 0, 31, onW1(100), []);
    await ledger.recordLoaded(planId, 31, 'w1', 0, [contribution(1)]);
    await ledger.unload(planId, 'w1', {
      transactionId: 31,
      database: 'x',
      table: 'Object',
      chunk: 100,
      overlap: false,
    });
    expect(await ledger.loaded(planId, 31, 'w1', [0])).toEqual(new Map());
    expect(await ledger.nextBatches(planId, 0, 1, { units: 1, bytes: 1 })).toHaveLength(1);
    await ledger.recordLoaded(planId, 31, 'w1', 0, [contribution(2)]);
    expect((await ledger.loaded(planId, 31, 'w1', [0])).get(0)?.map((c) => c.id)).toEqual([2]);
  });

  test('held units: the rest commits, retry moves them to a new super-transaction, skip leaves them out', async () => {
    const planId = await stored([unit(0), unit(1), regular(2)], 'holding');
    await ledger.place(planId, 0, 41, onW1(100, 101), ['w1', 'w2']);
    await ledger.recordLoaded(planId, 41, 'w1', 0, [contribution(1)]);
    await ledger.recordLoaded(planId, 41, 'w2', 2, [contribution(2)]);
    await ledger.hold(planId, 41, 'w1', 1, 'BAD_ROWS', 'row 3');
    await ledger.hold(planId, 41, 'w1', 2, 'SOURCE_MISSING', 'gone');
    await ledger.hold(planId, 41, 'w1', 0, 'BAD_ROWS', 'too late: it is loaded');
    expect(await ledger.held(planId, 1)).toEqual({
      total: 2,
      units: [
        { unit: 1, table: 'Object', chunk: 101, overlap: false, worker: 'w1', code: 'BAD_ROWS', message: 'row 3' },
      ],
    });
    await ledger.settle(planId, 41, 'committed');
    expect(await ledger.pendingSequences(planId)).toEqual([]);
    expect((await ledger.committedUnits('local', 'holding')).get('Filter/0')?.complete).toBe(false);

    expect(await ledger.retryHeld(planId)).toBe(1);
    expect(await ledger.retryHeld(planId)).toBeNull();
    expect(await ledger.pendingSequences(planId)).toEqual([1]);
    expect(await ledger.chunksOf(planId, 1)).toEqual({ chunks: [101], regular: true });
    await ledger.place(planId, 1, 42, onW1(101), ['w1', 'w2']);
    expect(await ledger.nextBatches(planId, 1, 10, { units: 10, bytes: 100 })).toMatchObject([
      { worker: 'w1', units: [1, 2] },
    ]);
    await ledger.recordLoaded(planId, 42, 'w1', 2, [contribution(3)]);
    await ledger.hold(planId, 42, 'w1', 1, 'BAD_ROWS', 'row 3 still');
    await ledger.settle(planId, 42, 'committed');
    expect((await ledger.committedUnits('local', 'holding')).get('Filter/0')?.complete).toBe(true);
    expect(await ledger.skipHeld(planId)).toBe(1);
    expect(await ledger.held(planId, 10)).toEqual({ total: 0, units: [] });
    expect(await ledger.pendingSequences(planId)).toEqual([]);
  });

  test('a super-transaction holds and records its own units only', async () => {
    const planId = await stored([unit(0), unit(1)]);
    await ledger.place(planId, 0, 81, onW1(100, 101), []);
    await ledger.settle(planId, 81, 'aborted');
    await ledger.place(planId, 0, 82, onW1(100, 101), []);
    await ledger.hold(planId, 81, 'w1', 0, 'BAD_ROWS', 'said by a ghost');
    await ledger.hold(planId, 82, 'w1', 1, 'BAD_ROWS', 'row 3');
    expect(await ledger.heldIn(planId, 82, 'w1', [0, 1])).toMatchObject([{ unit: 1, message: 'row 3' }]);
    expect(await ledger.workersOf(planId, 82)).toEqual(['w1']);
    await ledger.fence(planId, 82, 'w1');
    expect(await ledger.placements(planId, 82, 'w1')).toMatchObject([{ chunk: 100, state: 'planned' }]);
    expect(await ledger.held(planId, 10)).toMatchObject({ total: 1 });
  });

  test('units without a worker are held, and placed by a retry', async () => {
    const planId = await stored([unit(0), regular(1)]);
    expect(await ledger.holdRest(planId, 0, 'NO_WORKERS', 'all away')).toBe(2);
    expect((await ledger.held(planId, 10)).units).toMatchObject([
      { unit: 0, worker: '' },
      { unit: 1, worker: '' },
    ]);
    expect(await ledger.retryHeld(planId)).toBe(1);
    await ledger.place(planId, 1, 51, onW1(100), ['w1', 'w2']);
    expect(await ledger.nextBatches(planId, 1, 10, { units: 10, bytes: 100 })).toMatchObject([
      { worker: 'w1', units: [0, 1] },
      { worker: 'w2', units: [1] },
    ]);
  });

  test('a worker that went away does not keep its planned units', async () => {
    const planId = await stored([regular(0)]);
    await ledger.place(planId, 0, 61, new Map(), ['w1', 'w2']);
    await ledger.settle(planId, 61, 'aborted');
    await ledger.place(planId, 0, 62, new Map(), ['w2']);
    expect(await ledger.nextBatches(planId, 0, 10, { units: 10, bytes: 100 })).toMatchObject([{ worker: 'w2' }]);
  });

  test('the next campaign: what stands is not loaded again, forgotten tables are; the history stays', async () => {
    const first = await stored([regular(0), unit(1)], 'twice');
    await ledger.place(first, 0, 71, onW1(101), ['w1', 'w2']);
    await ledger.recordLoaded(first, 71, 'w1', 0, [contribution(1)]);
    await ledger.hold(first, 71, 'w2', 0, 'DISK_FULL', 'full');
    await ledger.settle(first, 71, 'committed');

    const second = await stored([regular(0)], 'twice');
    await ledger.place(second, 0, 72, new Map(), ['w1', 'w2']);
    expect(await ledger.nextBatches(second, 0, 10, { units: 10, bytes: 100 })).toMatchObject([
      { worker: 'w2', units: [0] },
    ]);
    expect((await ledger.progress(second))[1]).toMatchObject({ rows: 5, byState: { committed: 1, planned: 1 } });

    await ledger.forget('local', 'twice', 'Filter');
    expect([...(await ledger.committedUnits('local', 'twice')).keys()]).toEqual([]);
    const [history] = await metadata.run(
      (sql) => sql`SELECT count(*) AS n FROM campaign.contribution WHERE database = 'twice'`,
    );
    expect(history?.n).toBe(1);
  });
});
