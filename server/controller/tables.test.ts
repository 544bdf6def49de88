import { OK } from '../../test/support/controller-service';
import { failingAt, withoutWorker } from '../../test/support/failing-controllers';
import { column, FILTER, OBJECT, TableService } from '../../test/support/table-service';

let h: TableService;
beforeAll(async () => {
  h = await TableService.start();
});
afterAll(() => h.close());

const P = 'invalid parameters of the request, ex: ';
const F = 'operation failed due to: ';

test('GET /ingest/table: partitioned ones first, each group by name', async () => {
  const list = (name: string) => h.service.call('GET', `/ingest/table/${name}/`);
  expect(await list(h.database)).toEqual({
    ...OK,
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
    const { table, schema, ...given } = h.match;
    const reply = await h.add({ ...h.match, latitude_key: 'ignored', chunk_id_key: 'unknown', unique_primary_key: 0 });
    expect(reply).toMatchObject({
      ...OK,
      database: { database: h.database, is_published: 0, family_name: 'layout_85_12' },
    });
    const { tables } = reply.database as { tables: { name: string }[] };
    expect(tables.map(({ name }) => name)).toEqual(['Filter', 'Match', 'Object', 'Source']);
    expect(tables[1]).toEqual({
      ...given,
      name: table,
      database: h.database,
      is_published: 0,
      create_time: expect.any(Number),
      publish_time: 0,
      is_director: 0,
      is_ref_match: 1,
      director_database_name: '',
      director_table_name: 'Object',
      director_database_name2: h.other,
      director_table_name2: 'Ref',
      unique_primary_key: 1,
      charset_name: 'latin1',
      collation_name: 'latin1_general_ci',
      latitude_key: '',
      longitude_key: '',
      columns: [{ name: 'qserv_trans_id', type: 'INT NOT NULL' }, ...schema],
    });
    expect(await h.add(h.match)).toMatchObject({ success: 0, error: 'table already exists' });
    expect(await h.remove('Match')).toEqual(OK);
  });

  test('a regular table of another character set; fields of other kinds do not matter', async () => {
    const more = { director_table: 'nope', director_key: 'x', flag: 'y', charset_name: 'utf8mb4', collation_name: '' };
    const reply = await h.add({ ...FILTER, table: 'More', ...more });
    expect(reply.error).toBe('');
    const { tables } = reply.database as { tables: { name: string }[] };
    expect(tables.find(({ name }) => name === 'More')).toMatchObject({
      director_table: '',
      director_key: '',
      flag: '',
      charset_name: 'utf8mb4',
    });
    expect(await h.remove('More')).toEqual(OK);
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
    expect(await h.add({ ...FILTER, ...given })).toEqual({
      success: 0,
      error: `The requested version ${given.version} of the API is not in the range supported by the service.`,
      error_ext: { min_version, max_version: 55 },
      warning,
    });
  });

  test('older versions are good for the rest', async () => {
    expect(await h.add({ ...FILTER, version: 12 })).toMatchObject({ error: 'table already exists' });
    expect(await h.add({ ...FILTER, unique_primary_key: 1, version: 21 })).toMatchObject({
      error: 'table already exists',
    });
  });

  test('what Qserv has no words for is refused with a list of faults', async () => {
    expect(await h.add({ ...FILTER, table: 'a`b' })).toMatchObject({
      success: 0,
      error: expect.stringMatching(/^invalid parameters of the request, ex: table a`b: name: .*not a legal name/),
      error_ext: { code: 'INVALID_INPUT', faults: [{ path: 'name' }] },
    });
    const { error } = await h.add({ ...FILTER, table: 'New', schema: [column('a', "INT); DROP TABLE x -- '")] });
    expect(error).toContain('not a column type');
  });

  test('what MySQL alone can judge is said as by the worker that could not make the table', async () => {
    const schema = [column('a', 'INT NOT NULL DEFAULT NULL')];
    const { error } = await h.add({ ...FILTER, table: 'New', schema });
    expect(error).toMatch(/^table creation failed for: 'New', worker: w1, {2}error: .*Invalid default/);
    expect((await h.service.controller.database(h.database)).tables).toHaveLength(3);
  });

  test('a published database takes no tables', async () => {
    const name = await h.newDatabase();
    await h.service.controller.markPublished(name);
    const error = 'the database is already published';
    expect(await h.add({ ...FILTER, database: name })).toMatchObject({ success: 0, error });
    expect(await h.add({ ...FILTER, database: name, schema: null })).toMatchObject({ success: 0, error });
  });

  test('a worker that does not answer is named; the same request completes what is half made, another one does not', async () => {
    const lame = await withoutWorker(h.service);
    const table = { ...OBJECT, table: 'Half' };
    expect((await h.add(table, lame)).error).toMatch(
      /^table creation failed for: 'Half', worker: w3, {2}error: .*ECONN/,
    );
    await lame.close();
    const stopped = await failingAt(h.service, 'index.create');
    expect((await h.add({ ...table, table: 'Other' }, stopped)).error).toBe(`${F}gone`);
    await stopped.close();
    expect(await h.add({ ...table, table: 'Other', latitude_key: 'ra' })).toMatchObject({
      error: 'table already exists',
    });
    for (const name of ['Half', 'Other']) {
      expect(await h.add({ ...table, table: name })).toMatchObject(OK);
      expect(await h.add({ ...table, table: name })).toMatchObject({ error: 'table already exists' });
      expect(await h.remove(name)).toEqual(OK);
    }
  });
});

describe('DELETE /ingest/table/:database/:table', () => {
  test('unknown names', async () => {
    expect(await h.remove('X', { from: 'nope' })).toMatchObject({
      error: `${F}CONFIG  _databaseInfo no such database 'nope'.`,
    });
    expect(await h.remove('X')).toMatchObject({
      error: `${F}DatabaseInfo::findTable no such table 'X' found in the database '${h.database}'.`,
    });
  });

  test('a director with dependents stays as it is', async () => {
    const before = await h.service.controller.database(h.database);
    expect(await h.remove('Object')).toMatchObject({
      success: 0,
      error: `${P}DatabaseInfo::removeTable can't remove the director table 'Object' from the database '${h.database}' because it has dependent tables.`,
      error_ext: { dependents: ['Source'] },
    });
    expect(await h.service.controller.database(h.database)).toEqual(before);
  });

  test('of a published database needs an administrator, and then there is none', async () => {
    const name = await h.newDatabase();
    await h.add({ ...FILTER, database: name });
    await h.service.controller.markPublished(name);
    expect(await h.remove('X', { from: name })).toMatchObject({ error: expect.stringContaining("no such table 'X'") });
    expect(await h.remove('Filter', { from: name })).toMatchObject({
      success: 0,
      error: "deleting tables of published databases requires administrator's privileges.",
    });
    expect(await h.remove('Filter', { from: name, admin: true })).toEqual(OK);
    expect(await h.remove('Filter', { from: name, admin: true })).toMatchObject({
      error: `${F}DatabaseInfo::findTable no such table 'Filter' found in the database '${name}'.`,
    });
  });

  test('of an unpublished database does not, even where the table is published', async () => {
    const name = await h.newDatabase();
    await h.add({ ...FILTER, database: name });
    await h.service.controller.markPublished(name);
    await h.service.controller.unpublish(name);
    expect(await h.remove('Filter', { from: name })).toEqual(OK);
  });

  test('says which worker it failed on; the same request again goes on', async () => {
    const name = await h.newDatabase();
    await h.add({ ...FILTER, database: name });
    const lame = await failingAt(h.service, 'delete.worker');
    expect((await h.remove('Filter', { from: name, of: lame })).error).toMatch(
      /^table deletion failed, worker: w[12], {2}error: gone$/,
    );
    await lame.close();
    expect(await h.remove('Filter', { from: name })).toEqual(OK);
  });
});
