import type { IngestError } from '../../core/errors';
import type { TableDefinition } from '../../core/tables';
import type { Controller } from '../controller';

const failure = (code: IngestError['code'], message = '') =>
  expect.objectContaining({ code, message: expect.stringContaining(message) });

const match: TableDefinition = {
  kind: 'refMatch',
  name: 'Pairs',
  director: 'Object',
  directorKey: 'objectId',
  director2: 'Other',
  directorKey2: 'otherId',
  flag: 'flags',
  angSep: 0.01,
  schema: [
    { name: 'objectId', type: 'BIGINT NOT NULL' },
    { name: 'otherId', type: 'BIGINT NOT NULL' },
    { name: 'flags', type: 'INT NOT NULL' },
  ],
};

/** Shared-scan ratings, as every backend shows them. `register` makes a catalog with Object, Source and Filter, unpublished. */
export function scanRatingCases(controller: () => Controller, register: () => Promise<string>): void {
  const ratings = async (database: string) =>
    (await controller().scanRatings())
      .filter((r) => r.database === database)
      .map(({ table, rating }) => [table, rating]);

  describe('shared-scan ratings', () => {
    test('are 1 once published, and can be set in any publish state', async () => {
      const name = await register();
      expect(await ratings(name)).toEqual([
        ['Object', undefined],
        ['Source', undefined],
      ]);
      await expect(controller().setScanRating(name, 'Object', 3)).rejects.toEqual(failure('UNKNOWN_TABLE', 'CSS'));
      await controller().allocateChunks({ database: name }, [7480]);
      await controller().publish(name);
      expect(await ratings(name)).toEqual([
        ['Object', 1],
        ['Source', 1],
      ]);
      await controller().setScanRating(name, 'Object', 3);
      await controller().setScanRating(name, 'Object', 3);
      await controller().setScanRating(name, 'Source', -1);
      expect(await ratings(name)).toEqual([
        ['Object', 3],
        ['Source', -1],
      ]);
      expect((await controller().scanRatings()).find((r) => r.database === name)?.family).toBe('layout_85_12');
    });

    test('are for partitioned tables that are no ref-match tables', async () => {
      const name = await register();
      const { definition } =
        (await controller().database(name)).tables.find((t) => t.definition.name === 'Object') ?? {};
      await controller().registerTable(name, {
        ...(definition as Extract<TableDefinition, { kind: 'director' }>),
        name: 'Other',
      });
      await controller().registerTable(name, match);
      await controller().allocateChunks({ database: name }, [7480]);
      await controller().publish(name);
      const refused = failure('INVALID_INPUT', 'the table must be partitioned and not a reference match');
      await expect(controller().setScanRating(name, 'Filter', 1)).rejects.toEqual(refused);
      await expect(controller().setScanRating(name, 'Pairs', 1)).rejects.toEqual(refused);
      await expect(controller().setScanRating(name, 'Object', 1.5)).rejects.toEqual(failure('INVALID_INPUT', '1.5'));
      await expect(controller().setScanRating(name, 'Nope', 1)).rejects.toEqual(failure('UNKNOWN_TABLE'));
      await expect(controller().setScanRating('nope', 'Object', 1)).rejects.toEqual(failure('UNKNOWN_DATABASE'));
      expect((await ratings(name)).map(([table]) => table)).toEqual(['Object', 'Other', 'Source']);
    });
  });
}
