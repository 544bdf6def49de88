import { batchLabel, cutBatches, type WaitingUnit } from './batches';

const waiting = (worker: string, count: number, bytes = 10, files = 1): WaitingUnit[] =>
  Array.from({ length: count }, (_, unit) => ({
    ...{ unit, worker, table: 'T', chunk: unit + 1, overlap: false },
    ...{ bytes, files },
  }));

const shape = (units: WaitingUnit[], limit: number, size: { units: number; bytes: number }) =>
  cutBatches(units, limit, size).map((batch) => [batch.worker, batch.units]);

test('none above its size, unless it is a single unit', () => {
  expect(shape(waiting('w1', 5), 9, { units: 2, bytes: 100 })).toEqual([
    ['w1', [0, 1]],
    ['w1', [2, 3]],
    ['w1', [4]],
  ]);
  expect(shape(waiting('w1', 3), 9, { units: 9, bytes: 20 })).toEqual([
    ['w1', [0, 1]],
    ['w1', [2]],
  ]);
  expect(shape(waiting('w1', 2, 1000), 9, { units: 9, bytes: 20 })).toEqual([
    ['w1', [0]],
    ['w1', [1]],
  ]);
});

test('none of more than 50 files, unless it is a single unit', () => {
  expect(shape(waiting('w1', 5, 1, 20), 9, { units: 9, bytes: 100 })).toEqual([
    ['w1', [0, 1]],
    ['w1', [2, 3]],
    ['w1', [4]],
  ]);
  expect(shape(waiting('w1', 2, 1, 500), 9, { units: 9, bytes: 100 })).toEqual([
    ['w1', [0]],
    ['w1', [1]],
  ]);
});

test('workers take turns, up to the limit', () => {
  const units = [...waiting('w1', 4), ...waiting('w2', 1), ...waiting('w3', 2)];
  expect(shape(units, 5, { units: 1, bytes: 100 })).toEqual([
    ['w1', [0]],
    ['w2', [0]],
    ['w3', [0]],
    ['w1', [1]],
    ['w3', [1]],
  ]);
  expect(cutBatches([], 5, { units: 1, bytes: 1 })).toEqual([]);
});

test('labels', () => {
  const place = (table: string, chunk: number, overlap = false) => ({ table, chunk, overlap });
  expect(batchLabel([place('Object', 7480), place('Object', 7481)])).toBe('Object ×2 chunks');
  expect(batchLabel([place('Object', 7480, true)])).toBe('Object chunk 7480 overlap');
  expect(batchLabel([place('Filter', 0), place('Source', 7480)])).toBe('Filter, Source chunk 7480');
});
