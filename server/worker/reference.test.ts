import { contributionDescriptor } from '../../api/qserv/contribution';
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

test('a file that cannot be read: the envelope alone, the error for programs, the attempts in the record', async () => {
  const reply = await load({ url: http.url('/absent.csv?key=secret'), max_retries: 2 });
  expect(reply).toEqual({
    success: 0,
    error: " error: 'HTTP response code said error (on HTTP error codes 400 or greater)', errnum: 22",
    error_ext: { http_error: 404, system_error: expect.any(Number), retry_allowed: 1 },
    warning: '',
  });
  const [record] = await h.recorded();
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
    return Number((await h.recorded()).at(-1)?.id);
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
