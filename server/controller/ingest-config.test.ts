import { ControllerService, OK } from '../../test/support/controller-service';
import { registerCatalog } from '../../test/support/registered';

let service: ControllerService;
let database: string;
beforeAll(async () => {
  service = await ControllerService.start();
  database = await registerCatalog(service.controller);
});
afterAll(() => service.close());

const get = (query: Record<string, string> = { database }) => service.call('GET', '/ingest/config/', { query });
const put = (body: Record<string, unknown>) => service.call('PUT', '/ingest/config/', { body: { database, ...body } });
const refused = (error: string) => expect.objectContaining({ success: 0, error });

const ALL = {
  SSL_VERIFYHOST: 2,
  SSL_VERIFYPEER: 1,
  CAPATH: '/etc/certs',
  CAINFO: '',
  CAINFO_VAL: '-----BEGIN CERTIFICATE-----\nabc\n',
  PROXY_SSL_VERIFYHOST: 0,
  PROXY_SSL_VERIFYPEER: -1,
  PROXY_CAPATH: '/p',
  PROXY_CAINFO: '/q',
  PROXY_CAINFO_VAL: 'text',
  CURLOPT_PROXY: 'http://proxy.example.org:3128',
  CURLOPT_NOPROXY: '*.example.org,localhost',
  CURLOPT_HTTPPROXYTUNNEL: 1,
  CONNECTTIMEOUT: 10,
  TIMEOUT: 3600,
  LOW_SPEED_LIMIT: 1024,
  LOW_SPEED_TIME: 60,
  ASYNC_PROC_LIMIT: 8,
};

test('only what was ever set comes back; what is not given stays', async () => {
  expect(await get()).toEqual({ ...OK, config: { database } });
  expect(await put({})).toEqual(OK);
  expect(await put({ SSL_VERIFYHOST: 0, unknown: 7 })).toEqual(OK);
  expect(await get()).toEqual({ ...OK, config: { database, SSL_VERIFYHOST: 0 } });
  expect(await put(ALL)).toEqual(OK);
  expect(await get()).toEqual({ ...OK, config: { database, ...ALL } });
});

test('numbers are coerced as by real servers, in any publish state', async () => {
  await service.metadata.run(
    (sql) => sql`UPDATE qserv.config_database SET is_published = true WHERE database = ${database}`,
  );
  expect(await put({ SSL_VERIFYPEER: false, TIMEOUT: 7.9, ASYNC_PROC_LIMIT: -1, CONNECTTIMEOUT: -3.5 })).toEqual(OK);
  expect((await get()).config).toEqual({
    database,
    ...ALL,
    SSL_VERIFYPEER: 0,
    TIMEOUT: 7,
    ASYNC_PROC_LIMIT: 4294967295,
    CONNECTTIMEOUT: -3,
  });
});

test.each([
  ['http://user:canary@proxy.example.org:3128', 'http://***@proxy.example.org:3128'],
  ['user:can@ry@proxy.example.org:3128', '***@proxy.example.org:3128'],
  ['socks5h://token@proxy', 'socks5h://***@proxy'],
])(
  "a proxy's user and password are masked, and stay when what was read is written back: %s",
  async (CURLOPT_PROXY, shown) => {
    expect(await put({ CURLOPT_PROXY })).toEqual(OK);
    expect((await get()).config).toMatchObject({ CURLOPT_PROXY: shown });
    expect(await put({ CURLOPT_PROXY: shown, TIMEOUT: 9 })).toEqual(OK);
    expect(await service.controller.ingestConfig(database)).toMatchObject({ CURLOPT_PROXY, TIMEOUT: 9 });
  },
);

test('refusals', async () => {
  for (const query of [{}, { database: '' }] as Record<string, string>[]) {
    expect(await get(query)).toEqual(
      refused(
        "invalid parameters of the request, ex: RequestQuery::requiredString mandatory parameter 'database' is missing",
      ),
    );
  }
  const unknown = refused("operation failed due to: CONFIG  _databaseInfo no such database 'nope'.");
  expect(await get({ database: 'nope' })).toEqual(unknown);
  expect(await put({ database: 'nope', TIMEOUT: 1 })).toEqual(unknown);
  expect(await put({ database: undefined })).toEqual(
    refused(
      'invalid parameters of the request, ex: RequestBodyJSON::required<T>[static] required parameter database is missing in the request body',
    ),
  );
  const type = (expected: string, given: string) =>
    refused(`operation failed due to: [json.exception.type_error.302] type must be ${expected}, but is ${given}`);
  expect(await put({ SSL_VERIFYHOST: '2' })).toEqual(type('number', 'string'));
  expect(await put({ TIMEOUT: true })).toEqual(type('number', 'boolean'));
  expect(await put({ CAINFO: null })).toEqual(type('string', 'null'));
  const beyond = (number: string, what: string) =>
    refused(`invalid parameters of the request, ex: the number ${number} is beyond ${what}`);
  expect(await put({ SSL_VERIFYHOST: 2 ** 31 })).toEqual(beyond('2147483648', 'a signed integer of 32 bits'));
  expect(await put({ TIMEOUT: 1e30 })).toEqual(beyond('1e+30', 'an integer that this service can keep'));
  expect((await get()).config).not.toMatchObject({ TIMEOUT: 1 });
});
