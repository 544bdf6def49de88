import { details } from './details';
import { initialProgress, unfinished, withLedger, withPlan } from './progress';

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
