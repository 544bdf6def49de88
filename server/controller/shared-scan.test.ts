import { CssReader } from '../../ingest/storage/data/css-store';
import { type ControllerService, OK } from '../../test/support/controller-service';
import { ServedCatalogs } from '../../test/support/served-catalog';

let service: ControllerService;
let catalogs: ServedCatalogs;
beforeAll(async () => {
  catalogs = await ServedCatalogs.start();
  ({ service } = catalogs);
});
afterAll(() => catalogs.close());

const PATH = '/replication/qserv/css/shared-scan';
const set = (database: string, table: string, body: Record<string, unknown> = { scanRating: 5 }) =>
  service.call('PUT', `${PATH}/${database}/${table}`, { body });

test('the tree is null without a table, {} before publishing, and has the ratings after it', async () => {
  expect(await service.call('GET', PATH)).toEqual({ ...OK, css: { shared_scan: null } });
  const database = await catalogs.withMatch();
  const tree = (tables: object) => ({ ...OK, css: { shared_scan: { layout_85_12: { [database]: tables } } } });
  expect(await service.call('GET', PATH)).toEqual(tree({ Object: {}, Other: {}, Source: {} }));
  expect(await set(database, 'Object')).toMatchObject({
    success: 0,
    error: `operation failed due to: Table '${database}.Object' does not exist.`,
  });

  await service.controller.allocateChunks({ database }, [7480]);
  await service.controller.publish(database);
  const one = { scanRating: 1 };
  expect(await service.call('GET', PATH)).toEqual(tree({ Object: one, Other: one, Source: one }));
  expect(await set(database, 'Source', { scanRating: -7.9 })).toEqual(
    tree({ Object: one, Other: one, Source: { scanRating: -7 } }),
  );
  const key = `/DBS/${database}/TABLES/Source/sharedScan/.packed.json`;
  expect(await new CssReader(catalogs.master).get(key)).toBe('{"lockInMem":"0","scanRating":"-7"}');

  for (const table of ['Match', 'Filter']) {
    expect(await set(database, table)).toMatchObject({
      success: 0,
      error: `invalid parameters of the request, ex: HTTP-PROCESSOR ::_cssUpdate  the table must be partitioned and not a reference match: ${database}.${table}`,
    });
  }
  expect(await set(database, 'T')).toMatchObject({
    error: `operation failed due to: DatabaseInfo::findTable no such table 'T' found in the database '${database}'.`,
  });
});

test('refusals', async () => {
  expect(await set('nope', 'T')).toMatchObject({
    error: "operation failed due to: CONFIG  _databaseInfo no such database 'nope'.",
  });
  expect(await set('d', 'T', {})).toMatchObject({
    error:
      'invalid parameters of the request, ex: RequestBodyJSON::required<T>[static] required parameter scanRating is missing in the request body',
  });
  expect(await set('d', 'T', { scanRating: '5' })).toMatchObject({
    error: 'operation failed due to: [json.exception.type_error.302] type must be number, but is string',
  });
  expect(await service.call('GET', PATH, { query: { version: 44 }, body: { version: undefined } })).toMatchObject({
    error_ext: { min_version: 45, max_version: 55 },
  });
});
