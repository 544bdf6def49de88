import type { ShownColumn } from './altered-columns';
import { lacksAlteration, nextAlteration } from './pending-alteration';

const shown = (...names: string[]): ShownColumn[] => names.map((name) => ({ name, definition: 'int(11)' }));
const recorded = [{ name: 'a', type: 'INTEGER' }];
const A = shown('a');
const B = shown('a', 'b');
const asked = (spec: string, before: ShownColumn[], after: ShownColumn[]) => ({
  spec,
  before,
  after,
  columns: after.map(({ name }) => ({ name, type: 'INT' })),
});

test('another change takes the place of one that nothing has yet', () => {
  const first = nextAlteration(undefined, asked('ADD b INT', A, B), recorded);
  expect(first).toMatchObject({ spec: 'ADD b INT', undoes: false, mixed: false });
  expect(nextAlteration(first, asked('ADD c INT', A, shown('a', 'c')), recorded)).toMatchObject({ mixed: false });
});

test('once the master has it, only the way back is open, and from there only the way forth', () => {
  const first = nextAlteration(undefined, asked('ADD b INT', A, B), recorded);
  expect(nextAlteration(first, asked('ADD c INT', B, shown('a', 'b', 'c')), recorded)).toBeUndefined();
  const undo = nextAlteration(first, asked('DROP b', B, A), recorded);
  expect(undo).toMatchObject({ before: B, after: A, columns: recorded, undoes: true, mixed: true });
  // The master has b yet, other tables have or lack it: no third state.
  expect(nextAlteration(undo, asked('ADD c INT', B, shown('a', 'b', 'c')), recorded)).toBeUndefined();
  expect(nextAlteration(undo, asked('DROP COLUMN b', B, A), recorded)).toMatchObject({
    undoes: true,
    columns: recorded,
  });
  // The master has lost it already.
  expect(nextAlteration(undo, asked('ADD c INT', A, shown('a', 'c')), recorded)).toBeUndefined();
  const redo = nextAlteration(undo, asked('ADD b INT', A, B), recorded);
  expect(redo).toMatchObject({ undoes: false, mixed: true, columns: [{ name: 'a' }, { name: 'b' }] });
  expect(nextAlteration(redo, asked('DROP b', B, A), recorded)).toMatchObject({ undoes: true, columns: recorded });
  expect(nextAlteration(redo, asked('ADD c INT', A, shown('a', 'c')), recorded)).toBeUndefined();
});

test('a table tells by its columns whether it has the change', () => {
  const change = { ...asked('ADD b INT', A, B), undoes: false, mixed: false };
  expect([A, B, shown('b')].map((columns) => lacksAlteration(columns, change))).toEqual([true, false, undefined]);
  expect(lacksAlteration(A, { ...change, after: A })).toBe(true);
});
