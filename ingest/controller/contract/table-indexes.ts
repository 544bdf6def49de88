import type { IngestError } from '../../core/errors';
import type { Controller } from '../controller';

const failure = (code: IngestError['code'], message = '') =>
  expect.objectContaining({ code, message: expect.stringContaining(message) });

/** SQL indexes, as every backend shows them. `register` makes a catalog with tables Object, Source and Filter, unpublished. */
export function tableIndexCases(controller: () => Controller, register: () => Promise<string>): void {
  const published = async (): Promise<string> => {
    const name = await register();
    await controller().allocateChunks({ database: name }, [7480, 7310]);
    await controller().publish(name);
    return name;
  };
  const byId = { index: 'by_id', columns: [{ column: 'objectId' }, { column: 'ra', ascending: false }] };

  describe('table indexes', () => {
    test('are made on all final tables of a sort, listed and dropped; again is success', async () => {
      const name = await published();
      await controller().createTableIndex(name, 'Object', { ...byId, comment: "it's \\ `quoted`" });
      await controller().createTableIndex(name, 'Object', { ...byId });
      const [index, ...others] = await controller().tableIndexes(name, 'Object');
      expect(others).toEqual([]);
      expect(index).toMatchObject({
        name: 'by_id',
        unique: false,
        type: 'BTREE',
        comment: "it's \\ `quoted`",
        columns: [
          { name: 'objectId', seq: 1, subPart: 0, collation: 'ASC' },
          { name: 'ra', seq: 2, subPart: 0, collation: 'DESC' },
        ],
        status: 'COMPLETE',
      });
      expect(index?.replicas).toBe(index?.replicasTotal);
      // Two chunks, and a dummy chunk on every worker.
      expect(index?.replicas).toBeGreaterThanOrEqual(3);
      expect(await controller().tableIndexes(name, 'Object', { overlap: true })).toEqual([]);

      await controller().createTableIndex(name, 'Object', byId, { overlap: true });
      await controller().dropTableIndex(name, 'Object', 'by_id');
      await controller().dropTableIndex(name, 'Object', 'by_id');
      expect(await controller().tableIndexes(name, 'Object')).toEqual([]);
      expect(await controller().tableIndexes(name, 'Object', { overlap: true })).toMatchObject([{ name: 'by_id' }]);
    });

    test('of all sorts, with odd names', async () => {
      const name = await published();
      const odd = '`; DROP TABLE x; -- "\'é';
      const unique = { index: odd, columns: [{ column: 'filterName', length: 2 }], spec: 'UNIQUE' as const };
      await controller().createTableIndex(name, 'Filter', unique, { overlap: true });
      await controller().createTableIndex(name, 'Filter', {
        index: 'words',
        columns: [{ column: 'filterName' }],
        spec: 'FULLTEXT',
      });
      expect(await controller().tableIndexes(name, 'Filter')).toMatchObject([
        { name: odd, unique: true, type: 'BTREE', columns: [{ subPart: 2 }], status: 'COMPLETE' },
        { name: 'words', unique: false, type: 'FULLTEXT', columns: [{ collation: 'NOT_SORTED' }] },
      ]);
      await controller().dropTableIndex(name, 'Filter', odd);
      expect(await controller().tableIndexes(name, 'Filter')).toMatchObject([{ name: 'words' }]);
    });

    test('an index of the name is taken for it, unless told otherwise', async () => {
      const name = await published();
      await controller().createTableIndex(name, 'Filter', { index: 'a', columns: [{ column: 'filterName' }] });
      const other = { index: 'A', columns: [{ column: 'filterName', length: 1 }] };
      await controller().createTableIndex(name, 'Filter', other);
      const refused = controller().createTableIndex(name, 'Filter', other, { ignoreDuplicateKey: false });
      await expect(refused).rejects.toEqual(failure('TABLES_FAILED', 'already'));
      const details = await refused.catch((error: IngestError) => error.details);
      const [failed] = Object.values((details as { failures: object }).failures);
      expect(failed).toEqual({ Filter: { status: 'DUPLICATE_KEY', error: expect.stringContaining('A') } });
    });

    test('faults are listed by their path, and nothing is changed', async () => {
      const name = await published();
      const columns = [{ column: 'Ra' }, { column: 'decl', length: 3 }];
      await expect(
        controller().createTableIndex(name, 'Object', { index: 'primary', columns, comment: 'x'.repeat(1025) }),
      ).rejects.toMatchObject({
        code: 'INVALID_INPUT',
        details: {
          faults: [
            { path: 'index' },
            { path: 'comment' },
            { path: 'columns[0].column' },
            { path: 'columns[1].length' },
          ],
        },
      });
      expect(await controller().tableIndexes(name, 'Object')).toEqual([]);
    });

    test('need a published table', async () => {
      const name = await register();
      const unpublished = failure('ILLEGAL_STATE', 'table is not published');
      await expect(controller().createTableIndex(name, 'Object', byId)).rejects.toEqual(unpublished);
      await expect(controller().tableIndexes(name, 'Object')).rejects.toEqual(unpublished);
      await expect(controller().dropTableIndex(name, 'Object', 'by_id')).rejects.toEqual(unpublished);
      await expect(controller().tableIndexes('nope', 'Object')).rejects.toEqual(failure('UNKNOWN_DATABASE'));
      await expect(controller().tableIndexes(name, 'Nope')).rejects.toEqual(failure('UNKNOWN_TABLE'));
    });
  });
}
