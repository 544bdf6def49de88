import { type ControllerService, OK } from '../../test/support/controller-service';
import { cssTree } from '../../test/support/published';
import { ServedCatalogs } from '../../test/support/served-catalog';

let service: ControllerService;
let catalogs: ServedCatalogs;
beforeAll(async () => {
  catalogs = await ServedCatalogs.start();
  ({ service } = catalogs);
});
afterAll(() => catalogs.close());

const path = (database: string, table: string) => `/replication/sql/table/schema/${database}/${table}`;
const alter = (database: string, table: string, spec: unknown) =>
  service.call('PUT', path(database, table), { body: { spec } });
const schema = (database: string, table: string) => service.call('GET', path(database, table));

test('columns are told: registered ones word by word, published ones as the master has them', async () => {
  const { database } = await catalogs.loaded({ publish: false });
  const told = (columns: object[]) => ({ ...OK, schema: { [database]: { Source: columns } } });
  expect(await schema(database, 'Source')).toEqual(
    told([
      { name: 'qserv_trans_id', type: 'INT NOT NULL' },
      { name: 'sourceId', type: 'BIGINT NOT NULL' },
      { name: 'objectId', type: 'BIGINT DEFAULT NULL' },
    ]),
  );
  await service.controller.publish(database);
  expect(await schema(database, 'Source')).toEqual(
    told([
      { name: 'qserv_trans_id', type: 'INT(11) NOT NULL' },
      { name: 'sourceId', type: 'BIGINT(20) NOT NULL' },
      { name: 'objectId', type: 'BIGINT(20) DEFAULT NULL' },
    ]),
  );
});

test('a column more: everywhere, with its nullability and in parentheses in CSS, and in the record', async () => {
  const { database } = await catalogs.loaded();
  expect(await alter(database, 'Source', 'ADD COLUMN a INT, ADD COLUMN b INT NOT NULL DEFAULT 7')).toEqual(OK);
  expect(await schema(database, 'Source')).toMatchObject({
    schema: { [database]: { Source: [{}, {}, {}, { name: 'a', type: 'INT(11) DEFAULT NULL' }, { name: 'b' }] } },
  });
  expect((await cssTree(catalogs.master, database))['/TABLES/Source/schema']).toBe(
    '(`qserv_trans_id` INT NOT NULL, `sourceId` BIGINT NOT NULL, `objectId` BIGINT DEFAULT NULL, `a` INT, `b` INT NOT NULL DEFAULT 7)',
  );
  await service.controller.unpublish(database);
  expect(await schema(database, 'Source')).toMatchObject({
    schema: { [database]: { Source: [{}, {}, {}, { type: 'INT' }, { name: 'b', type: 'INT NOT NULL DEFAULT 7' }] } },
  });
});

test('final tables that failed are listed by worker', async () => {
  const { database, server, worker } = await catalogs.loaded();
  await server.run('hide', `RENAME TABLE ${database}.Object_7480 TO ${database}.hidden`);
  expect(await alter(database, 'Object', 'ADD c INT')).toEqual({
    success: 0,
    error: 'The operation failed. See details in the extended report.',
    error_ext: {
      job_state: 'FAILED',
      workers: {
        [worker]: {
          Object_7480: { request_status: 'NO_SUCH_TABLE', request_error: expect.stringContaining('Object_7480') },
        },
      },
    },
    warning: '',
  });
  await server.run('show', `RENAME TABLE ${database}.hidden TO ${database}.Object_7480`);
  expect(await alter(database, 'Object', 'ADD c INT')).toEqual(OK);
});

test('refusals', async () => {
  const { database } = await catalogs.loaded({ publish: false });
  expect(await alter(database, 'Source', 'ADD c INT')).toMatchObject({
    success: 0,
    error: `database '${database}' is not published`,
  });
  expect(await alter('nope', 'T', 'ADD c INT')).toMatchObject({
    error: "operation failed due to: CONFIG  _databaseInfo no such database 'nope'.",
  });
  expect(await schema(database, 'T')).toMatchObject({
    error: `operation failed due to: DatabaseInfo::findTable no such table 'T' found in the database '${database}'.`,
  });
  expect(await alter(database, 'Source', undefined)).toMatchObject({
    error:
      'invalid parameters of the request, ex: RequestBodyJSON::required<T>[static] required parameter spec is missing in the request body',
  });
  expect(await alter(database, 'Source', 7)).toMatchObject({
    error: 'operation failed due to: [json.exception.type_error.302] type must be string, but is number',
  });

  await service.controller.publish(database);
  expect(await alter(database, 'Source', 'DROP c')).toMatchObject({
    error: "operation failed due to: Can't DROP COLUMN `c`; check that it exists, errno: 1091",
  });
  expect(await alter(database, 'Source', 'ADD c INT, RENAME TO d')).toMatchObject({
    error: expect.stringMatching(/^invalid parameters of the request, ex: table Source: .*tables keep their names/),
  });

  const forget = (key: string, as: string) =>
    catalogs.master.run('rename a key', 'UPDATE qservCssData.kvData SET kvKey = ? WHERE kvKey = ?', [as, key]);
  const key = `/DBS/${database}`;
  await forget(`${key}/TABLES/Source`, `${key}/TABLES/hidden`);
  expect(await alter(database, 'Source', 'ADD c INT')).toMatchObject({
    error: `Table '${database}'.'Source' is not in CSS.`,
  });
  await forget(key, `${key}_hidden`);
  expect(await alter(database, 'Source', 'ADD c INT')).toMatchObject({
    error: `Database '${database}' is not in CSS.`,
  });
});
