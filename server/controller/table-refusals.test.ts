import { column, FILTER, OBJECT, SOURCE, TableService } from '../../test/support/table-service';

let h: TableService;
beforeAll(async () => {
  h = await TableService.start();
});
afterAll(() => h.close());

const P = 'invalid parameters of the request, ex: ';
const F = 'operation failed due to: ';

describe('POST /ingest/table', () => {
  const missing = (name: string) =>
    `${P}RequestBodyJSON::required<T>[static] required parameter ${name} is missing in the request body`;
  const type = (expected: string, given: string) =>
    `${F}[json.exception.type_error.302] type must be ${expected}, but is ${given}`;

  test.each([
    ['no database', { database: undefined }, missing('database')],
    ['no name', { table: undefined }, missing('table')],
    ['no is_partitioned', { is_partitioned: undefined }, missing('is_partitioned')],
    ['no schema', { schema: undefined }, missing('schema')],
    [
      'a director without a key',
      { director_table: 'Object', director_key: '' },
      `${P}DirectorTableRef: primary key column name can not be empty`,
    ],
    [
      'a second director without a key',
      { director_table: 'Object', director_key: 'a', director_table2: 'Object' },
      `${P}DirectorTableRef: primary key column name can not be empty`,
    ],
    ['half a director', { director_table: 'db.' }, `${P}DirectorTableRef: invalid database & table spec 'db.'`],
    ['is_partitioned as text', { is_partitioned: '1' }, type('number', 'string')],
    ['a key that is null', { director_key: null }, type('string', 'null')],
    ['a separation that is true', { ang_sep: true }, type('number', 'boolean')],
    ['an unknown database', { database: 'nope' }, `${F}CONFIG  _databaseInfo no such database 'nope'.`],
    [
      'an unknown database before its schema',
      { database: 'nope', schema: 3 },
      `${F}CONFIG  _databaseInfo no such database 'nope'.`,
    ],
    ['a table that is there', { table: 'Filter' }, 'table already exists'],
    ['a table that is there before its schema', { table: 'Filter', schema: null }, 'table already exists'],
    ['a schema that is null', { schema: null }, 'table schema is empty'],
    ['a schema without columns', { schema: [] }, 'table schema is empty'],
    ['a schema that is no array', { schema: {} }, 'table schema is not defined as an array'],
    ['a column that is no object', { schema: ['a'] }, 'columns definitions in table schema are not JSON objects'],
    ['a column that is a list', { schema: [['a', 'INT']] }, 'columns definitions in table schema are not JSON objects'],
    [
      'a column without a name',
      { schema: [column('a'), { type: 'INT' }] },
      "column attribute 'name' is missing in table schema for column number: 3",
    ],
    [
      'a column without a type',
      { schema: [{ name: 'a' }] },
      "column attribute 'type' is missing in table schema for column number: 2",
    ],
    ['a type that is a number', { schema: [{ name: 'a', type: 5 }] }, type('string', 'number')],
    ['the reserved column', { schema: [column('qserv_trans_id')] }, "reserved column 'qserv_trans_id' is not allowed"],
  ])('refuses %s', async (_, given, error) => {
    expect(await h.add({ ...FILTER, table: 'New', ...given })).toMatchObject({ success: 0, error });
  });

  test('refuses types that director tables cannot have, in whatever case, in the order of the columns', async () => {
    const schema = [...OBJECT.schema, column('a', 'tinyText'), column('qserv_trans_id'), column('b', 'BLOB')];
    expect(await h.add({ ...OBJECT, table: 'New', schema })).toMatchObject({
      error: "the prohibited type 'tinyText' detected in a definition of the column 'a' of the director table",
    });
    expect(await h.add({ ...OBJECT, table: 'New', schema: [column('qserv_trans_id'), ...schema] })).toMatchObject({
      error: "reserved column 'qserv_trans_id' is not allowed",
    });
  });

  const noColumn = (name: string, role: string) =>
    `no matching column '${name}' found in schema for parameter '${role}'`;
  const rules: [string, () => Record<string, unknown>, string][] = [
    [
      'too long a name',
      () => ({ ...FILTER, table: 'x'.repeat(50) }),
      'the combined size of the database and table names exceeds 56 characters',
    ],
    [
      'a director without a key',
      () => ({ ...OBJECT, director_key: '' }),
      'the director table definition requires a valid director key',
    ],
    [
      'a director without latitude',
      () => ({ ...OBJECT, latitude_key: '' }),
      'the director table requires both spatial coordinate columns',
    ],
    [
      'a director without longitude',
      () => ({ ...OBJECT, longitude_key: '' }),
      'the director table requires both spatial coordinate columns',
    ],
    [
      'a director without its key column',
      () => ({ ...OBJECT, director_key: 'x', latitude_key: 'y' }),
      noColumn('x', 'directorTable.primaryKeyColumn()'),
    ],
    [
      'a director without its latitude column',
      () => ({ ...OBJECT, latitude_key: 'y', longitude_key: 'z' }),
      noColumn('y', 'latitudeColName'),
    ],
    [
      'a director without its longitude column',
      () => ({ ...OBJECT, longitude_key: 'z' }),
      noColumn('z', 'longitudeColName'),
    ],
    [
      'a director without subChunkId',
      () => ({ ...OBJECT, schema: OBJECT.schema.slice(0, 3) }),
      noColumn('subChunkId', 'subChunkIdColName'),
    ],
    [
      'a dependent of nothing known',
      () => ({ ...SOURCE, director_table: 'X' }),
      "non-existing director table referenced database='' table='X' in the dependent table definition",
    ],
    [
      'a dependent of an unknown table elsewhere',
      () => ({ ...SOURCE, director_table: `${h.other}.X` }),
      "non-existing director table referenced database='OTHER' table='X' in the dependent table definition",
    ],
    [
      'a dependent of an unknown database',
      () => ({ ...SOURCE, director_table: 'B.X' }),
      "non-existing database 'B' referenced in the spec of the director table 'X'",
    ],
    [
      'a dependent of no director',
      () => ({ ...SOURCE, director_table: 'Source' }),
      "a table referenced database='' table='Source' in the dependent table definition isn't the director table",
    ],
    [
      'a dependent with half a place',
      () => ({ ...SOURCE, latitude_key: 'sourceId' }),
      'inconsistent definition of the spatial coordinate columns',
    ],
    [
      'a dependent without its key column',
      () => ({ ...SOURCE, director_key: 'x' }),
      noColumn('x', 'directorTable.primaryKeyColumn()'),
    ],
    [
      'a dependent without its coordinate columns',
      () => ({ ...SOURCE, latitude_key: 'x', longitude_key: 'y' }),
      noColumn('x', 'latitudeColName'),
    ],
    [
      'a match of a director with itself',
      () => ({ ...h.match, director_table2: 'Object' }),
      "the director tables of the RefMatch table can't be the same",
    ],
    [
      'a match with nothing known',
      () => ({ ...h.match, director_table2: 'X' }),
      "non-existing director 'X' referenced in the RefMatch definition",
    ],
    [
      'a match with an unknown database',
      () => ({ ...h.match, director_table2: 'B.X' }),
      "non-existing database 'B' referenced in the spec of the director table 'X'",
    ],
    [
      'a match with no director',
      () => ({ ...h.match, director_table: 'Source', director_table2: 'B.X' }),
      "table 'Source' referenced in the RefMatch definition isn't the director",
    ],
    [
      'a match by one key',
      () => ({ ...h.match, director_key2: 'objectId' }),
      "the director table keys of the RefMatch table can't be the same",
    ],
    [
      'a match without flags',
      () => ({ ...h.match, flag: '', ang_sep: 0 }),
      'the RefMatch table requires the special column to store flags',
    ],
    [
      'a match at no distance',
      () => ({ ...h.match, ang_sep: 0 }),
      'the RefMatch table requires the angular separation to be more than 0',
    ],
    [
      'a match without its first key column',
      () => ({ ...h.match, director_key: 'x', director_key2: 'y' }),
      noColumn('x', 'directorTable.primaryKeyColumn()'),
    ],
    [
      'a match without its second key column',
      () => ({ ...h.match, director_key2: 'y', flag: 'z' }),
      noColumn('y', 'directorTable2.primaryKeyColumn()'),
    ],
    ['a match without its column of flags', () => ({ ...h.match, flag: 'z' }), noColumn('z', 'flagColName')],
  ];
  test.each(rules)('refuses %s', async (_, given, tail) => {
    const table = { table: 'New', ...given() };
    const name = String(table.table).length > 20 ? table.table : 'New';
    const { success, error, error_ext } = await h.add({ ...table, table: name });
    expect([success, error_ext.code]).toEqual([0, 'INVALID_INPUT']);
    const head = `${P}DatabaseInfo::validate ${tail.replace('OTHER', h.other)} [database=${h.database}] `;
    expect(error.slice(0, head.length)).toBe(head);
    const shown = JSON.parse(error.slice(head.length));
    expect(Object.keys(shown)).toEqual(Object.keys(shown).sort());
    expect(shown).toMatchObject({ name, database: h.database, is_published: 0, publish_time: 0 });
    expect(shown.columns[0]).toEqual({ name: 'qserv_trans_id', type: 'INT NOT NULL' });
  });
});
