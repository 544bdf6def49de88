import { type ControllerService, OK } from '../../test/support/controller-service';
import { ServedCatalogs } from '../../test/support/served-catalog';

let service: ControllerService;
let catalogs: ServedCatalogs;
beforeAll(async () => {
  catalogs = await ServedCatalogs.start();
  ({ service } = catalogs);
});
afterAll(() => catalogs.close());

const PATH = '/replication/sql/index';
const create = (body: Record<string, unknown>) => service.call('POST', PATH, { body });
const drop = (body: Record<string, unknown>) => service.call('DELETE', PATH, { body });
const list = (database: string, query = {}) => service.call('GET', `${PATH}/${database}/Object`, { query });

const byPlace = {
  table: 'Object',
  index: 'by_place',
  columns: [
    { column: 'ra', length: 0, ascending: 1 },
    { column: 'decl', length: 0, ascending: 0 },
  ],
};

test('an index is made, told and dropped, of chunk tables and of overlap tables', async () => {
  const { database, server } = await catalogs.loaded();
  expect(await create({ database, ...byPlace, comment: 'by place', spec: 'UNIQUE' })).toEqual(OK);
  const index = {
    name: 'by_place',
    unique: 1,
    type: 'BTREE',
    comment: 'by place',
    columns: [
      { name: 'ra', seq: 1, sub_part: 0, collation: 'ASC' },
      { name: 'decl', seq: 2, sub_part: 0, collation: 'DESC' },
    ],
    num_replicas_total: 3,
  };
  const told = (indexes: object[], overlap = 0) => ({ ...OK, status: { database, table: 'Object', overlap, indexes } });
  expect(await list(database)).toEqual(told([{ ...index, status: 'COMPLETE', num_replicas: 3 }]));
  expect(await list(database, { overlap: 1 })).toEqual(told([], 1));

  const final = `${database}.Object_7480`;
  await server.run('lose it', `ALTER TABLE ${final} DROP INDEX by_place`);
  expect(await list(database, { overlap: 0 })).toEqual(told([{ ...index, status: 'INCOMPLETE', num_replicas: 2 }]));
  await server.run('change it', `ALTER TABLE ${final} ADD INDEX by_place (ra)`);
  expect(await list(database)).toMatchObject({ status: { indexes: [{ status: 'INCONSISTENT', num_replicas: 3 }] } });

  expect(await drop({ database, table: 'Object', index: 'by_place' })).toEqual(OK);
  expect(await list(database)).toEqual(told([]));
  expect(await create({ database, ...byPlace, overlap: true })).toEqual(OK);
  expect(await list(database, { overlap: 1 })).toMatchObject({ status: { overlap: 1, indexes: [{ unique: 0 }] } });
});

test('a part of a column', async () => {
  const { database } = await catalogs.loaded();
  const columns = [{ column: 'filterName', length: 2, ascending: 1 }];
  expect(await create({ database, table: 'Filter', index: 'i', columns })).toEqual(OK);
  expect(await service.call('GET', `${PATH}/${database}/Filter`)).toMatchObject({
    status: { indexes: [{ columns: [{ name: 'filterName', sub_part: 2 }], num_replicas_total: 2 }] },
  });
});

test('final tables that failed are listed by worker; an index that is there is one when that is asked for', async () => {
  const { database, server, worker } = await catalogs.loaded();
  const error = 'The operation failed. See details in the extended report.';
  await server.run('hide', `RENAME TABLE ${database}.Object_7480 TO ${database}.hidden`);
  const missing = {
    success: 0,
    error,
    error_ext: {
      job_state: 'FAILED',
      workers: {
        [worker]: {
          Object_7480: { request_status: 'NO_SUCH_TABLE', request_error: expect.stringContaining('Object_7480') },
        },
      },
    },
  };
  expect(await create({ database, ...byPlace })).toEqual({ ...missing, warning: '' });
  expect(await list(database)).toMatchObject(missing);
  expect(await drop({ database, table: 'Object', index: 'by_place' })).toMatchObject(missing);

  await server.run('show', `RENAME TABLE ${database}.hidden TO ${database}.Object_7480`);
  expect(await create({ database, ...byPlace })).toEqual(OK);
  expect(await create({ database, ...byPlace })).toEqual(OK);
  const again = await create({ database, ...byPlace, ignore_duplicate_key: 0 });
  expect(again).toMatchObject({
    success: 0,
    error,
    error_ext: { workers: { [worker]: { Object_7480: { request_status: 'DUPLICATE_KEY' } } } },
  });
});

test('refusals', async () => {
  const { database } = await catalogs.loaded({ publish: false });
  const unpublished = { success: 0, error: 'table is not published' };
  expect(await create({ database, ...byPlace })).toMatchObject(unpublished);
  expect(await drop({ database, table: 'Object', index: 'i' })).toMatchObject(unpublished);
  expect(await list(database)).toMatchObject(unpublished);
  expect(await list('nope')).toMatchObject({
    error: "operation failed due to: CONFIG  _databaseInfo no such database 'nope'.",
  });
  expect(await drop({ database, table: 'T', index: 'i' })).toMatchObject({
    error: `operation failed due to: DatabaseInfo::findTable no such table 'T' found in the database '${database}'.`,
  });
  expect(await list(database, { overlap: 'x' })).toMatchObject({
    error: 'invalid parameters of the request, ex: stoi',
  });

  await service.controller.publish(database);
  const columns = [{ column: 'c', length: 0, ascending: 1 }];
  expect(await create({ database, ...byPlace, columns })).toMatchObject({
    error:
      "invalid parameters of the request, ex: HTTP-PROCESSOR ::_createIndexes  requested column 'c' has not been found in the table schema.",
  });
});

test.each([
  [{ spec: 'HASH' }, 'RequestBodyJSON::optional<T>(permitted) a value of parameter spec is not allowed.'],
  [{ columns: 'ra' }, 'RequestBodyJSON::requiredColl<T> a value of the required parameter columns is not an array'],
  [
    { columns: undefined },
    'RequestBodyJSON::required<T>[static] required parameter columns is missing in the request body',
  ],
  [{ columns: ['ra'] }, "RequestBodyJSON::required<T>[static] parameter 'obj' is not a valid JSON object"],
  [
    { columns: [{ column: 'ra', ascending: 1 }] },
    'RequestBodyJSON::required<T>[static] required parameter length is missing in the request body',
  ],
])('refuses %j', async (fields, tail) => {
  expect(await create({ database: 'd', ...byPlace, ...fields })).toMatchObject({
    success: 0,
    error: `invalid parameters of the request, ex: ${tail}`,
  });
});
