import { able } from '../../../test/support/able';
import type { IngestError } from '../../core/errors';
import { replacementName } from '../../core/names';
import type { TableDefinition } from '../../core/tables';
import type { Controller, ControllerCapabilities } from '../controller';

const failure = (code: IngestError['code'], message = '') =>
  expect.objectContaining({ code, message: expect.stringContaining(message) });

/** Life of a published catalog. `register` makes one with tables Object, Source (refers to it) and Filter, unpublished. */
export function publishingCases(
  capabilities: ControllerCapabilities,
  controller: () => Controller,
  register: () => Promise<string>,
): void {
  const published = async (chunks = [7480]): Promise<string> => {
    const name = await register();
    await controller().allocateChunks({ database: name }, chunks);
    await controller().publish(name);
    return name;
  };
  const table = (name: string): TableDefinition => ({ kind: 'regular', name, schema: [{ name: 'a', type: 'INT' }] });

  describe('unpublish', () => {
    test('clears the flag of the database and no other', async () => {
      const name = await published();
      const before = await controller().database(name);
      const after = await controller().unpublish(name);
      expect(after).toEqual({ ...before, isPublished: false });
      expect(await controller().unpublish(name)).toEqual(after);
      await expect(controller().unpublish('nope')).rejects.toEqual(failure('UNKNOWN_DATABASE'));
    });

    test('opens the database for new tables, and publishing again leaves the others as they are', async () => {
      const name = await published();
      const before = (await controller().database(name)).tables;
      await controller().unpublish(name);
      await controller().registerTable(name, table('Added'));
      const { id } = await controller().beginTransaction(name, {});
      await controller().endTransaction(id, 'commit');
      const { database } = await controller().publish(name);
      expect(database.isPublished).toBe(true);
      const [added, ...others] = database.tables;
      expect(added).toMatchObject({ definition: { name: 'Added' }, isPublished: true });
      expect(others).toEqual(before);
    });
  });

  describe('publish', () => {
    test('says of every open super-transaction how it can be ended', async () => {
      const name = await register();
      const ids = [await controller().beginTransaction(name, {}), await controller().beginTransaction(name, {})].map(
        ({ id }) => id,
      );
      await expect(controller().publish(name)).rejects.toMatchObject({
        code: 'OPEN_TRANSACTIONS',
        details: {
          transactions: ids,
          open: ids.map((id) => ({
            id,
            state: 'STARTED',
            end: ['commit', 'abort'],
            remedy: `commit it: PUT /ingest/trans/${id}?abort=0, or abort it: PUT /ingest/trans/${id}?abort=1`,
          })),
        },
      });
    });
  });

  describe('several replicas of a chunk', () => {
    test('are all returned in the form "multi", in the order asked for', async () => {
      const name = await register();
      const scope = { database: name };
      const asked = [7480, 7310];
      const locations = await controller().allocateChunks(scope, asked, 'multi');
      expect(locations.map((l) => l.chunk)).toEqual(asked);
      expect(await controller().allocateChunks(scope, asked)).toEqual(locations);
      expect(await controller().allocateChunks(scope, [...asked].reverse(), 'multi')).toEqual([...locations].reverse());
    });
  });

  describe('the list of empty chunks', () => {
    test('is built once, and again by force', async () => {
      const name = await register();
      await controller().allocateChunks({ database: name }, [7480, 7310]);
      const report = { chunks: 8981, ingested: 2, all: 8983 };
      expect(await controller().rebuildEmptyChunks(name)).toEqual(report);
      await expect(controller().rebuildEmptyChunks(name)).rejects.toEqual(failure('ALREADY_EXISTS', 'force'));
      await controller().allocateChunks({ database: name }, [7140]);
      expect(await controller().rebuildEmptyChunks(name, { force: true })).toEqual({
        ...report,
        chunks: 8980,
        ingested: 3,
      });
      await expect(controller().rebuildEmptyChunks('nope')).rejects.toEqual(failure('UNKNOWN_DATABASE'));
    });

    test('is left alone when the database is published', async () => {
      const name = await published();
      await expect(controller().rebuildEmptyChunks(name, { force: true })).rejects.toEqual(
        failure('DATABASE_PUBLISHED'),
      );
      await controller().unpublish(name);
      await expect(controller().rebuildEmptyChunks(name)).rejects.toEqual(failure('ALREADY_EXISTS'));
    });
  });

  describe('deletion of what is published', () => {
    test('needs to be allowed', async () => {
      const name = await published();
      await expect(controller().deleteTable(name, 'Filter')).rejects.toEqual(failure('DATABASE_PUBLISHED'));
      await expect(controller().deleteDatabase(name, {})).rejects.toEqual(failure('DATABASE_PUBLISHED'));
      await controller().deleteTable(name, 'Filter', { published: true });
      await controller().deleteTable(name, 'Filter', { published: true });
      expect((await controller().database(name)).tables.map((t) => t.definition.name)).toEqual(['Object', 'Source']);
      await controller().deleteDatabase(name, { published: true });
      await controller().deleteDatabase(name, { published: true });
      await expect(controller().database(name)).rejects.toEqual(failure('UNKNOWN_DATABASE'));
    });

    test('of a table while the database is unpublished needs not, and the name is free again', async () => {
      const name = await published();
      await controller().unpublish(name);
      await controller().deleteTable(name, 'Filter');
      await controller().registerTable(name, table('Filter'));
      const { database } = await controller().publish(name);
      expect(database.tables[0]).toMatchObject({ definition: { name: 'Filter', schema: [{ name: 'a' }] } });
    });

    test('of a director that another database refers to is refused, and changes nothing', async () => {
      const name = await published();
      const other = await register();
      const refers: TableDefinition = {
        kind: 'dependent',
        name: 'Elsewhere',
        director: `${name}.Object`,
        directorKey: 'objectId',
        schema: [{ name: 'objectId', type: 'BIGINT NOT NULL' }],
      };
      await controller().registerTable(other, refers);
      await controller().deleteTable(name, 'Source', { published: true });
      const before = await controller().database(name);
      await expect(controller().deleteTable(name, 'Object', { published: true })).rejects.toMatchObject({
        code: 'ILLEGAL_STATE',
        details: { dependents: [`${other}.Elsewhere`] },
      });
      expect(await controller().database(name)).toEqual(before);
      await controller().deleteTable(other, 'Elsewhere');
      await controller().deleteTable(name, 'Object', { published: true });
    });

    able(capabilities, 'replaceTables').test(
      'of a table whose next version is registered is refused; of the next version not',
      async () => {
        const name = await published();
        const next = replacementName('Filter');
        await controller().unpublish(name);
        await controller().registerTable(name, table(next), { replaces: 'Filter' });
        await expect(controller().deleteTable(name, 'Filter')).rejects.toEqual(failure('ILLEGAL_STATE', next));
        await controller().deleteTable(name, next);
        await controller().deleteTable(name, 'Filter');
        expect((await controller().database(name)).tables.map((t) => t.definition.name)).toEqual(['Object', 'Source']);
      },
    );
  });
}
