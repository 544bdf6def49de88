import { newCatalog } from '../../ingest/controller/contract';
import { ControllerService } from '../../test/support/controller-service';
import { failingAt, withoutWorker } from '../../test/support/failing-controllers';

let service: ControllerService;
/** Has director Object, its dependent Source and the regular table Filter. */
let database: string;
/** Has a director Ref. */
let other: string;

const ok = { success: 1, error: '', error_ext: {}, warning: '' };
const P = 'invalid parameters of the request, ex: ';
const F = 'operation failed due to: ';
const column = (name: string, type = 'BIGINT NOT NULL') => ({ name, type });
const object = {
  table: 'Object',
  is_partitioned: 1,
  director_table: '',
  director_key: 'objectId',
  latitude_key: 'decl',
  longitude_key: 'ra',
  schema: [column('objectId'), column('ra', 'DOUBLE'), column('decl', 'DOUBLE'), column('subChunkId', 'INT NOT NULL')],
};
const source = {
  table: 'Source',
  is_partitioned: 1,
  director_table: 'Object',
  director_key: 'objectId',
  schema: [column('sourceId'), column('objectId')],
};
const match = () => ({
  table: 'Match',
  is_partitioned: 1,
  director_table: 'Object',
  director_key: 'objectId',
  director_table2: `${other}.Ref`,
  director_key2: 'refId',
  flag: 'flags',
  ang_sep: 0.01,
  schema: [column('objectId'), column('refId'), column('flags', 'INT')],
});
const filter = { table: 'Filter', is_partitioned: 0, schema: [column('filterId', 'TEXT')] };

const add = (table: Record<string, unknown>, of = service) =>
  of.call('POST', '/ingest/table', { body: { database, ...table } });
const remove = (name: string, options: { admin?: boolean; of?: ControllerService; from?: string } = {}) =>
  (options.of ?? service).call('DELETE', `/ingest/table/${options.from ?? database}/${name}`, { admin: options.admin });
const newDatabase = async () => (await service.controller.registerDatabase(newCatalog())).name;

beforeAll(async () => {
  service = await ControllerService.start();
  database = await newDatabase();
  other = await newDatabase();
  for (const table of [object, source, filter]) expect((await add(table)).error).toBe('');
  expect((await add({ ...object, database: other, table: 'Ref' })).error).toBe('');
});
afterAll(() => service.close());

test('GET /ingest/table: partitioned ones first, each group by name', async () => {
  const list = (name: string) => service.call('GET', `/ingest/table/${name}/`);
  expect(await list(database)).toEqual({
    ...ok,
    tables: [
      { name: 'Object', is_partitioned: 1 },
      { name: 'Source', is_partitioned: 1 },
      { name: 'Filter', is_partitioned: 0 },
    ],
  });
  expect(await list('nope')).toMatchObject({ error: `${F}CONFIG  _databaseInfo no such database 'nope'.` });
});

describe('POST /ingest/table', () => {
  test('a ref-match table over two databases, described as it was given', async () => {
    const { table, schema, ...given } = match();
    const reply = await add({ ...match(), latitude_key: 'ignored', chunk_id_key: 'unknown', unique_primary_key: 0 });
    expect(reply).toMatchObject({ ...ok, database: { database, is_published: 0, family_name: 'layout_85_12' } });
    const { tables } = reply.database as { tables: { name: string }[] };
    expect(tables.map(({ name }) => name)).toEqual(['Filter', 'Match', 'Object', 'Source']);
    expect(tables[1]).toEqual({
      ...given,
      name: table,
      database,
      is_published: 0,
      create_time: expect.any(Number),
      publish_time: 0,
      is_director: 0,
      is_ref_match: 1,
      director_database_name: '',
      director_table_name: 'Object',
      director_database_name2: other,
      director_table_name2: 'Ref',
      unique_primary_key: 1,
      charset_name: 'latin1',
      collation_name: 'latin1_general_ci',
      latitude_key: '',
      longitude_key: '',
      columns: [{ name: 'qserv_trans_id', type: 'INT NOT NULL' }, ...schema],
    });
    expect(await add(match())).toMatchObject({ success: 0, error: 'table already exists' });
    expect(await remove('Match')).toEqual(ok);
  });

  test('a regular table of another character set; fields of other kinds do not matter', async () => {
    const more = { director_table: 'nope', director_key: 'x', flag: 'y', charset_name: 'utf8mb4', collation_name: '' };
    const reply = await add({ ...filter, table: 'More', ...more });
    expect(reply.error).toBe('');
    const { tables } = reply.database as { tables: { name: string }[] };
    expect(tables.find(({ name }) => name === 'More')).toMatchObject({
      director_table: '',
      director_key: '',
      flag: '',
      charset_name: 'utf8mb4',
    });
    expect(await remove('More')).toEqual(ok);
  });

  test.each([
    [{ unique_primary_key: 1, version: 20 }, 21, "'unique_primary_key' requires API version 21 or newer."],
    [{ charset_name: 'x', version: 48 }, 49, "'charset_name' and 'collation_name' require API version 49 or newer."],
    [{ collation_name: 'x', version: 48 }, 49, "'charset_name' and 'collation_name' require API version 49 or newer."],
    [
      { unique_primary_key: 0, charset_name: '', version: 12 },
      21,
      "'unique_primary_key' requires API version 21 or newer.",
    ],
    [{ version: 11 }, 12, ''],
  ])('%j is of a later version', async (given, min_version, warning) => {
    expect(await add({ ...filter, ...given })).toEqual({
      success: 0,
      error: `The requested version ${given.version} of the API is not in the range supported by the service.`,
      error_ext: { min_version, max_version: 55 },
      warning,
    });
  });

  test('older versions are good for the rest', async () => {
    expect(await add({ ...filter, version: 12 })).toMatchObject({ error: 'table already exists' });
    expect(await add({ ...filter, unique_primary_key: 1, version: 21 })).toMatchObject({
      error: 'table already exists',
    });
  });

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
    expect(await add({ ...filter, table: 'New', ...given })).toMatchObject({ success: 0, error });
  });

  test('refuses types that director tables cannot have, in whatever case, in the order of the columns', async () => {
    const schema = [...object.schema, column('a', 'tinyText'), column('qserv_trans_id'), column('b', 'BLOB')];
    expect(await add({ ...object, table: 'New', schema })).toMatchObject({
      error: "the prohibited type 'tinyText' detected in a definition of the column 'a' of the director table",
    });
    expect(await add({ ...object, table: 'New', schema: [column('qserv_trans_id'), ...schema] })).toMatchObject({
      error: "reserved column 'qserv_trans_id' is not allowed",
    });
  });

  const noColumn = (name: string, role: string) =>
    `no matching column '${name}' found in schema for parameter '${role}'`;
  const rules: [string, () => Record<string, unknown>, string][] = [
    [
      'too long a name',
      () => ({ ...filter, table: 'x'.repeat(50) }),
      'the combined size of the database and table names exceeds 56 characters',
    ],
    [
      'a director without a key',
      () => ({ ...object, director_key: '' }),
      'the director table definition requires a valid director key',
    ],
    [
      'a director without latitude',
      () => ({ ...object, latitude_key: '' }),
      'the director table requires both spatial coordinate columns',
    ],
    [
      'a director without longitude',
      () => ({ ...object, longitude_key: '' }),
      'the director table requires both spatial coordinate columns',
    ],
    [
      'a director without its key column',
      () => ({ ...object, director_key: 'x', latitude_key: 'y' }),
      noColumn('x', 'directorTable.primaryKeyColumn()'),
    ],
    [
      'a director without its latitude column',
      () => ({ ...object, latitude_key: 'y', longitude_key: 'z' }),
      noColumn('y', 'latitudeColName'),
    ],
    [
      'a director without its longitude column',
      () => ({ ...object, longitude_key: 'z' }),
      noColumn('z', 'longitudeColName'),
    ],
    [
      'a director without subChunkId',
      () => ({ ...object, schema: object.schema.slice(0, 3) }),
      noColumn('subChunkId', 'subChunkIdColName'),
    ],
    [
      'a dependent of nothing known',
      () => ({ ...source, director_table: 'X' }),
      "non-existing director table referenced database='' table='X' in the dependent table definition",
    ],
    [
      'a dependent of an unknown table elsewhere',
      () => ({ ...source, director_table: `${other}.X` }),
      "non-existing director table referenced database='OTHER' table='X' in the dependent table definition",
    ],
    [
      'a dependent of an unknown database',
      () => ({ ...source, director_table: 'B.X' }),
      "non-existing database 'B' referenced in the spec of the director table 'X'",
    ],
    [
      'a dependent of no director',
      () => ({ ...source, director_table: 'Source' }),
      "a table referenced database='' table='Source' in the dependent table definition isn't the director table",
    ],
    [
      'a dependent with half a place',
      () => ({ ...source, latitude_key: 'sourceId' }),
      'inconsistent definition of the spatial coordinate columns',
    ],
    [
      'a dependent without its key column',
      () => ({ ...source, director_key: 'x' }),
      noColumn('x', 'directorTable.primaryKeyColumn()'),
    ],
    [
      'a dependent without its coordinate columns',
      () => ({ ...source, latitude_key: 'x', longitude_key: 'y' }),
      noColumn('x', 'latitudeColName'),
    ],
    [
      'a match of a director with itself',
      () => ({ ...match(), director_table2: 'Object' }),
      "the director tables of the RefMatch table can't be the same",
    ],
    [
      'a match with nothing known',
      () => ({ ...match(), director_table2: 'X' }),
      "non-existing director 'X' referenced in the RefMatch definition",
    ],
    [
      'a match with an unknown database',
      () => ({ ...match(), director_table2: 'B.X' }),
      "non-existing database 'B' referenced in the spec of the director table 'X'",
    ],
    [
      'a match with no director',
      () => ({ ...match(), director_table: 'Source', director_table2: 'B.X' }),
      "table 'Source' referenced in the RefMatch definition isn't the director",
    ],
    [
      'a match by one key',
      () => ({ ...match(), director_key2: 'objectId' }),
      "the director table keys of the RefMatch table can't be the same",
    ],
    [
      'a match without flags',
      () => ({ ...match(), flag: '', ang_sep: 0 }),
      'the RefMatch table requires the special column to store flags',
    ],
    [
      'a match at no distance',
      () => ({ ...match(), ang_sep: 0 }),
      'the RefMatch table requires the angular separation to be more than 0',
    ],
    [
      'a match without its first key column',
      () => ({ ...match(), director_key: 'x', director_key2: 'y' }),
      noColumn('x', 'directorTable.primaryKeyColumn()'),
    ],
    [
      'a match without its second key column',
      () => ({ ...match(), director_key2: 'y', flag: 'z' }),
      noColumn('y', 'directorTable2.primaryKeyColumn()'),
    ],
    ['a match without its column of flags', () => ({ ...match(), flag: 'z' }), noColumn('z', 'flagColName')],
  ];
  test.each(rules)('refuses %s', async (_, given, tail) => {
    const table = { table: 'New', ...given() };
    const name = String(table.table).length > 20 ? table.table : 'New';
    const { success, error, error_ext } = await add({ ...table, table: name });
    expect([success, error_ext.code]).toEqual([0, 'INVALID_INPUT']);
    const head = `${P}DatabaseInfo::validate ${tail.replace('OTHER', other)} [database=${database}] `;
    expect(error.slice(0, head.length)).toBe(head);
    const shown = JSON.parse(error.slice(head.length));
    expect(Object.keys(shown)).toEqual(Object.keys(shown).sort());
    expect(shown).toMatchObject({ name, database, is_published: 0, publish_time: 0 });
    expect(shown.columns[0]).toEqual({ name: 'qserv_trans_id', type: 'INT NOT NULL' });
  });

  test('what Qserv has no words for is refused with a list of faults', async () => {
    expect(await add({ ...filter, table: 'a`b' })).toMatchObject({
      success: 0,
      error: expect.stringMatching(/^invalid parameters of the request, ex: table a`b: name: .*not a legal name/),
      error_ext: { code: 'INVALID_INPUT', faults: [{ path: 'name' }] },
    });
    const { error } = await add({ ...filter, table: 'New', schema: [column('a', "INT); DROP TABLE x -- '")] });
    expect(error).toContain('not a column type');
  });

  test('what MySQL alone can judge is said as by the worker that could not make the table', async () => {
    const schema = [column('a', 'INT NOT NULL DEFAULT NULL')];
    const { error } = await add({ ...filter, table: 'New', schema });
    expect(error).toMatch(/^table creation failed for: 'New', worker: w1, {2}error: .*Invalid default/);
    expect((await service.controller.database(database)).tables).toHaveLength(3);
  });

  test('a published database takes no tables', async () => {
    const name = await newDatabase();
    await service.controller.markPublished(name);
    const error = 'the database is already published';
    expect(await add({ ...filter, database: name })).toMatchObject({ success: 0, error });
    expect(await add({ ...filter, database: name, schema: null })).toMatchObject({ success: 0, error });
  });

  test('a worker that does not answer is named; the same request completes what is half made, another one does not', async () => {
    const lame = await withoutWorker(service);
    const table = { ...object, table: 'Half' };
    expect((await add(table, lame)).error).toMatch(/^table creation failed for: 'Half', worker: w3, {2}error: .*ECONN/);
    await lame.close();
    const stopped = await failingAt(service, 'index.create');
    expect((await add({ ...table, table: 'Other' }, stopped)).error).toBe(`${F}gone`);
    await stopped.close();
    expect(await add({ ...table, table: 'Other', latitude_key: 'ra' })).toMatchObject({
      error: 'table already exists',
    });
    for (const name of ['Half', 'Other']) {
      expect(await add({ ...table, table: name })).toMatchObject(ok);
      expect(await add({ ...table, table: name })).toMatchObject({ error: 'table already exists' });
      expect(await remove(name)).toEqual(ok);
    }
  });
});

describe('DELETE /ingest/table/:database/:table', () => {
  test('unknown names', async () => {
    expect(await remove('X', { from: 'nope' })).toMatchObject({
      error: `${F}CONFIG  _databaseInfo no such database 'nope'.`,
    });
    expect(await remove('X')).toMatchObject({
      error: `${F}DatabaseInfo::findTable no such table 'X' found in the database '${database}'.`,
    });
  });

  test('a director with dependents stays as it is', async () => {
    const before = await service.controller.database(database);
    expect(await remove('Object')).toMatchObject({
      success: 0,
      error: `${P}DatabaseInfo::removeTable can't remove the director table 'Object' from the database '${database}' because it has dependent tables.`,
      error_ext: { dependents: ['Source'] },
    });
    expect(await service.controller.database(database)).toEqual(before);
  });

  test('of a published database needs an administrator, and then there is none', async () => {
    const name = await newDatabase();
    await add({ ...filter, database: name });
    await service.controller.markPublished(name);
    expect(await remove('X', { from: name })).toMatchObject({ error: expect.stringContaining("no such table 'X'") });
    expect(await remove('Filter', { from: name })).toMatchObject({
      success: 0,
      error: "deleting tables of published databases requires administrator's privileges.",
    });
    expect(await remove('Filter', { from: name, admin: true })).toEqual(ok);
    expect(await remove('Filter', { from: name, admin: true })).toMatchObject({
      error: `${F}DatabaseInfo::findTable no such table 'Filter' found in the database '${name}'.`,
    });
  });

  test('of an unpublished database does not, even where the table is published', async () => {
    const name = await newDatabase();
    await add({ ...filter, database: name });
    await service.controller.markPublished(name);
    await service.controller.unpublish(name);
    expect(await remove('Filter', { from: name })).toEqual(ok);
  });

  test('says which worker it failed on; the same request again goes on', async () => {
    const name = await newDatabase();
    await add({ ...filter, database: name });
    const lame = await failingAt(service, 'delete.worker');
    expect((await remove('Filter', { from: name, of: lame })).error).toMatch(
      /^table deletion failed, worker: w[12], {2}error: gone$/,
    );
    await lame.close();
    expect(await remove('Filter', { from: name })).toEqual(ok);
  });
});
