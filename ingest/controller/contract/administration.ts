import { randomBytes } from 'node:crypto';
import { able } from '../../../test/support/able';
import type { IngestError } from '../../core/errors';
import { replacementName } from '../../core/names';
import type { TableDefinition } from '../../core/tables';
import type { FamilyDescriptor } from '../administration';
import type { Controller, ControllerCapabilities } from '../controller';

const failure = (code: IngestError['code'], message = '') =>
  expect.objectContaining({ code, message: expect.stringContaining(message) });

const table: TableDefinition = { kind: 'regular', name: 'T', schema: [{ name: 'a', type: 'INT' }] };

/** Families, workers, and what is refused to callers who must not repeat. `register` makes a catalog as `publishingCases` wants it. */
export function administrationCases(
  capabilities: ControllerCapabilities,
  controller: () => Controller,
  register: () => Promise<string>,
): void {
  const unique = (prefix: string) => `${prefix}_${randomBytes(5).toString('hex')}`;
  /** Of a partitioning that no other case uses. */
  const newFamily = (given: Partial<FamilyDescriptor> = {}): FamilyDescriptor => {
    const partitioning = { numStripes: 1000 + (randomBytes(2).readUInt16BE() % 10_000), numSubStripes: 3 };
    return { name: unique('f'), replicationLevel: 1, overlap: 0.01, ...partitioning, ...given };
  };
  const within = ({ numStripes, numSubStripes }: FamilyDescriptor) => ({
    name: unique('c'),
    numStripes,
    numSubStripes,
    overlap: 0.5,
  });

  describe('families', () => {
    test('are added once, listed by name, and deleted', async () => {
      const family = newFamily({ replicationLevel: 2 });
      expect(await controller().addFamily(family)).toEqual(family);
      expect(await controller().family(family.name)).toEqual(family);
      const names = (await controller().families()).map(({ name }) => name);
      expect(names).toContain(family.name);
      expect(names).toEqual([...names].sort());
      await expect(controller().addFamily(newFamily({ name: family.name }))).rejects.toEqual(failure('ALREADY_EXISTS'));
      await controller().deleteFamily(family.name);
      await expect(controller().family(family.name)).rejects.toEqual(failure('UNKNOWN_FAMILY'));
      await expect(controller().deleteFamily(family.name)).rejects.toEqual(failure('UNKNOWN_FAMILY'));
    });

    test.each([{ replicationLevel: 0 }, { numStripes: 0 }, { numSubStripes: 0 }, { overlap: 0 }, { name: '' }])(
      'with %j are refused',
      async (given) => {
        await expect(controller().addFamily(newFamily(given))).rejects.toEqual(failure('INVALID_INPUT'));
      },
    );

    test('a new database gets the alphabetically last one of its partitioning; overlaps are not compared', async () => {
      const first = newFamily({ name: unique('a') });
      const last = { ...first, name: unique('z'), overlap: 0.02 };
      for (const family of [last, first]) await controller().addFamily(family);
      const database = await controller().registerDatabase(within(first));
      expect(database.family).toBe(last.name);
      await controller().deleteDatabase(database.name);
      for (const family of [last, first]) await controller().deleteFamily(family.name);
    });

    test('whose name a new one would need stand in its way when they have another partitioning', async () => {
      const { numStripes, numSubStripes } = newFamily();
      const family = newFamily({ name: `layout_${numStripes}_${numSubStripes}`, numSubStripes: 4 });
      await controller().addFamily(family);
      await expect(
        controller().registerDatabase(within({ ...family, numStripes, numSubStripes })),
      ).rejects.toMatchObject({
        code: 'ALREADY_EXISTS',
        details: { family: family.name },
      });
      await controller().deleteFamily(family.name);
    });

    test('with databases are deleted by force alone, together with what is recorded of them', async () => {
      const family = newFamily();
      await controller().addFamily(family);
      const names = [within(family), within(family)].map((definition) => definition.name).sort();
      for (const name of names) await controller().registerDatabase({ ...within(family), name });
      const { id } = await controller().beginTransaction(names[0] as string, {});
      await expect(controller().deleteFamily(family.name)).rejects.toMatchObject({
        code: 'ILLEGAL_STATE',
        details: { family: family.name, databases: names },
      });
      await controller().deleteFamily(family.name, { force: true });
      for (const name of names) await expect(controller().database(name)).rejects.toEqual(failure('UNKNOWN_DATABASE'));
      await expect(controller().transaction(id)).rejects.toEqual(failure('UNKNOWN_TRANSACTION'));
    });
  });

  test('workers are listed by name, with where they are reached', async () => {
    const name = await register();
    const workers = await controller().workers();
    expect(workers.map((worker) => worker.name)).toEqual(workers.map((worker) => worker.name).sort());
    const usable = workers.filter((worker) => worker.isEnabled && !worker.isReadOnly);
    expect(usable.map(({ location }) => location)).toEqual(await controller().locateRegular({ database: name }));
  });

  describe('callers to whom repetition is a refusal', () => {
    test('register what is new', async () => {
      const definition = within(newFamily());
      await controller().registerDatabase(definition, { mustBeNew: true });
      const again = controller().registerDatabase(definition, { mustBeNew: true });
      await expect(again).rejects.toEqual(failure('ALREADY_EXISTS'));
      await controller().registerTable(definition.name, table, { mustBeNew: true });
      await expect(controller().registerTable(definition.name, table, { mustBeNew: true })).rejects.toEqual(
        failure('ALREADY_EXISTS'),
      );
    });

    test('one of many at the same time succeeds', async () => {
      const definition = within(newFamily());
      const all = await Promise.allSettled(
        [1, 2, 3].map(() => controller().registerDatabase(definition, { mustBeNew: true })),
      );
      expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      const refused = all.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
      expect(refused).toEqual([failure('ALREADY_EXISTS'), failure('ALREADY_EXISTS')]);
    });

    test('publish, unpublish and delete what is there to be', async () => {
      const name = await register();
      await controller().allocateChunks({ database: name }, [7480]);
      await expect(controller().unpublish(name, { mustChange: true })).rejects.toEqual(failure('ILLEGAL_STATE'));
      await controller().publish(name, { mustChange: true });
      const again = controller().publish(name, { mustChange: true });
      await expect(again).rejects.toEqual(failure('DATABASE_PUBLISHED'));
      expect((await controller().unpublish(name, { mustChange: true })).isPublished).toBe(false);
      await controller().deleteTable(name, 'Filter', { mustChange: true });
      const gone = controller().deleteTable(name, 'Filter', { mustChange: true });
      await expect(gone).rejects.toMatchObject({
        code: 'UNKNOWN_TABLE',
        details: { database: name, table: 'Filter' },
      });
      await controller().deleteDatabase(name, { mustChange: true });
      await expect(controller().deleteDatabase(name, { mustChange: true })).rejects.toMatchObject({
        code: 'UNKNOWN_DATABASE',
        details: { database: name },
      });
      await expect(controller().deleteTable(name, 'Filter', { mustChange: true })).rejects.toEqual(
        failure('UNKNOWN_DATABASE'),
      );
    });
  });

  describe('flags that are set by hand', () => {
    test('are those of the database and all its tables, without any work', async () => {
      const name = await register();
      const { id } = await controller().beginTransaction(name, {});
      const database = await controller().markPublished(name);
      expect(database.isPublished).toBe(true);
      expect(database.tables.map((one) => one.isPublished)).toEqual([true, true, true]);
      expect(database.publishTime).toBeGreaterThanOrEqual(database.createTime);
      await expect(controller().markPublished(name)).rejects.toEqual(failure('DATABASE_PUBLISHED'));
      await expect(controller().markPublished('nope')).rejects.toEqual(failure('UNKNOWN_DATABASE'));
      expect((await controller().transaction(id)).state).toBe('STARTED');
    });

    able(capabilities, 'replaceTables').test(
      'are refused while a next version of a table waits for its place',
      async () => {
        const name = await register();
        await controller().markPublished(name);
        await controller().unpublish(name);
        const next = replacementName('Filter');
        await controller().registerTable(name, { ...table, name: next }, { replaces: 'Filter' });
        await expect(controller().markPublished(name)).rejects.toEqual(failure('ILLEGAL_STATE', next));
      },
    );
  });
}
