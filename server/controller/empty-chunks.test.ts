import { ControllerService, OK } from '../../test/support/controller-service';
import { registerCatalog } from '../../test/support/registered';

let service: ControllerService;
beforeAll(async () => {
  service = await ControllerService.start();
});
afterAll(() => service.close());

const rebuild = (body: Record<string, unknown>) => service.call('POST', '/ingest/chunk/empty', { body });

test('the list is made once, and again by force', async () => {
  const database = await registerCatalog(service.controller);
  await service.controller.allocateChunks({ database }, [7480, 7310]);
  expect(await rebuild({ database })).toEqual({ ...OK, num_chunks_ingested: 2, num_chunks_all: 8983 });
  expect(await rebuild({ database })).toMatchObject({
    success: 0,
    error: `operation failed due to: Table '${database}_EmptyChunks' already exists, errno: 1050`,
  });
  await service.controller.allocateChunks({ database }, [7140]);
  expect(await rebuild({ database, force: true })).toEqual({ ...OK, num_chunks_ingested: 3, num_chunks_all: 8983 });
});

test('refusals', async () => {
  const database = await registerCatalog(service.controller);
  await service.controller.allocateChunks({ database }, [7480]);
  await service.controller.publish(database);
  expect(await rebuild({ database, force: 1 })).toMatchObject({
    success: 0,
    error: 'invalid parameters of the request, ex: database is already published',
  });
  expect(await rebuild({ database: 'nope' })).toMatchObject({
    error: "operation failed due to: CONFIG  _databaseInfo no such database 'nope'.",
  });
  expect(await rebuild({})).toMatchObject({
    error:
      'invalid parameters of the request, ex: RequestBodyJSON::required<T>[static] required parameter database is missing in the request body',
  });
  expect(await rebuild({ database, version: 30 })).toMatchObject({ error_ext: { min_version: 31, max_version: 55 } });
});
