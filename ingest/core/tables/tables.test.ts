import { type KnownTables, type TableDefinition, tableFaults } from '.';

const column = (name: string, type = 'BIGINT NOT NULL') => ({ name, type });
const object: TableDefinition = {
  kind: 'director',
  name: 'Object',
  directorKey: 'objectId',
  longitudeKey: 'ra',
  latitudeKey: 'decl',
  schema: [column('objectId'), column('ra', 'DOUBLE'), column('decl', 'DOUBLE'), column('subChunkId', 'INT')],
};
const source: TableDefinition = {
  kind: 'dependent',
  name: 'Source',
  director: 'Object',
  directorKey: 'objectId',
  schema: [column('sourceId'), column('objectId')],
};
const match: TableDefinition = {
  kind: 'refMatch',
  name: 'Match',
  director: 'Object',
  directorKey: 'objectId',
  director2: 'other.Ref',
  directorKey2: 'refId',
  flag: 'flags',
  angSep: 0.01,
  schema: [column('objectId'), column('refId'), column('flags', 'INT')],
};
const filter: TableDefinition = { kind: 'regular', name: 'Filter', schema: [column('filterId', 'TEXT')] };

const known: KnownTables = {
  database: 'test101',
  hasDatabase: (database) => ['test101', 'other'].includes(database),
  table: (database, table) => {
    if (database === 'other') return table === 'Ref' ? { ...object, name: 'Ref' } : undefined;
    return { Object: object, Filter: filter }[table];
  },
  elsewhere: [{ database: 'test', definition: { ...object, name: '101__Ref' } }],
};
const faults = (definition: object, others: TableDefinition[] = []) =>
  tableFaults(definition as TableDefinition, known, others).map((f) => `${f.path}: ${f.message}`);

test('definitions in order have no faults', () => {
  for (const definition of [object, source, match, filter]) expect(faults(definition)).toEqual([]);
});

test.each([
  [{ ...object, directorKey: '' }, 'directorKey: a director table needs'],
  [{ ...object, latitudeKey: '' }, 'latitudeKey: a director table needs'],
  [{ ...object, longitudeKey: 'RA' }, "longitudeKey: no matching column 'RA' found in the schema; did you mean 'ra'?"],
  [{ ...object, schema: object.schema.slice(0, 3) }, "schema: no matching column 'subChunkId'"],
  [{ ...object, schema: [...object.schema, column('t', 'MEDIUMTEXT')] }, 'schema[4].type: BLOB and TEXT'],
  [{ ...source, director: 'Nope' }, "director: non-existing director table 'test101.Nope'"],
  [{ ...source, director: 'nope.Object' }, "director: non-existing database 'nope'"],
  [{ ...source, director: 'Filter' }, "director: 'test101.Filter' is not a director table"],
  [{ ...source, directorKey: 'id' }, "directorKey: no matching column 'id'"],
  [{ ...source, longitudeKey: 'sourceId' }, 'latitudeKey: inconsistent definition'],
  [{ ...match, director2: 'Object' }, "director2: the director tables of the RefMatch table can't be the same"],
  [{ ...match, director2: 'test101.Object' }, "director2: the director tables of the RefMatch table can't be the same"],
  [{ ...match, directorKey2: 'objectId' }, "directorKey2: the director table keys of the RefMatch table can't be"],
  [{ ...match, angSep: 0 }, 'angSep: the RefMatch table requires the angular separation'],
  [{ ...match, flag: '' }, 'flag: the RefMatch table requires'],
  [{ ...filter, schema: [] }, 'schema: the table schema is empty'],
  [{ ...filter, name: 'a b' }, "name: 'a b' is not a legal name"],
  [{ ...filter, name: 'x'.repeat(50) }, 'name: the combined size'],
  [{ ...filter, schema: [column('a'), column('A')] }, "schema[1].name: column 'A' is there already as 'a'"],
  [{ ...filter, schema: [column('Qserv_Trans_Id')] }, "schema[0].name: reserved column 'qserv_trans_id'"],
  [{ ...filter, schema: [column('a', 'NUMBR')] }, "schema[0].type: not a column type: 'NUMBR'"],
  [{ ...filter, charset: 'latin1; x' }, 'charset: '],
])('%j', (definition, fault) => {
  expect(faults(definition)).toEqual([expect.stringContaining(fault)]);
});

test('tables of one database that get in each other’s way', () => {
  expect(faults({ ...filter, name: 'OBJECT' }, [object])).toEqual([expect.stringContaining('differs in case only')]);
  expect(faults({ ...filter, name: 'Object_7480' }, [object])).toEqual([expect.stringContaining('a chunk table')]);
  expect(faults({ ...object }, [{ ...filter, name: 'ObjectFullOverlap_1' }])).toEqual([
    expect.stringContaining('a chunk'),
  ]);
});

test('tables whose indexes or counters would be one and the same on the master', () => {
  const near = { ...known, database: 'test__101' };
  const names = (database: string, definition: TableDefinition, others: TableDefinition[] = []) =>
    tableFaults(definition, { ...near, database }, others).map((f) => f.message);
  const taken = expect.stringContaining("row counters of table 'test.101__Ref' are called too");
  expect(names('test__101', { ...object, name: 'Ref' })).toEqual([taken]);
  // A regular table has no index, but counters.
  expect(names('test__101', { ...filter, name: 'Ref' })).toEqual([taken]);
  expect(names('test', { ...filter, name: '101__Reg' })).toEqual([]);
  expect(names('a', { ...object, name: 'b__rows' }, [{ ...filter, name: 'b' }])).toEqual([
    expect.stringContaining("row counters of table 'a.b' are called too"),
  ]);
  expect(names('a', { ...filter, name: 'b__rows' }, [{ ...filter, name: 'b' }])).toEqual([]);
});
