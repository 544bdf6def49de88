import fc from 'fast-check';
import { contributions } from '../../../api/campaign/contributions';
import { DEFAULT_DIALECT } from '../../core/dialect';
import type { CatalogTable } from './catalog';
import type { PlannedFile } from './files';
import { cutTransactions, groupUnits, MOST_TRANSACTIONS } from './units';

const group = contributions.parse({ files: [{ url: 'x' }] });
const table: CatalogTable = {
  index: 0,
  path: 'tables[0]',
  contributions: [group],
  finishing: { indexes: [] },
  dialect: DEFAULT_DIALECT,
  definition: { kind: 'regular', name: 'T', schema: [{ name: 'a', type: 'INT' }] },
};

function file(url: string, changes: Partial<PlannedFile> = {}): PlannedFile {
  return { url, chunk: 1, overlap: false, group, path: '', bytes: 10, mtimeMs: 5, ...changes };
}

const fingerprintOf = async (files: PlannedFile[], of = table) => (await groupUnits(of, files))[0]?.fingerprint;

describe('groupUnits', () => {
  test('by chunk and overlap, in order, files by URL', async () => {
    const units = await groupUnits(table, [
      file('d', { chunk: 2 }),
      file('c', { overlap: true }),
      file('b', { bytes: 3 }),
      file('a', { bytes: undefined }),
    ]);
    expect(units.map((u) => [u.chunk, u.overlap, u.bytes, u.files.map((f) => f.url)])).toEqual([
      [1, false, 3, ['a', 'b']],
      [1, true, 10, ['c']],
      [2, false, 10, ['d']],
    ]);
  });

  test('fingerprints: equal for the same rows in any order of files', async () => {
    expect(await fingerprintOf([file('a'), file('b')])).toBe(await fingerprintOf([file('b'), file('a')]));
    expect(await fingerprintOf([file('a')])).toMatch(/^[0-9a-f]{64}$/);
  });

  test.each([
    ['URL', [file('b')], table],
    ['size', [file('a', { bytes: 11 })], table],
    ['time', [file('a', { mtimeMs: 6 })], table],
    ['ETag', [file('a', { etag: '"x"' })], table],
    ['chunk', [file('a', { chunk: 2 })], table],
    ['overlap', [file('a', { overlap: true })], table],
    ['another file', [file('a'), file('b')], table],
    ['charset', [file('a', { group: { ...group, charset: 'utf8mb4' } })], table],
    [
      'dialect of the group',
      [file('a', { group: { ...group, dialect: { fieldsTerminatedBy: ',' as const } } })],
      table,
    ],
    [
      'dialect of the table',
      [file('a')],
      { ...table, dialect: { ...DEFAULT_DIALECT, fieldsTerminatedBy: ',' as const } },
    ],
    [
      'definition',
      [file('a')],
      {
        ...table,
        definition: { ...table.definition, schema: [{ name: 'a', type: 'BIGINT' }] } as CatalogTable['definition'],
      },
    ],
  ])('fingerprints differ by %s', async (_, files, of) => {
    expect(await fingerprintOf(files, of)).not.toBe(await fingerprintOf([file('a')]));
  });
});

describe('cutTransactions', () => {
  test('about as many bytes as wanted', () => {
    expect(cutTransactions([5, 5, 5, 5, 5], 10)).toEqual([0, 0, 1, 1, 2]);
    expect(cutTransactions([50, 1, 1], 10)).toEqual([0, 1, 1]);
    expect(cutTransactions([], 10)).toEqual([]);
    expect(cutTransactions([0, 0], 10)).toEqual([0, 0]);
  });

  test('never too many, never a gap, never out of order', () => {
    const sizes = fc.array(fc.nat({ max: 1e12 }), { maxLength: 500 });
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 1e12 }), (bytes, wanted) => {
        const numbers = cutTransactions(bytes, wanted);
        expect(numbers).toHaveLength(bytes.length);
        let last = 0;
        for (const number of numbers) {
          expect(number === last || number === last + 1).toBe(true);
          last = number;
        }
        expect(last).toBeLessThan(MOST_TRANSACTIONS);
      }),
    );
  });
});
