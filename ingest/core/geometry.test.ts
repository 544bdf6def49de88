import fc from 'fast-check';
import { ChunkGeometry, geometryFault } from './geometry';
import { DUMMY_CHUNK } from './names';

// docs/contract/storage.md §9, test vectors.
test.each([
  { s: 85, b: 12, chunks: 8983, m: 69, most: 169, largest: 14280, first: [1, 5, 12, 18] },
  { s: 340, b: 3, chunks: 146332, m: 12, most: 679, largest: 230520, first: [1, 5, 12, 18] },
  { s: 18, b: 10, chunks: 368, m: 56, most: 35, largest: 612, first: [1, 5, 12, 17] },
  { s: 3, b: 2, chunks: 7, m: 5, most: 5, largest: 12, first: [1, 5, 1] },
  { s: 2, b: 1, chunks: 2, m: 1, most: 1, largest: 4, first: [1, 1] },
  { s: 1, b: 1, chunks: 1, m: 1, most: 1, largest: 0, first: [1] },
])('$s stripes of $b sub-stripes', ({ s, b, chunks, m, most, largest, first }) => {
  const geometry = new ChunkGeometry(s, b);
  const all = [...geometry.chunks()];
  const perStripe = Array.from({ length: s }, (_, i) => geometry.chunksInStripe(i));
  expect(all).toHaveLength(chunks);
  expect(geometry.maxSubChunks).toBe(m);
  expect(Math.max(...perStripe)).toBe(most);
  expect(all.at(-1)).toBe(largest);
  expect(perStripe.slice(0, first.length)).toEqual(first);
});

test.each([
  [85, 12, 1.30450574307, 3.34239540723, 7480, 7],
  [85, 12, 0, 0, 7140, 345],
  [85, 12, 180, 45, 10769, 627],
  [85, 12, 12.5, -33.25, 4424, 630],
  [85, 12, 0, 90, 14280, 759],
  [85, 12, 0, -90, 0, 0],
  [85, 12, 359.9999999, 0, 7308, 356],
  [340, 3, 0, 0, 114920, 24],
  [340, 3, 180, 45, 173638, 0],
  [340, 3, 12.5, -33.25, 72779, 2],
  [340, 3, 0, 90, 230520, 24],
])('%i, %i: (%d, %d) lies in chunk %i, sub-chunk %i', (s, b, ra, dec, chunk, subChunk) => {
  expect(new ChunkGeometry(s, b).locate(ra, dec)).toEqual({ chunk, subChunk });
});

test('bounds and validity of chunk 7480', () => {
  const geometry = new ChunkGeometry(85, 12);
  const box = geometry.bounds(7480);
  expect(box.raMin).toBe(0);
  expect(box.raMax).toBeCloseTo(2.1301775, 6);
  expect(box.decMin).toBeCloseTo(3.17647, 5);
  expect(box.decMax).toBeCloseTo(5.294117, 5);
  expect(geometry.isValid(169)).toBe(false);
  expect(geometry.isValid(170)).toBe(true);
  expect(geometry.isValid(DUMMY_CHUNK)).toBe(true);
  for (const bad of [-1, -169, 14281, 7.5, Number.NaN, 2 ** 31]) expect(geometry.isValid(bad)).toBe(false);
  expect(() => geometry.bounds(169)).toThrow(RangeError);
});

const partitionings = fc.record({ s: fc.integer({ min: 1, max: 120 }), b: fc.integer({ min: 1, max: 12 }) });

test('every position lies inside the bounds of what locate says', () => {
  const ra = fc.double({ min: 0, max: 360, maxExcluded: true, noNaN: true });
  const dec = fc.double({ min: -90, max: 90, noNaN: true });
  fc.assert(
    fc.property(partitionings, ra, dec, ({ s, b }, lon, lat) => {
      const geometry = new ChunkGeometry(s, b);
      const { chunk, subChunk } = geometry.locate(lon, lat);
      for (const box of [geometry.bounds(chunk), geometry.subChunkBounds(chunk, subChunk)]) {
        expect(lon).toBeGreaterThanOrEqual(box.raMin - 1e-9);
        expect(lon).toBeLessThanOrEqual(box.raMax + 1e-9);
        expect(lat).toBeGreaterThanOrEqual(box.decMin - 1e-9);
        expect(lat).toBeLessThanOrEqual(box.decMax + 1e-9);
      }
    }),
  );
});

test('the middle of every chunk is located in it', () => {
  fc.assert(
    fc.property(partitionings, fc.nat(), ({ s, b }, pick) => {
      const geometry = new ChunkGeometry(s, b);
      const all = [...geometry.chunks()];
      const chunk = all[pick % all.length] as number;
      const box = geometry.bounds(chunk);
      const found = geometry.locate((box.raMin + box.raMax) / 2, (box.decMin + box.decMax) / 2);
      expect(found.chunk).toBe(chunk);
      const sub = geometry.subChunkBounds(chunk, found.subChunk);
      expect(geometry.locate((sub.raMin + sub.raMax) / 2, (sub.decMin + sub.decMax) / 2)).toEqual(found);
    }),
  );
});

test('impossible partitionings are refused', () => {
  expect(geometryFault(85, 12)).toBeUndefined();
  for (const [s, b] of [
    [0, 1],
    [1, 0],
    [1.5, 1],
    [-1, 3],
    [1000, 1000],
    [30_000, 1],
  ] as const) {
    expect(geometryFault(s, b)).toBeDefined();
  }
});
