import type { DatabaseDescriptor } from '../../controller/controller';
import type { TableDefinition, TableDescriptor } from '../../core/tables';
import { planDeletion } from './plan';

const common = { schema: [] };
const director = { kind: 'director', directorKey: 'id', longitudeKey: 'ra', latitudeKey: 'decl', ...common } as const;
const dependent = (on: string) => ({ kind: 'dependent', director: on, directorKey: 'id', ...common }) as const;

/** Object ← Source; Object and Gaia ← Match; Filter alone. Far refers to another database. */
const DEFINITIONS: TableDefinition[] = [
  { name: 'Filter', kind: 'regular', ...common },
  { name: 'Gaia', ...director },
  {
    ...{ name: 'Match', kind: 'refMatch', director: 'Object', directorKey: 'a', director2: 'Gaia', directorKey2: 'b' },
    ...{ flag: 'f', angSep: 1, ...common },
  },
  { name: 'Far', ...dependent('other.Filter') },
  { name: 'Object', ...director },
  { name: 'Source', ...dependent('Object') },
];

function database(changes: Record<string, Partial<TableDescriptor>> = {}, isPublished = false): DatabaseDescriptor {
  const tables = DEFINITIONS.map((definition, i) => ({
    ...{ definition, columns: [], isPublished: false, createTime: i, publishTime: 0 },
    ...changes[definition.name],
  }));
  return { name: 'db', family: 'f', isPublished, createTime: 77, publishTime: 0, tables };
}

const order = (names?: string[], of = database()) => planDeletion(of, names, []).plan.tables.map(({ table }) => table);

test.each([[['Object', 'Match', 'Source']], [['Source', 'Object', 'Match']], [undefined]])(
  'dependents go before directors: %j',
  (names) => {
    const found = order(names);
    expect(new Set(found)).toEqual(new Set(names ?? DEFINITIONS.map(({ name }) => name)));
    for (const [first, second] of [
      ['Source', 'Object'],
      ['Match', 'Object'],
      ['Match', 'Gaia'],
    ] as const) {
      if (found.includes(second)) expect(found.indexOf(first)).toBeLessThan(found.indexOf(second));
    }
  },
);

test('every fault is found: names that are not there, directors whose dependents stay', () => {
  expect(planDeletion(database(), ['Object', 'Nothing', 'Source', 'Gaia', 'filter'], []).faults).toEqual([
    { path: 'tables[0]', message: "'Object' is the director of Match: name these too, or keep it" },
    {
      path: 'tables[1]',
      message: "there is no table 'Nothing' in database 'db'; it has Filter, Gaia, Match, Far, Object, Source",
    },
    { path: 'tables[3]', message: "'Gaia' is the director of Match: name these too, or keep it" },
    { path: 'tables[4]', message: expect.stringContaining("no table 'filter'") },
  ]);
  expect(planDeletion(database(), undefined, []).faults).toEqual([]);
  expect(planDeletion(database(), ['Filter', 'Far'], []).faults).toEqual([]);
});

test('directors that tables of other databases refer to are found, too', () => {
  const far = { ...database(), name: 'far', tables: [] as TableDescriptor[] };
  const definition = { ...dependent('db.Gaia'), name: 'Lensed' };
  far.tables.push({ definition, columns: [], isPublished: true, createTime: 1, publishTime: 1 });
  expect(planDeletion(database(), ['Gaia', 'Match'], [], [database(), far]).faults).toEqual([
    { path: 'tables[0]', message: "'Gaia' is the director of far.Lensed: delete these first" },
  ]);
  expect(planDeletion(database(), undefined, [], [database(), far]).faults).toEqual([
    { path: 'database', message: "'Gaia' is the director of far.Lensed: delete these first" },
  ]);
});

test('the key is needed when readers see some of it', () => {
  const published = (of: DatabaseDescriptor, names?: string[]) => planDeletion(of, names, []).plan.published;
  expect(published(database())).toBe(false);
  expect(published(database({}, true), ['Filter'])).toBe(true);
  // A database that is unpublished for a while: its published tables are read all the same.
  const changing = database({ Filter: { isPublished: true } });
  expect(published(changing)).toBe(true);
  expect(published(changing, ['Filter'])).toBe(true);
  expect(published(changing, ['Source'])).toBe(false);
});

test('the next version of a table goes with it, before its director', () => {
  const tables = [...database().tables];
  const next = { ...dependent('Object'), name: 'next_v1' };
  tables.push({ definition: next, columns: [], isPublished: false, createTime: 9, publishTime: 0, replaces: 'Source' });
  const of = { ...database(), tables };
  expect(new Set(order(['Source'], of))).toEqual(new Set(['Source', 'next_v1']));
  expect(order(['Match', 'Object', 'Source'], of).at(-1)).toBe('Object');
  expect(planDeletion(of, ['Filter'], []).plan.tables).toHaveLength(1);
});

test('sizes are those of this table and not of an earlier one of its name', () => {
  const sizes = [
    { table: 'Object', created: 4, rows: 10, bytes: 100 },
    { table: 'Object', created: 3, rows: 500, bytes: 500 },
    { table: 'Object', created: null, rows: 1, bytes: 2 },
  ];
  expect(planDeletion(database(), ['Filter', 'Object', 'Match', 'Source'], sizes).plan).toMatchObject({
    ...{ database: 'db', created: 77, whole: false },
    tables: expect.arrayContaining([
      { table: 'Object', kind: 'director', created: 4, rows: 11, bytes: 102 },
      { table: 'Filter', kind: 'regular', created: 0, rows: 0, bytes: 0 },
    ]),
  });
});
