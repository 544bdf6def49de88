import { randomUUID } from 'node:crypto';
import { ControllerService, OK } from '../../test/support/controller-service';

let service: ControllerService;
beforeAll(async () => {
  service = await ControllerService.start();
});
afterAll(() => service.close());

const PATH = '/replication/config/family';
const family = { name: 'F', replication_level: 2, num_stripes: 40, num_sub_stripes: 5, overlap: 0.25 };
const add = (given: Record<string, unknown> = {}) => service.call('POST', PATH, { body: { ...family, ...given } });
const remove = (name: string, query = {}) => service.call('DELETE', `${PATH}/${name}`, { query });

test('a family is added, told, and deleted', async () => {
  const { replication_level: min_replication_level, ...rest } = family;
  expect(await add()).toEqual({ ...OK, config: { database_families: { F: { ...rest, min_replication_level } } } });
  expect(await add({ overlap: 3 })).toMatchObject({
    success: 0,
    error: "operation failed due to: CONFIG  addDatabaseFamily the family 'F' already exists.",
  });
  expect(await remove('F')).toEqual(OK);
  expect(await remove('F')).toMatchObject({
    error: "operation failed due to: CONFIG  _databaseFamilyInfo no such database family 'F'.",
  });
});

test.each([
  [{ replication_level: 0 }, "'replication_level' can't be equal to 0"],
  [{ num_stripes: 0 }, "'num_stripes' can't be equal to 0"],
  [{ num_sub_stripes: 0.5 }, "'num_sub_stripes' can't be equal to 0"],
  [{ overlap: 0 }, "'overlap' can't be less or equal to 0"],
  [{ replication_level: 0, overlap: -1 }, "'replication_level' can't be equal to 0"],
  // Every field is read before any is refused for its value.
  [
    { replication_level: 0, overlap: '1' },
    'operation failed due to: [json.exception.type_error.302] type must be number, but is string',
  ],
  [
    { name: undefined, num_stripes: 0 },
    'invalid parameters of the request, ex: RequestBodyJSON::required<T>[static] required parameter name is missing in the request body',
  ],
])('%j is refused', async (given, error) => {
  expect(await add(given)).toMatchObject({ success: 0, error });
});

test('one with databases is deleted by force alone; a version below 44 is refused', async () => {
  await add({ name: 'G', num_stripes: 41 });
  const database = { num_stripes: 41, num_sub_stripes: 5, overlap: 1 };
  for (const name of ['fam_b', 'fam_a']) {
    const { error } = await service.call('POST', '/ingest/database', { body: { ...database, database: name } });
    expect(error).toBe('');
  }
  expect(await remove('G', { force: 0 })).toMatchObject({
    success: 0,
    error:
      "operation failed due to: CONFIG  deleteDatabaseFamily the family 'G' has 2 member databases. Use 'force' flag to delete the family anyway.",
    error_ext: { databases: ['fam_a', 'fam_b'] },
  });
  expect(await service.call('DELETE', `${PATH}/G`, { body: { version: 43 }, query: { force: 1 } })).toMatchObject({
    error: 'The requested version 43 of the API is not in the range supported by the service.',
    error_ext: { min_version: 44, max_version: 55 },
  });
  expect(await remove('G', { force: 'x' })).toMatchObject({
    error: 'invalid parameters of the request, ex: stoi',
  });
  expect(await remove('G', { force: 1 })).toEqual(OK);
  const { databases } = await service.call('GET', '/ingest/database');
  expect(databases).toEqual([]);
});

test('tables that a forced deletion left in MySQL are not taken for those of a new database of the same name', async () => {
  const database = `left_${randomUUID().slice(0, 8)}`;
  const definition = { database, num_stripes: 42, num_sub_stripes: 5, overlap: 0.1 };
  const table = { database, table: 'T', is_partitioned: 0, schema: [{ name: 'a', type: 'INT' }] };
  const registerTable = () => service.call('POST', '/ingest/table', { body: table });
  await service.call('POST', '/ingest/database', { body: definition });
  expect(await registerTable()).toMatchObject(OK);
  expect(await remove('layout_42_5', { force: 1 })).toEqual(OK);
  expect(await service.call('POST', '/ingest/database', { body: definition })).toMatchObject(OK);
  const left = `w1 has a table '${database}.T' that nothing is recorded of`;
  expect(await registerTable()).toMatchObject({
    success: 0,
    error: `table creation failed for: 'T', worker: w1,  error: ${left}: drop it, or delete the database and register it anew`,
    error_ext: { code: 'ILLEGAL_STATE', worker: 'w1', finalTable: 'T' },
  });
  expect(await service.call('DELETE', `/ingest/database/${database}`)).toEqual(OK);
  expect(await service.call('POST', '/ingest/database', { body: definition })).toMatchObject(OK);
  expect(await registerTable()).toMatchObject(OK);
  expect(await service.call('DELETE', `/ingest/database/${database}`)).toEqual(OK);
});
