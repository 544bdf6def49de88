import { type ControllerService, OK } from '../../test/support/controller-service';
import { ServedCatalogs } from '../../test/support/served-catalog';

let service: ControllerService;
let catalogs: ServedCatalogs;
beforeAll(async () => {
  catalogs = await ServedCatalogs.start();
  ({ service } = catalogs);
});
afterAll(() => catalogs.close());

const build = (body: Record<string, unknown>) => service.call('POST', '/ingest/index/secondary', { body });

test('an index is built anew when that is asked for; obsolete options are warned of', async () => {
  const { database } = await catalogs.loaded({ rows: 7 });
  expect(await build({ database, director_table: 'Object' })).toMatchObject({
    success: 0,
    error: `operation failed due to: Table '${database}__Object' already exists, errno: 1050`,
  });
  const request = { database, director_table: 'Object', rebuild: 1, unique_primary_key: 0 };
  expect(await build({ ...request, allow_for_published: 1, local: null, version: undefined })).toEqual({
    ...OK,
    warning:
      "No version number was provided in the request.; Option 'allow_for_published' is obsolete as of the version 22 of the API.; " +
      "Option 'local' is obsolete as of the version 20 of the API.",
  });
  const rows = await catalogs.master.rows('read', `SELECT * FROM qservMeta.${database}__Object ORDER BY 1`);
  expect(rows).toHaveLength(7);
  expect(rows[0]).toEqual({ objectId: 1, chunkId: 7480, subChunkId: 1 });
  const keys = await catalogs.master.rows('read', `SHOW INDEX FROM qservMeta.${database}__Object`);
  expect(keys).toMatchObject([{ Column_name: 'objectId', Non_unique: 1 }]);
});

test('chunks that cannot be taken in are listed by worker', async () => {
  const { database, worker, server } = await catalogs.loaded();
  await server.run('double', `INSERT INTO ${database}.Object_7480 SELECT * FROM ${database}.Object_7480 LIMIT 1`);
  const request = { database, director_table: 'Object', rebuild: 1 };
  expect(await build(request)).toMatchObject({
    success: 0,
    error: 'index creation failed',
    error_ext: { [worker]: { '7480': expect.stringContaining('Duplicate') } },
  });
  expect(await build({ ...request, unique_primary_key: 0 })).toEqual(OK);
});

test('refusals', async () => {
  const { database } = await catalogs.loaded({ publish: false });
  expect(await build({ database, director_table: 'Object' })).toMatchObject({
    success: 0,
    error: ` the director table 'Object' of the database '${database}' is not published.`,
  });
  expect(await build({ database, director_table: 'Source' })).toMatchObject({
    error: `table 'Source' is not configured as a director table in database '${database}'`,
  });
  expect(await build({ database, director_table: 'T' })).toMatchObject({
    error: `operation failed due to: DatabaseInfo::findTable no such table 'T' found in the database '${database}'.`,
  });
  // As qserv-ingest calls it, docs/contract/README.md §8.
  expect(await build({ database, version: 16 })).toMatchObject({
    error: 'The requested version 16 of the API is not in the range supported by the service.',
    error_ext: { min_version: 22, max_version: 55 },
  });
  expect(await build({ database })).toMatchObject({
    error:
      'invalid parameters of the request, ex: RequestBodyJSON::required<T>[static] required parameter director_table is missing in the request body',
  });
});
