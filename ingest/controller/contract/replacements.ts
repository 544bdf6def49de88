import { randomBytes } from 'node:crypto';
import { able } from '../../../test/support/able';
import type { IngestError } from '../../core/errors';
import { replacementName } from '../../core/names';
import type { TableDefinition } from '../../core/tables';
import type { Controller, ControllerCapabilities } from '../controller';

const failure = (code: IngestError['code'], message = '') =>
  expect.objectContaining({ code, message: expect.stringContaining(message) });

interface Tables {
  object: TableDefinition;
  source: TableDefinition;
  filter: TableDefinition;
}

/** Next versions of published tables. `register` makes a catalog with tables Object, Source and Filter, unpublished. */
export function replacementCases(
  capabilities: ControllerCapabilities,
  controller: () => Controller,
  register: () => Promise<string>,
  { object, source, filter }: Tables,
): void {
  const next = (table: TableDefinition): TableDefinition => ({
    ...table,
    name: replacementName(table.name),
    schema: [...table.schema, { name: 'added', type: 'INT' }],
  });
  /** Published once, and open for changes again. */
  const reopened = async (): Promise<string> => {
    const name = await register();
    await controller().allocateChunks({ database: name }, [7480]);
    await controller().publish(name);
    await controller().unpublish(name);
    return name;
  };
  const tablesOf = async (name: string) => (await controller().database(name)).tables;
  const tableOf = async (name: string, table: string) =>
    (await tablesOf(name)).find((t) => t.definition.name === table);

  able(capabilities, 'replaceTables').describe('next versions', () => {
    test('are tables of their own until publish; again is success', async () => {
      const name = await reopened();
      const table = await controller().registerTable(name, next(object), { replaces: 'Object' });
      expect(table).toMatchObject({ definition: next(object), isPublished: false, replaces: 'Object' });
      expect(table.replaced).toBeUndefined();
      expect(await controller().registerTable(name, next(object), { replaces: 'Object' })).toEqual(table);
      await expect(
        controller().registerTable(name, { ...next(object), schema: object.schema }, { replaces: 'Object' }),
      ).rejects.toEqual(failure('ALREADY_EXISTS', 'schema'));
      await expect(controller().registerTable(name, next(object))).rejects.toEqual(
        failure('ALREADY_EXISTS', 'replaces'),
      );
      expect(await tableOf(name, 'Object')).toMatchObject({ definition: object, isPublished: true });
      expect(await controller().registerTable(name, object)).toMatchObject({ isPublished: true });
    });

    test('take the place of their tables when the database is published', async () => {
      const name = await reopened();
      const before = await controller().database(name);
      await controller().registerTable(name, next(object), { replaces: 'Object' });
      await controller().registerTable(name, next(filter), { replaces: 'Filter' });

      const { database, replaced } = await controller().publish(name);

      expect(replaced).toEqual([
        { table: 'Filter', gapMs: expect.any(Number) },
        { table: 'Object', gapMs: expect.any(Number) },
      ]);
      expect(database.tables.map((t) => t.definition)).toEqual(
        [{ ...next(filter), name: 'Filter' }, { ...next(object), name: 'Object' }, source].map((definition) =>
          expect.objectContaining(definition),
        ),
      );
      for (const table of database.tables) {
        expect(table).toMatchObject({ isPublished: true });
        expect(table.replaces).toBeUndefined();
      }
      expect(database.tables[2]).toEqual(before.tables[2]);
      for (const table of database.tables.slice(0, 2)) {
        const { hidden = 0, shown = 0 } = table.replaced ?? {};
        expect(hidden).toBeGreaterThanOrEqual(before.createTime);
        expect(shown).toBeGreaterThanOrEqual(hidden);
        expect(replaced.find((r) => r.table === table.definition.name)?.gapMs).toBe(shown - hidden);
      }
      // Whoever did not hear the answer asks again.
      expect(await controller().publish(name)).toEqual({ database, replaced, renamed: 0, copied: 0 });

      // The next publish replaces nothing, and does not tell of earlier times.
      await controller().unpublish(name);
      expect((await controller().publish(name)).replaced).toEqual([]);
    });

    test('of ref-match tables and of their directors', async () => {
      const name = await register();
      await controller().registerTable(name, { ...object, name: 'Object2' });
      const match: TableDefinition = {
        kind: 'refMatch',
        name: 'Match',
        director: 'Object',
        directorKey: 'id1',
        director2: 'Object2',
        directorKey2: 'id2',
        flag: 'flag',
        angSep: 0.01,
        schema: ['id1', 'id2', 'flag'].map((column) => ({ name: column, type: 'BIGINT' })),
      };
      await controller().registerTable(name, match);
      await controller().allocateChunks({ database: name }, [7480]);
      await controller().publish(name);
      await controller().unpublish(name);
      for (const table of [match, object]) {
        await controller().registerTable(name, next(table), { replaces: table.name });
      }
      const { database, replaced } = await controller().publish(name);
      expect(replaced.map(({ table }) => table)).toEqual(['Match', 'Object']);
      const found = database.tables.find((t) => t.definition.name === 'Match');
      expect(found).toMatchObject({ definition: { ...next(match), name: 'Match' }, isPublished: true });
      await expect(controller().deleteTable(name, 'Object', { published: true })).rejects.toEqual(
        failure('ILLEGAL_STATE', 'Match'),
      );
    });

    test('of a next version, later, replace that one', async () => {
      const name = await reopened();
      await controller().registerTable(name, next(filter), { replaces: 'Filter' });
      await controller().publish(name);
      await controller().unpublish(name);
      await controller().registerTable(name, { ...filter, name: replacementName('Filter') }, { replaces: 'Filter' });
      expect((await controller().publish(name)).replaced).toMatchObject([{ table: 'Filter' }]);
      expect(await tableOf(name, 'Filter')).toMatchObject({ definition: filter });
    });

    test('are deleted, and nothing has changed', async () => {
      const name = await reopened();
      const before = await tablesOf(name);
      await controller().registerTable(name, next(object), { replaces: 'Object' });
      await controller().registerTable(name, next(source), { replaces: 'Source' });
      const { id } = await controller().beginTransaction(name, {});
      await controller().endTransaction(id, 'abort');
      for (const table of [object, source]) await controller().deleteTable(name, replacementName(table.name));
      expect(await tablesOf(name)).toEqual(before);
      const { database, replaced } = await controller().publish(name);
      expect(replaced).toEqual([]);
      expect(database.tables).toEqual(before);
    });

    test('go before their tables: those are not deleted as long as the next version is there', async () => {
      const name = await reopened();
      await controller().registerTable(name, next(filter), { replaces: 'Filter' });
      await expect(controller().deleteTable(name, 'Filter')).rejects.toEqual(
        failure('ILLEGAL_STATE', replacementName('Filter')),
      );
      await controller().deleteTable(name, replacementName('Filter'));
      await controller().deleteTable(name, 'Filter');
    });

    test('have the name, the kind and the state that belong to them', async () => {
      const name = await reopened();
      const replaces = (table: TableDefinition, what: string) =>
        controller().registerTable(name, table, { replaces: what });
      await expect(replaces({ ...next(filter), name: 'Filter2' }, 'Filter')).rejects.toMatchObject({
        code: 'INVALID_INPUT',
        details: { faults: [{ path: 'name', message: expect.stringContaining(replacementName('Filter')) }] },
      });
      await expect(replaces({ ...next(filter), name: replacementName('Object') }, 'Object')).rejects.toMatchObject({
        code: 'INVALID_INPUT',
        details: { faults: [{ path: 'kind' }] },
      });
      await expect(
        replaces({ ...next(source), director: 'Filter' } as TableDefinition, 'Source'),
      ).rejects.toMatchObject({
        code: 'INVALID_INPUT',
        details: { faults: [{ path: 'director' }] },
      });
      await expect(replaces({ ...filter, name: replacementName('Nothing') }, 'Nothing')).rejects.toEqual(
        failure('UNKNOWN_TABLE', 'Nothing'),
      );
      await controller().registerTable(name, { ...filter, name: 'Fresh' });
      await expect(replaces({ ...filter, name: replacementName('Fresh') }, 'Fresh')).rejects.toEqual(
        failure('ILLEGAL_STATE', 'Fresh'),
      );
      await controller().publish(name);
      await expect(replaces(next(filter), 'Filter')).rejects.toEqual(failure('DATABASE_PUBLISHED'));
    });

    test('are no tables that others can refer to', async () => {
      const name = await reopened();
      await controller().registerTable(name, next(object), { replaces: 'Object' });
      await expect(
        controller().registerTable(name, {
          ...source,
          name: 'S2',
          director: replacementName('Object'),
        } as TableDefinition),
      ).rejects.toMatchObject({ code: 'INVALID_INPUT', details: { faults: [{ path: 'director' }] } });
      // By its final name, before and after its director's next version is registered.
      await controller().registerTable(name, next(source), { replaces: 'Source' });
      await controller().registerTable(name, { ...source, name: 'S2' });
      expect((await controller().publish(name)).replaced).toHaveLength(2);
    });

    test('need a name as legal as any', async () => {
      const name = `c_${randomBytes(24).toString('hex').slice(0, 46)}`;
      await controller().registerDatabase({ name, numStripes: 85, numSubStripes: 12, overlap: 0.01667 });
      await controller().registerTable(name, { ...filter, name: 'F' });
      await controller().allocateChunks({ database: name }, [7480]);
      await controller().publish(name);
      await controller().unpublish(name);
      await expect(
        controller().registerTable(name, { ...filter, name: replacementName('F') }, { replaces: 'F' }),
      ).rejects.toEqual(failure('INVALID_INPUT', '56 characters'));
    });

    test('of two tables that would be called alike come one after the other', async () => {
      const name = await register();
      const [a, b] = ['T76wu', 'Tawfa'];
      expect(replacementName(a)).toBe(replacementName(b));
      for (const table of [a, b]) await controller().registerTable(name, { ...filter, name: table });
      await controller().allocateChunks({ database: name }, [7480]);
      await controller().publish(name);
      await controller().unpublish(name);
      const same = { ...filter, name: replacementName(a) };
      await controller().registerTable(name, same, { replaces: a });
      await expect(controller().registerTable(name, same, { replaces: b })).rejects.toEqual(
        failure('ALREADY_EXISTS', 'replaces'),
      );
    });
  });
}
