import { NativeController } from '../../ingest/controller/native/controller';
import { DUMMY_CHUNK } from '../../ingest/core/names';
import { ControllerService } from '../../test/support/controller-service';
import { registerCatalog } from '../../test/support/registered';

let service: ControllerService;
let database: string;
/** Whatever does not change it is asked of this one. */
let other: string;
beforeAll(async () => {
  service = await ControllerService.start();
  database = await registerCatalog(service.controller);
  other = await registerCatalog(service.controller);
});
afterAll(() => service.close());

type Location = { chunk?: number; worker: string };
const post = (path: string, body: Record<string, unknown>, by = service) =>
  by.call('POST', `/ingest/${path}`, { body });
const regular = (body: Record<string, unknown>, query: Record<string, string | number> = {}, by = service) =>
  by.call('GET', '/ingest/regular', { body, query });
const refused = (error: string, error_ext: unknown = expect.anything()) => ({
  success: 0,
  error,
  error_ext,
  warning: '',
});
const place = (worker: string, chunk?: number) => ({
  ...(chunk === undefined ? {} : { chunk }),
  worker,
  host: '127.0.0.1',
  host_name: '127.0.0.1',
  port: 25002,
  http_host: '127.0.0.1',
  http_host_name: '127.0.0.1',
  http_port: 25004,
});
const begin = async () => (await service.controller.beginTransaction(other, {})).id;
const chunksOf = async (name: string) => (await service.controller.chunks(name)).map(({ chunk }) => chunk);
/** Records a replica, as Qserv's replication makes them. */
const replicate = (name: string, chunk: number, worker: string) =>
  service.metadata.run(
    (sql) =>
      sql`INSERT INTO qserv.replica (worker, database, chunk, verify_time) VALUES (${worker}, ${name}, ${chunk}, 77)`,
  );

/** Every service with a scope, as it asks for it and names itself. */
const SERVICES = [
  ['regular', '_getRegular', {}],
  ['chunk', '_addChunk', { chunk: 7480 }],
  ['chunk-multi', '_addChunkMulti', { chunk: 7480 }],
  ['chunks', '_addChunks', { chunks: [7480] }],
  ['chunks-multi', '_addChunksMulti', { chunks: [7480] }],
] as const;
const ask = (path: string, body: Record<string, unknown>, by = service) =>
  path === 'regular' ? regular(body, {}, by) : post(path, body, by);

describe.each(SERVICES)('/ingest/%s', (path, name, what) => {
  test('needs a scope', async () => {
    expect(await ask(path, what)).toEqual(
      refused(
        `invalid parameters of the request, ex: HTTP-PROCESSOR ::${name} this service expects either 'database' or  'transaction_id' to be provided to define a scope of the request.`,
      ),
    );
  });

  test('of a database that is there', async () => {
    expect(await ask(path, { ...what, database: 'nope' })).toEqual(
      refused("operation failed due to: CONFIG  _databaseInfo no such database 'nope'."),
    );
    expect(await ask(path, { ...what, database: null })).toEqual(
      refused('operation failed due to: [json.exception.type_error.302] type must be string, but is null'),
    );
  });

  test('and is not published', async () => {
    const published = await registerCatalog(service.controller);
    const { id } = await service.controller.beginTransaction(published, {});
    await service.metadata.run(
      (sql) => sql`UPDATE qserv.config_database SET is_published = true WHERE database = ${published}`,
    );
    for (const scope of [{ database: published }, { transaction_id: id }]) {
      expect(await ask(path, { ...what, ...scope })).toEqual(refused(`database '${published} is already published.`));
    }
  });

  test('or of a super-transaction that is STARTED; the database wins', async () => {
    const id = await begin();
    expect(await ask(path, { ...what, transaction_id: id })).toMatchObject({ success: 1 });
    await service.controller.endTransaction(id, 'commit');
    expect(await ask(path, { ...what, transaction_id: id })).toEqual(
      refused(`transaction id=${id} is required to be in the STARTED state, the actual state is FINISHED.`, {
        id,
        state: 'FINISHED',
      }),
    );
    expect(await ask(path, { ...what, transaction_id: id, database: other })).toMatchObject({ success: 1 });
    expect(await ask(path, { ...what, transaction_id: 4294967295 })).toEqual(
      refused(
        'operation failed due to: DatabaseServicesNotFound: DatabaseServicesMySQL::_findTransactionImpl predicate=`id`=4294967295 no such transaction',
      ),
    );
  });
});

test('GET /ingest/regular: every worker; parameters in the body or in the query', async () => {
  const locations = [place('w1'), place('w2')];
  const reply = { success: 1, error: '', error_ext: {}, warning: '', locations };
  expect(await regular({ database })).toEqual(reply);
  expect(await regular({}, { database })).toEqual(reply);
  const id = await begin();
  expect(await regular({}, { transaction_id: id })).toEqual(reply);
  expect(await regular({ database }, { database: 'nope' })).toEqual(reply);
  expect(await regular({}, { transaction_id: 'x' })).toEqual(refused('invalid parameters of the request, ex: stoull'));
});

test('POST /ingest/chunk: one place, said twice; again the same', async () => {
  const reply = { success: 1, error: '', error_ext: {}, warning: '' };
  const here = place('w1', 7310);
  await replicate(database, 7310, 'w1');
  for (const _ of [1, 2]) {
    expect(await post('chunk', { database, chunk: 7310 })).toEqual({ ...reply, location: here, locations: [here] });
  }
  const { location, locations } = await post('chunk', { database, chunk: DUMMY_CHUNK });
  expect(location).toMatchObject({ chunk: DUMMY_CHUNK, worker: expect.stringMatching(/^w[12]$/) });
  expect(locations).toEqual([location]);
  expect(await post('chunk-multi', { database, chunk: DUMMY_CHUNK })).toEqual({ ...reply, locations: [location] });
});

test('lists keep their order, repetitions too; places survive an abort', async () => {
  const id = await begin();
  const chunks = [7312, 7311, 7312];
  const { locations } = (await post('chunks', { transaction_id: id, chunks })) as unknown as { locations: Location[] };
  expect(locations.map(({ chunk }) => chunk)).toEqual(chunks);
  expect(locations[0]).toEqual(locations[2]);
  expect(locations[0]?.worker).not.toBe(locations[1]?.worker);
  await service.controller.endTransaction(id, 'abort');
  expect(await post('chunks', { database: other, chunks })).toMatchObject({ locations });
  expect(await post('chunks-multi', { database: other, chunks })).toMatchObject({ locations });
  expect(await post('chunks', { database: other, chunks: [] })).toMatchObject({ success: 1, locations: [] });
  const [first] = locations;
  // Another database of the family has it there.
  expect(await post('chunk', { database, chunk: 7312 })).toMatchObject({ location: first });
});

test('several replicas: refused where one place is to be told', async () => {
  for (const worker of ['w2', 'w1']) await replicate(database, 7140, worker);
  const replica = (worker: string) => ({
    status: 'COMPLETE',
    worker,
    database,
    chunk: 7140,
    verify_time: 77,
    files: [],
  });
  const replicas = [replica('w1'), replica('w2')];
  expect(await post('chunk', { database, chunk: 7140 })).toEqual(
    refused('this chunk has too many replicas', { replicas }),
  );
  expect(await post('chunks', { database, chunks: [7141, 7140] })).toEqual(refused('chunk 7140 has too many replicas'));
  expect(await chunksOf(database)).not.toContain(7141);
  const locations = [place('w1', 7140), place('w2', 7140)];
  expect(await post('chunk-multi', { database, chunk: 7140 })).toMatchObject({ locations });
  expect(await post('chunks-multi', { database, chunks: [7140] })).toMatchObject({ locations });
  // Where the family has several, one is taken, or all.
  expect(await post('chunk', { database: other, chunk: 7140 })).toMatchObject({ success: 1 });
  await replicate(database, 7142, 'w1');
  await replicate(database, 7142, 'w2');
  expect(await post('chunks-multi', { database: other, chunks: [7142] })).toMatchObject({
    locations: [place('w1', 7142), place('w2', 7142)],
  });
});

test('numbers that are not valid: nothing is allocated', async () => {
  const before = await chunksOf(database);
  for (const chunk of [169, 14281, -1, 7311999, 4294967295]) {
    expect(await post('chunk', { database, chunk })).toEqual(refused('this chunk number is not valid'));
    expect(await post('chunk-multi', { database, chunk })).toEqual(refused('this chunk number is not valid'));
  }
  for (const path of ['chunks', 'chunks-multi']) {
    expect(await post(path, { database, chunks: [8000, 169, 14281, 8001] })).toEqual(
      refused('chunk 169 is not valid', { chunks: [169, 14281] }),
    );
  }
  expect(await chunksOf(database)).toEqual(before);
  const missing = 'invalid parameters of the request, ex: RequestBodyJSON::required<T>[static] required parameter';
  expect(await post('chunk', { database })).toEqual(refused(`${missing} chunk is missing in the request body`));
  expect(await post('chunks', { database })).toEqual(refused(`${missing} chunks is missing in the request body`));
  expect(await post('chunks', { database, chunks: 7480 })).toEqual(
    refused(
      'invalid parameters of the request, ex: RequestBodyJSON::requiredColl<T> a value of the required parameter chunks is not an array',
    ),
  );
});

test('GET /ingest/chunks: every replica, with each partitioned table', async () => {
  const name = await registerCatalog(service.controller);
  await service.controller.allocateChunks({ database: name }, [7480]);
  const [{ worker } = { worker: '' }] = await service.controller.chunks(name);
  const sizes = { rows: 0, data_size: 0, index_size: 0, overlap_rows: 0, overlap_data_size: 0, overlap_index_size: 0 };
  const list = (query: Record<string, string>) => service.call('GET', '/ingest/chunks', { query });
  expect((await list({ database: name })).replica).toEqual([{ chunk: 7480, worker, Object: sizes, Source: sizes }]);
  expect((await list({ database: await registerCatalog(service.controller) })).replica).toEqual([]);
  for (const query of [{}, { database: '' }] as Record<string, string>[]) {
    expect(await list(query)).toEqual(
      refused(
        "invalid parameters of the request, ex: RequestQuery::requiredString mandatory parameter 'database' is missing",
      ),
    );
  }
  expect(await list({ database: 'nope' })).toEqual(
    refused("operation failed due to: CONFIG  _databaseInfo no such database 'nope'."),
  );
});

test.each([
  ['GET', 'regular', 12],
  ['POST', 'chunk', 12],
  ['POST', 'chunk-multi', 54],
  ['POST', 'chunks', 54],
  ['POST', 'chunks-multi', 54],
  ['GET', 'chunks', 12],
] as const)('%s /ingest/%s from version %d on', async (method, path, floor) => {
  const error = `The requested version ${floor - 1} of the API is not in the range supported by the service.`;
  const ext = { min_version: floor, max_version: 55 };
  expect(await service.call(method, `/ingest/${path}`, { body: { version: floor - 1 } })).toEqual(refused(error, ext));
  expect((await service.call(method, `/ingest/${path}`, { body: { version: floor } })).error).not.toMatch(/version/);
});

describe('workers', () => {
  /** The same records, with other workers. */
  const withWorkers = async (change: object, work: (changed: ControllerService) => Promise<void>) => {
    const { metadata } = service;
    const workers = service.servers.workers.map((worker) => ({ ...worker, ...change }));
    const controller = new NativeController({ target: 'test', servers: { ...service.servers, workers }, metadata });
    const changed = await ControllerService.start({ metadata, services: { controller } });
    try {
      await work(changed);
    } finally {
      await changed.close();
      // Whoever starts last says what the workers are.
      const back = new NativeController({ target: 'test', servers: service.servers, metadata });
      await back.databases();
      await back.close();
    }
  };

  test('their hosts are told by address and name; a name without an address stands for both', async () => {
    await withWorkers({ host: 'localhost' }, async (changed) => {
      expect((await regular({ database }, {}, changed)).locations).toContainEqual({
        ...place('w1'),
        host_name: 'localhost',
        http_host_name: 'localhost',
      });
    });
    await withWorkers({ host: 'no-such-host.invalid' }, async (changed) => {
      const name = 'no-such-host.invalid';
      expect((await regular({ database }, {}, changed)).locations).toContainEqual({
        ...place('w1'),
        ...{ host: name, host_name: name, http_host: name, http_host_name: name },
      });
    });
  });

  test.each([{ readOnly: true }, { enabled: false }])('%j: no place for anything', async (change) => {
    await withWorkers(change, async (changed) => {
      expect((await regular({ database }, {}, changed)).locations).toEqual([]);
      for (const [path, , what] of SERVICES.slice(1)) {
        expect(await ask(path, { ...what, database }, changed)).toEqual(refused('no suitable worker found'));
      }
      expect((await changed.call('GET', '/ingest/chunks', { query: { database } })).replica).toEqual([]);
    });
  });
});
