import { coverExactly, deployable, type RowCounter } from './row-counters';

const counter = (chunk: number, overlap: boolean, rows = 0, transactionId = 0): RowCounter => ({
  transactionId,
  chunk,
  overlap,
  rows,
  updateTime: 1,
});

test('counters of exactly the chunks, in each selected sort', () => {
  const both = [counter(1, false), counter(2, false), counter(2, false, 5, 7), counter(1, true), counter(2, true)];
  expect(coverExactly(both, [1, 2], 'CHUNK_AND_OVERLAP')).toBe(true);
  expect(coverExactly(both.slice(0, 4), [1, 2], 'CHUNK_AND_OVERLAP')).toBe(false);
  expect(coverExactly(both.slice(0, 4), [1, 2], 'CHUNK')).toBe(true);
  expect(coverExactly(both.slice(0, 4), [1, 2], 'OVERLAP')).toBe(false);
  expect(coverExactly(both, [1], 'CHUNK')).toBe(false);
  expect(coverExactly(both, [1, 2, 3], 'CHUNK')).toBe(false);
  expect(coverExactly(both, [1, 3], 'CHUNK')).toBe(false);
});

test('what Qserv is given: chunks without their overlaps, super-transactions summed', () => {
  const counters = [counter(1, false, 5, 7), counter(1, false, 6, 8), counter(1, true, 9, 7), counter(2, false)];
  expect([...deployable(counters)]).toEqual([
    [1, 11],
    [2, 0],
  ]);
});
