import fc from 'fast-check';
import { KEYS } from '../../test/support/controller-service';
import { newSeed } from '../../test/support/hostile';
import { LoadingService } from '../../test/support/loading-service';

let h: LoadingService;
let good: string;
beforeAll(async () => {
  h = await LoadingService.start();
  good = h.writeFile('good.csv', '0\tu\n1\tg\n');
});
afterAll(() => h.close());
beforeEach(() => h.begin());

const P = 'invalid parameters of the request, ex: ';
const F = 'operation failed due to: ';
const database = () => h.catalog.database;
const load = (more: Record<string, unknown>) => h.post('/ingest/file', { url: good, ...more });

test.each<[Record<string, unknown>, string]>([
  [
    { table: undefined },
    `${P}RequestBodyJSON::required<T>[static] required parameter table is missing in the request body`,
  ],
  [
    { chunk: undefined },
    `${P}RequestBodyJSON::required<T>[static] required parameter chunk is missing in the request body`,
  ],
  [
    { overlap: undefined },
    `${P}RequestBodyJSON::required<T>[static] required parameter overlap is missing in the request body`,
  ],
  [
    { url: undefined },
    `${P}RequestBodyJSON::required<T>[static] required parameter url is missing in the request body`,
  ],
  [{ transaction_id: '1' }, `${F}[json.exception.type_error.302] type must be number, but is string`],
  [{ table: null }, `${F}[json.exception.type_error.302] type must be string, but is null`],
  [{ http_method: 'PATCH' }, `${P}http::string2method invalid method PATCH`],
  [
    { http_headers: 'A: b' },
    `${P}RequestBodyJSON::requiredColl<T> a value of the required parameter http_headers is not an array`,
  ],
  [{ http_headers: [1] }, `${F}[json.exception.type_error.302] type must be string, but is number`],
  [{ max_retries: 'x' }, `${F}[json.exception.type_error.302] type must be number, but is string`],
])('refuses %j, and records nothing', async (more, error) => {
  expect(await load(more)).toMatchObject({ success: 0, error });
  expect(await h.recorded()).toEqual([]);
});

test('unknown super-transaction and table are not recorded', async () => {
  expect(await load({ transaction_id: 4000 })).toMatchObject({
    error: `${F}DatabaseServicesNotFound: DatabaseServicesMySQL::_findTransactionImpl predicate=\`id\`=4000 no such transaction`,
  });
  expect(await load({ table: 'Nothing' })).toMatchObject({
    error: `${P}INGEST-REQUEST  IngestRequest no such table 'Nothing' in database '${database()}'.`,
  });
  expect(await h.recorded()).toEqual([]);
});

test.each<[string, Record<string, unknown>]>([
  ["Url::_translate: invalid url 'x'", { url: 'x' }],
  ["Url::_translate: invalid url 'http://'", { url: 'http://' }],
  ["Url::_translate: invalid url 'file://host/'", { url: 'file://host/' }],
  ["INGEST-REQUEST  IngestRequest unsupported url 'data-json://h/'", { url: 'data-json://h/' }],
  ["INGEST-REQUEST  IngestRequest unsupported url 'data-csv://h/f'", { url: 'data-csv://h/f' }],
  ...(
    [
      ['fields_terminated_by', 'fieldsTerminatedBy'],
      ['fields_enclosed_by', 'fieldsEnclosedBy'],
      ['fields_escaped_by', 'fieldsEscapedBy'],
      ['lines_terminated_by', 'linesTerminatedBy'],
    ] as const
  ).map(([field, name]): [string, Record<string, unknown>] => [
    `Csv::Parser: the value 'x' of the parameter '${name}' is not allowed for the given parameter.`,
    { [field]: 'x' },
  ]),
])('refuses: %s', async (tail, more) => {
  for (const path of ['/ingest/file', '/ingest/file-async']) {
    expect(await h.post(path, { url: good, ...more })).toMatchObject({ success: 0, error: P + tail });
  }
  expect(await h.recorded()).toMatchObject([
    { status: 'CREATE_FAILED', retry_allowed: false },
    { status: 'CREATE_FAILED', retry_allowed: false },
  ]);
});

test('what is published, or not STARTED', async () => {
  try {
    await h.catalog.setPublished('database', true);
    expect(await load({})).toMatchObject({ error: `${F}database '${database()}' is already published.` });
    await h.catalog.setPublished('database', false);
    await h.catalog.setPublished('table', true);
    expect(await load({})).toMatchObject({
      error: `${F}table 'Filter' of database '${database()}' is already published.`,
    });
  } finally {
    await h.catalog.setPublished('database', false);
    await h.catalog.setPublished('table', false);
  }
  await h.catalog.setState(h.transactionId, 'ABORTED');
  const reply = await load({});
  expect(reply).toMatchObject({ error: `${F}transactionId=${h.transactionId} is not active` });
  const records = await h.recorded();
  expect(records).toMatchObject(Array.from({ length: 3 }, () => ({ status: 'CREATE_FAILED', retry_allowed: false })));
  expect(reply.error_ext).toEqual({ contribution: records.at(-1)?.id });
});

test('a chunk that is not allocated here', async () => {
  expect(await load({ table: 'Object', chunk: 17 })).toMatchObject({
    error: `${P}INGEST-FILE-SVC openFile chunk 17 of the UNPUBLISHED database '${database()}' is not allocated to worker 'w1'`,
  });
  expect(await h.recorded()).toMatchObject([{ status: 'START_FAILED', retry_allowed: true }]);
});

test.each<['GET' | 'POST' | 'PUT' | 'DELETE', string, number]>([
  ['POST', '/ingest/file', 16],
  ['POST', '/ingest/file-async', 16],
  ['PUT', '/ingest/file/1', 16],
  ['PUT', '/ingest/file-async/1', 16],
  ['GET', '/ingest/file-async/1', 13],
  ['GET', '/ingest/file-async/trans/1', 13],
  ['DELETE', '/ingest/file-async/1', 13],
  ['DELETE', '/ingest/file-async/trans/1', 13],
])('%s %s: key and version', async (method, path, floor) => {
  expect(await h.service.call(method, path, { body: { version: floor - 1 } })).toMatchObject({
    error: `The requested version ${floor - 1} of the API is not in the range supported by the service.`,
    error_ext: { min_version: floor, max_version: 55 },
  });
  const keyless = await h.service.send(method, path, '{"version":55}', 'application/json');
  const none =
    "INGEST-HTTP-SVC none of the authorization keys 'auth_key' or 'admin_auth_key' was found in the request. Please, provide one.";
  if (method === 'GET') expect(keyless.error).not.toContain('authorization');
  else expect(keyless.error).toBe(`failed to pass authorization requirements, ex: ${none}`);
});

const seed = newSeed('contributions by reference');

test(`whatever the fields are, no database stumbles over them (seed ${seed})`, async () => {
  const text = fc.oneof(
    fc.string({ unit: fc.constantFrom(...'`\'"\\;-#/*%_$\0\n\ud800é'), maxLength: 8 }),
    fc.constantFrom('Filter', 'Object', 'latin1', 'utf8mb4', '', good, 'http://127.0.0.1:1/'),
  );
  const value = fc.oneof({ weight: 30, arbitrary: text }, { weight: 1, arbitrary: fc.jsonValue() });
  const number = fc.oneof(
    fc.integer(),
    fc.double(),
    fc.constantFrom(0, -1, 2 ** 31, 2 ** 32, 2 ** 53, 1e300),
    fc.jsonValue(),
  );
  const names = [
    'url',
    'charset_name',
    'fields_terminated_by',
    'fields_enclosed_by',
    'fields_escaped_by',
    'lines_terminated_by',
    'http_data',
  ];
  const fields = fc.record(
    {
      ...Object.fromEntries([...names, 'table'].map((name) => [name, value])),
      ...Object.fromEntries(['chunk', 'overlap', 'max_num_warnings', 'num_retries'].map((name) => [name, number])),
      http_headers: fc.array(text, { maxLength: 2 }),
    },
    { requiredKeys: [] },
  );
  const path = fc.constantFrom('/ingest/file', '/ingest/file-async', '/ingest/data');
  await fc.assert(
    fc.asyncProperty(path, fields, async (path, fields) => {
      const reply = await h.post(path, { url: good, rows: [[1, 'a']], max_retries: 0, ...fields });
      expect([0, 1]).toContain(reply.success);
      expect(JSON.stringify(reply)).not.toMatch(/internal|syntax|sqlstate|"INTERNAL"|records:/i);
    }),
    { numRuns: 300, seed },
  );
});

test('unknown paths have an empty body', async () => {
  const reply = await h.service.app.inject({
    method: 'POST',
    url: '/ingest/nothing',
    payload: { auth_key: KEYS.auth },
  });
  expect([reply.statusCode, reply.body]).toEqual([404, '']);
});
