import { details } from './details';
import { catalogProgress, initialProgress, unfinished, withLedger, withPlan, withRepublished } from './progress';

const plan = {
  planId: 'p1',
  target: 'local',
  database: 'test101',
  fingerprint: 'f',
  transactions: 1,
  units: 3,
  contributions: 4,
  bytes: 3 * 2 ** 20,
  tables: [{ table: 'Object', kind: 'director' as const, units: 3, contributions: 4, bytes: 3 * 2 ** 20 }],
  alreadyCommitted: 2,
};
const report = {
  tables: [
    { table: 'Object', byState: { planned: 0, loaded: 1, committed: 1, held: 1, skipped: 0 }, rows: 1157, bytes: 1024 },
  ],
  held: {
    total: 1,
    units: [
      {
        unit: 2,
        table: 'Object',
        chunk: 7480,
        overlap: true,
        worker: 'w1',
        code: 'BAD_ROWS' as const,
        message: 'row 3:\nIncorrect double value',
      },
    ],
  },
  transactions: { committed: 1, aborted: 0, open: 0 },
};

test('the details tell phase, totals, a table of tables, and what is held, on one line each', () => {
  const progress = withLedger(
    withPlan({ ...initialProgress('id'), database: 'test101', target: 'local' }, plan),
    report,
  );
  const text = details({ ...progress, phase: 'held' });
  expect(text).toContain('**test101** on **local**: held');
  expect(text).toContain('4 files, 3.0 MiB, 3 units (2 more were committed by an earlier campaign)');
  expect(text).toContain('| Object | director | 3 | 2 | 1 | 1157 | 1.0 KiB |');
  expect(text).toContain('- Object 7480 overlap on w1: BAD_ROWS: row 3: Incorrect double value');
  expect(text).toContain('**Held: 1 unit.** Send `retry`');
  expect(details({ ...progress, phase: 'aborted' })).toMatch(/\*\*Held: 1 unit\.\*\*\n/);
  expect(unfinished(report)).toBe(2);
});

test('units are counted as the tables count them: a regular table on every worker', () => {
  const byState = { planned: 0, loaded: 0, committed: 2, held: 0, skipped: 0 };
  const progress = withLedger(withPlan(initialProgress('id'), { ...plan, units: 1 }), {
    ...report,
    tables: [{ table: 'Object', byState, rows: 18, bytes: 150 }],
  });
  expect(progress.totals.units).toBe(2);
});

test('the faults of an input are listed one by one', () => {
  const faults = [{ path: 'tables[0].definition.table', message: 'is not\na name' }];
  const text = details({
    ...initialProgress('id'),
    error: { code: 'INVALID_INPUT', message: 'm', details: { faults } },
  });
  expect(text).toContain('- `tables[0].definition.table`: is not a name');
});

test('who is asked for a decision is told what there is to send, also where no unit is held', () => {
  const error = { code: 'OPEN_TRANSACTIONS' as const, message: 'database has uncommitted transactions: 7' };
  const text = details({ ...initialProgress('id'), phase: 'held', error });
  expect(text).toMatch(/`retry`.*`skip`.*`abort`/);
  expect(details({ ...initialProgress('id'), phase: 'publishing' })).not.toContain('retry');
  const units = { ...withLedger(withPlan(initialProgress('id'), plan), report), phase: 'held' as const };
  expect(details(units)).toContain('start again');
  const entry = { requestId: 'v2', state: 'running' as const, added: [], replaced: [], removed: [] };
  expect(details({ ...units, republishes: [entry] })).toContain('another id');
});

test('republishes are a table, with what went wrong below', () => {
  const error = { code: 'NOT_ALLOWED' as const, message: 'another key' };
  const entry = { added: ['Forced'], replaced: [{ table: 'Source', gapMs: 12 }], removed: [] };
  const text = details({
    ...initialProgress('id'),
    published: true,
    finished: ['index idx on Object: 12 tables'],
    republishes: [
      { requestId: 'v2', state: 'done', ...entry },
      { requestId: 'v3', state: 'refused', ...entry, error, undone: ['dropped table Forced'] },
    ],
  });
  expect(text).toContain('- index idx on Object: 12 tables');
  expect(text).toContain('| v2 | done | Forced | Source (12 ms) |  |');
  expect(text).toContain('Republish v3:\n**NOT_ALLOWED**: another key\n- undone: dropped table Forced');
});

test('after a republish the catalog shows its tables in the place of the old ones', () => {
  const table = (name: string, rows: number) => ({
    table: name,
    kind: 'regular' as const,
    units: 1,
    unitsDone: 1,
    unitsHeld: 0,
    rows,
    bytes: 1,
  });
  const before = { ...initialProgress('id'), planId: 'p1', tables: [table('A', 1), table('B', 2), table('C', 3)] };
  const now = { ...before, planId: 'p2', tables: [table('B', 20), table('D', 4)] };
  const after = withRepublished(now, catalogProgress(before), { replaced: [{ table: 'B', gapMs: 1 }], removed: ['C'] });
  expect(after.planId).toBe('p1');
  expect(after.tables.map(({ table: name, rows }) => [name, rows])).toEqual([
    ['A', 1],
    ['B', 20],
    ['D', 4],
  ]);
});
