import fc from 'fast-check';
import { contributionDescriptor } from '../../api/qserv/contribution';
import { KEYS } from '../../test/support/controller-service';
import { DataHttpServer } from '../../test/support/data-server';
import { LoadingService } from '../../test/support/loading-service';

let h: LoadingService;
let http: DataHttpServer;
let good: string;
beforeAll(async () => {
  h = await LoadingService.start();
  http = await new DataHttpServer().start();
  good = h.writeFile('good.csv', '0\tu\n1\tg\n');
});
afterAll(async () => {
  await http.stop();
  await h.close();
});
beforeEach(() => h.begin());

const P = 'invalid parameters of the request, ex: ';
const F = 'operation failed due to: ';
const database = () => h.catalog.database;
const load = (more: Record<string, unknown>) => h.post('/ingest/file', { url: good, ...more });
const recorded = async () => (await h.catalog.contributions(h.transactionId)) as Record<string, unknown>[];

test('GET /meta/version', async () => {
  expect(await h.service.call('GET', '/meta/version')).toEqual({
    kind: 'replication-worker-ingest',
    id: 'w1',
    instance_id: 'test',
    version: 55,
    success: 1,
    error: '',
    error_ext: {},
    warning: '',
  });
});

test('synchronous: the whole descriptor, the defaults filled in', async () => {
  const reply = await load({
    chunk: -1,
    overlap: -1,
    charset_name: '',
    fields_terminated_by: '',
    fields_enclosed_by: '',
  });
  expect(contributionDescriptor.strict().parse(reply.contrib)).toEqual(reply.contrib);
  expect(reply).toMatchObject({
    success: 1,
    error: '',
    error_ext: {},
    warning: '',
    contrib: {
      transaction_id: h.transactionId,
      worker: 'w1',
      database: database(),
      table: 'Filter',
      chunk: 4294967295,
      overlap: 1,
      url: good,
      charset_name: 'latin1',
      async: 0,
      dialect_input: {
        fields_terminated_by: '\\t',
        fields_enclosed_by: '\\0',
        fields_escaped_by: '\\\\',
        lines_terminated_by: '\\n',
      },
      http_method: 'GET',
      http_data: '',
      http_headers: [],
      max_retries: 1,
      num_failed_retries: 0,
      failed_retries: [],
      num_bytes: 8,
      num_rows: 2,
      status: 'FINISHED',
      retry_allowed: 0,
      max_num_warnings: 64,
      num_warnings: 0,
      num_rows_loaded: 2,
      warnings: [],
    },
  });
  expect(await h.filterRows()).toEqual([
    [0, 'u'],
    [1, 'g'],
  ]);
});

test('every parameter, as clients give it', async () => {
  const url = http.on('/all.csv?signature=secret', (_, response) => response.end("'3','i'\n'4','zzzzzzzzzzzz'\n"));
  const reply = await load({
    url,
    chunk: 7.9,
    overlap: false,
    charset_name: 'utf8mb4',
    fields_terminated_by: ',',
    fields_enclosed_by: "'",
    fields_escaped_by: '\\\\',
    lines_terminated_by: '\\n',
    http_method: 'POST',
    http_data: 'question',
    http_headers: ['X-Token: abc', 'X-Other: def'],
    max_num_warnings: 5,
    max_retries: 99,
    num_retries: 2,
    unknown: { ignored: true },
  });
  expect(reply).toMatchObject({
    success: 1,
    contrib: {
      chunk: 7,
      overlap: 0,
      charset_name: 'utf8mb4',
      dialect_input: { fields_terminated_by: ',', fields_enclosed_by: "'" },
      http_method: 'POST',
      http_data: '***',
      http_headers: ['X-Token: ***', 'X-Other: ***'],
      max_retries: 10,
      max_num_warnings: 5,
      num_warnings: 1,
      warnings: [{ level: 'Warning', code: 1265, message: "Data truncated for column 'name' at row 2" }],
    },
  });
  expect(JSON.stringify(reply)).not.toMatch(/secret|abc|def|question/);
  expect(http.requests).toMatchObject([{ method: 'POST', headers: { 'x-token': 'abc', 'x-other': 'def' } }]);
});

test.each([
  [{}, 1],
  [{ num_retries: 4 }, 4],
  [{ max_retries: 3 }, 3],
  [{ max_retries: 0, num_retries: 4 }, 0],
  [{ num_retries: 99 }, 10],
])('retries by %j', async (more, expected) => {
  expect(await load(more)).toMatchObject({ contrib: { max_retries: expected } });
});

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
  expect(await recorded()).toEqual([]);
});

test('unknown super-transaction and table are not recorded', async () => {
  expect(await load({ transaction_id: 4000 })).toMatchObject({
    error: `${F}DatabaseServicesNotFound: DatabaseServicesMySQL::_findTransactionImpl predicate=\`id\`=4000 no such transaction`,
  });
  expect(await load({ table: 'Nothing' })).toMatchObject({
    error: `${P}INGEST-REQUEST  IngestRequest no such table 'Nothing' in database '${database()}'.`,
  });
  expect(await recorded()).toEqual([]);
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
  expect(await recorded()).toMatchObject([
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
  const records = await recorded();
  expect(records).toMatchObject(Array.from({ length: 3 }, () => ({ status: 'CREATE_FAILED', retry_allowed: false })));
  expect(reply.error_ext).toEqual({ contribution: records.at(-1)?.id });
});

test('a chunk that is not allocated here', async () => {
  expect(await load({ table: 'Object', chunk: 17 })).toMatchObject({
    error: `${P}INGEST-FILE-SVC openFile chunk 17 of the UNPUBLISHED database '${database()}' is not allocated to worker 'w1'`,
  });
  expect(await recorded()).toMatchObject([{ status: 'START_FAILED', retry_allowed: true }]);
});

test('a file that cannot be read: the envelope alone, the error for programs, the attempts in the record', async () => {
  const reply = await load({ url: http.url('/absent.csv?key=secret'), max_retries: 2 });
  expect(reply).toEqual({
    success: 0,
    error: " error: 'HTTP response code said error (on HTTP error codes 400 or greater)', errnum: 22",
    error_ext: { http_error: 404, system_error: expect.any(Number), retry_allowed: 1 },
    warning: '',
  });
  const [record] = await recorded();
  const { contrib } = await h.service.call('GET', `/ingest/file-async/${record?.id}`);
  expect(contrib).toMatchObject({ status: 'READ_FAILED', num_failed_retries: 2, retry_allowed: 1, http_error: 404 });
  expect((contrib as { failed_retries: unknown[] }).failed_retries).toHaveLength(2);
  expect(JSON.stringify(contrib)).not.toContain('secret');

  const missing = await load({ url: `file://${h.folder}/absent.csv` });
  expect(missing).toMatchObject({
    error: `failed to open the file '${h.folder}/absent.csv', error: 'No such file or directory', errno: 2`,
    error_ext: { http_error: 0, system_error: 2, retry_allowed: 1 },
  });
  expect(await load({ http_method: 'MIMEPOST', url: http.url('/x.csv'), max_retries: 0 })).toMatchObject({
    success: 0,
  });
});

test('a redirect is refused', async () => {
  const url = http.on('/moved.csv', (_, response) => response.writeHead(302, { location: good }).end('2\tr\n'));
  expect(await load({ url, max_retries: 0 })).toMatchObject({ success: 0, error_ext: { http_error: 302 } });
  expect(await h.filterRows()).toBeNull();
});

describe('retry', () => {
  const failed = async () => {
    await load({ url: `file://${h.folder}/late-${h.transactionId}.csv`, max_retries: 0 });
    return Number((await recorded()).at(-1)?.id);
  };
  const retry = (id: number | string, path = '/ingest/file') => h.service.call('PUT', `${path}/${id}`);

  test('of one that could not be read', async () => {
    const id = await failed();
    h.writeFile(`late-${h.transactionId}.csv`, '9\tz\n');
    expect(await retry(id)).toMatchObject({
      success: 1,
      contrib: { id, status: 'FINISHED', num_failed_retries: 1, num_rows: 1 },
    });
    expect(await h.filterRows()).toEqual([[9, 'z']]);
  });

  test('that fails again', async () => {
    expect(await retry(await failed())).toMatchObject({ success: 0, error_ext: { system_error: 2, retry_allowed: 1 } });
  });

  test('refusals', async () => {
    expect(await retry(99999)).toMatchObject({
      error: `${F}INGEST-REQUEST  createRetry failed to locate the contribution id=99999 in the database.`,
    });
    expect(await retry('x')).toMatchObject({ error: `${P}stoul` });
    const { contrib } = await load({});
    const { id } = contrib as { id: number };
    for (const path of ['/ingest/file', '/ingest/file-async']) {
      expect(await retry(id, path)).toMatchObject({
        error: `${P}contribution id=${id} is not in state READ_FAILED, the actual state is FINISHED.`,
      });
    }
    const other = await failed();
    await h.catalog.metadata.transaction(async (tx) => {
      await tx`INSERT INTO qserv.config_worker VALUES ('w9', true, false) ON CONFLICT DO NOTHING`;
      await tx`UPDATE qserv.transaction_contrib SET worker = 'w9' WHERE id = ${other}`;
    });
    expect(await retry(other)).toMatchObject({
      error: `${P}contribution id=${other} was originally processed by worker 'w9', while this retry operation was request at worker 'w1'.`,
    });
  });
});

describe('asynchronous', () => {
  type Descriptor = { id: number; status: string; error: string; retry_allowed: number };
  const queue = async (more: Record<string, unknown> = {}) => {
    const reply = await h.post('/ingest/file-async', { url: good, charset_name: 'utf8mb4', ...more });
    expect(reply).toMatchObject({
      success: 1,
      error: '',
      contrib: { status: 'IN_PROGRESS', async: 1, charset_name: 'utf8mb4' },
    });
    return reply.contrib as Descriptor;
  };
  const status = async (id: number) => (await h.service.call('GET', `/ingest/file-async/${id}`)).contrib as Descriptor;
  const over = async (id: number) => {
    for (;;) {
      const contrib = await status(id);
      if (contrib.status !== 'IN_PROGRESS') return contrib;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const all = async (method: 'GET' | 'DELETE') =>
    (await h.service.call(method, `/ingest/file-async/trans/${h.transactionId}`)).contribs as Descriptor[];

  test('cancelled while they wait', async () => {
    const [first, second, third] = [await queue(), await queue(), await queue()];
    const cancelled = {
      status: 'CANCELLED',
      error: 'cancelled before beginning processing the request.',
      retry_allowed: 1,
    };
    expect(await h.service.call('DELETE', `/ingest/file-async/${second.id}`)).toMatchObject({
      success: 1,
      contrib: cancelled,
    });
    expect(await all('GET')).toMatchObject([
      { id: first.id, status: 'IN_PROGRESS' },
      { id: second.id, ...cancelled },
      { id: third.id },
    ]);
    expect(await all('DELETE')).toMatchObject([cancelled, cancelled, cancelled]);
    expect(await h.filterRows()).toBeNull();
  });

  test('worked off; one that failed is queued again, in the other way', async () => {
    const missing = `file://${h.folder}/later-${h.transactionId}.csv`;
    const running = h.worker.runQueue({ threads: 2 });
    try {
      const first = await queue();
      const failed = await queue({ url: missing, max_retries: 0 });
      expect(await over(first.id)).toMatchObject({ status: 'FINISHED', num_rows_loaded: 2 });
      expect(await over(failed.id)).toMatchObject({ status: 'READ_FAILED', retry_allowed: 1, system_error: 2 });
      h.writeFile(`later-${h.transactionId}.csv`, '8\ty\n');
      expect(await h.service.call('PUT', `/ingest/file-async/${failed.id}`)).toMatchObject({
        success: 1,
        contrib: { id: failed.id, status: 'IN_PROGRESS', async: 1, num_failed_retries: 1, retry_allowed: 0 },
      });
      expect(await over(failed.id)).toMatchObject({
        status: 'FINISHED',
        num_failed_retries: 1,
        failed_retries: [{ system_error: 2 }],
      });
      expect(await all('GET')).toMatchObject([{ id: first.id }, { id: failed.id }]);
      expect(await all('DELETE')).toMatchObject([{ status: 'FINISHED' }, { status: 'FINISHED' }]);
    } finally {
      await running.close();
    }
    expect(await h.filterRows()).toEqual([
      [0, 'u'],
      [1, 'g'],
      [8, 'y'],
    ]);
  });
});

test('status and cancellation of unknown and of finished ones', async () => {
  const unknown = `${F}INGEST-REQUEST-MGR  find request 99999 was not found`;
  expect(await h.service.call('GET', '/ingest/file-async/99999')).toMatchObject({ error: unknown });
  expect(await h.service.call('DELETE', '/ingest/file-async/99999')).toMatchObject({ error: unknown });
  for (const method of ['GET', 'DELETE'] as const) {
    expect(await h.service.call(method, '/ingest/file-async/trans/99999')).toMatchObject({ success: 1, contribs: [] });
    expect(await h.service.call(method, `/ingest/file-async/trans/${h.transactionId}`)).toMatchObject({ contribs: [] });
  }
  const { contrib } = await load({});
  const { id } = contrib as { id: number };
  expect(await h.service.call('GET', `/ingest/file-async/${id}`)).toMatchObject({ contrib });
  expect(await h.service.call('DELETE', `/ingest/file-async/${id}`)).toMatchObject({ success: 1, contrib });
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

const seed = Date.now() % 2 ** 31;

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
