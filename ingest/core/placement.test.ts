import fc from 'fast-check';
import { type PlacementForm, type PlacementState, Placer } from './placement';

const placeChunks = (chunks: number[], of: PlacementState, form?: PlacementForm) => new Placer(of).place(chunks, form);

const state = (over: Partial<PlacementState>): PlacementState => ({
  usable: ['w1', 'w2', 'w3'],
  load: new Map(),
  inDatabase: new Map(),
  inFamily: new Map(),
  ...over,
});

test('the least loaded worker takes a new chunk, the first by name of equals', () => {
  const load = new Map([
    ['w1', 2],
    ['w3', 1],
  ]);
  const placed = placeChunks([10, 11, 12, 10], state({ load }));
  expect(placed.map((p) => [p.chunk, p.workers, p.isNew])).toEqual([
    [10, ['w2'], true],
    [11, ['w2'], true],
    [12, ['w3'], true],
    [10, ['w2'], false],
  ]);
});

test('where the database has it, else where the family has it', () => {
  const s = state({
    load: new Map([['w3', 9]]),
    inDatabase: new Map([[1, ['w3']]]),
    inFamily: new Map([
      [1, ['w1', 'w3']],
      [2, ['w3', 'gone']],
    ]),
  });
  expect(placeChunks([1, 2], s).map((p) => p.workers)).toEqual([['w3'], ['w3']]);
});

test('workers that cannot be used do not count', () => {
  const s = state({ usable: ['w1'], inDatabase: new Map([[1, ['w2']]]), inFamily: new Map([[1, ['w2']]]) });
  expect(placeChunks([1], s)).toEqual([{ chunk: 1, workers: ['w1'], isNew: true }]);
  expect(() => placeChunks([1], state({ usable: [] }))).toThrow(expect.objectContaining({ code: 'NO_WORKERS' }));
});

test('several replicas: refused in the single form, all in the multi form', () => {
  const s = state({ inDatabase: new Map([[1, ['w3', 'w1']]]), inFamily: new Map([[2, ['w2', 'w1']]]) });
  expect(() => placeChunks([1], s)).toThrow(expect.objectContaining({ code: 'ILLEGAL_STATE' }));
  expect(placeChunks([1, 2, 3], s, 'multi').map((p) => p.workers)).toEqual([['w1', 'w3'], ['w1', 'w2'], ['w3']]);
});

test('new chunks are spread evenly', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(1000), { maxLength: 60 }), fc.integer({ min: 1, max: 7 }), (chunks, workers) => {
      const usable = Array.from({ length: workers }, (_, i) => `w${i}`);
      const count = new Map<string, number>();
      for (const p of placeChunks(chunks, state({ usable }))) {
        for (const w of p.workers) count.set(w, (count.get(w) ?? 0) + 1);
      }
      const loads = usable.map((w) => count.get(w) ?? 0);
      expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1);
    }),
  );
});

test('requests placed one after the other see what the others got', () => {
  const placer = new Placer(state({ inFamily: new Map([[7, ['w2', 'w3']]]) }));
  expect(placer.place([5, 6])).toEqual([
    { chunk: 5, workers: ['w1'], isNew: true },
    { chunk: 6, workers: ['w2'], isNew: true },
  ]);
  expect(placer.place([6, 7], 'multi')).toEqual([
    { chunk: 6, workers: ['w2'], isNew: false },
    { chunk: 7, workers: ['w2', 'w3'], isNew: true },
  ]);
  expect(() => placer.place([8, 7])).toThrow('chunk 7 has too many replicas');
  expect(placer.here(8)).toEqual([]);
});
