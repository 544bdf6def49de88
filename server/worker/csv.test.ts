import { once } from 'node:events';
import { connect } from 'node:net';
import { contributionDescriptor } from '../../api/qserv/contribution';
import { KEYS } from '../../test/support/controller-service';
import { LoadingService } from '../../test/support/loading-service';
import { BOUNDARY, MULTIPART, multipart, type Part, textParts } from '../../test/support/multipart';

let h: LoadingService;
let url: URL;
beforeAll(async () => {
  h = await LoadingService.start();
  url = new URL(await h.service.listen());
});
afterAll(() => h.close());
beforeEach(() => h.begin());

const A = 'failed to pass authorization requirements, ex: INGEST-FILE-HTTP-SVC ';
const P = 'invalid parameters of the request, ex: ';
const F = 'operation failed due to: ';
const CSV = '0\tu\n1\tg\n';
const file = (content: string | Buffer = CSV): Part => ({
  name: 'file',
  fileName: 'a.csv',
  type: 'text/plain',
  content,
});
const send = (parts: Part[]) => h.service.send('POST', '/ingest/csv', multipart(parts), MULTIPART);
/** The fields that are needed, some changed or (undefined) left away. */
const fields = (more: Record<string, string | number | undefined> = {}): Part[] => {
  const all = Object.entries({ auth_key: KEYS.auth, version: 55, ...h.target(), ...more });
  return textParts(Object.fromEntries(all.filter(([, value]) => value !== undefined)) as Record<string, string>);
};
const load = (more: Record<string, string | number | undefined> = {}, content: string | Buffer = CSV) =>
  send([...fields(more), file(content)]);

test('a file, and the whole descriptor', async () => {
  const reply = await load({ fields_enclosed_by: '' });
  expect(contributionDescriptor.strict().parse(reply.contrib)).toEqual(reply.contrib);
  expect(reply).toMatchObject({
    success: 1,
    error: '',
    error_ext: {},
    warning: '',
    contrib: {
      url: 'data-csv://127.0.0.1/a.csv',
      charset_name: 'latin1',
      dialect_input: {
        fields_terminated_by: '\\t',
        fields_enclosed_by: '\\0',
        fields_escaped_by: '\\\\',
        lines_terminated_by: '\\n',
      },
      max_retries: 0,
      max_num_warnings: 64,
      num_bytes: 8,
      num_rows: 2,
      num_rows_loaded: 2,
      status: 'FINISHED',
      retry_allowed: 0,
    },
  });
  expect(await h.filterRows()).toEqual([
    [0, 'u'],
    [1, 'g'],
  ]);
});

test('a chunk table, another dialect, the administrator, fields behind the file', async () => {
  await h.catalog.allocate(72);
  const more = {
    auth_key: 'wrong',
    admin_auth_key: KEYS.admin,
    table: 'Object',
    chunk: 72,
    overlap: '1',
    charset_name: 'utf8mb4',
  };
  const dialect = { fields_terminated_by: ',', fields_enclosed_by: '"', max_num_warnings: '7' };
  const reply = await send([
    ...fields({ ...more, ...dialect }),
    file('"1","1.5","-2","\\N","0","a\tb","3"\n'),
    ...textParts({ chunk: 'x', transaction_id: '' }),
  ]);
  expect(reply).toMatchObject({
    success: 1,
    contrib: { charset_name: 'utf8mb4', max_num_warnings: 7, num_warnings: 0 },
  });
  expect(await h.catalog.rows(h.catalog.unit(h.transactionId, 72, { overlap: true }))).toEqual([
    [1, 1.5, -2, null, 0, 'a\tb', 3],
  ]);
});

test('no rows, and a last row without its end', async () => {
  expect(await load({}, '')).toMatchObject({ success: 1, contrib: { num_rows: 0, num_rows_loaded: 0 } });
  expect(await load({}, '5\tz')).toMatchObject({ success: 1, contrib: { num_rows: 1, num_rows_loaded: 1 } });
});

test('not multipart; no boundary; not well formed', async () => {
  const other = (type: string, body = '{}') => h.service.send('POST', '/ingest/csv', body, type);
  expect(await other('application/json')).toMatchObject({ error: `${A}the request is not a multipart form data` });
  expect(await other('multipart/form-data')).toMatchObject({
    error: `${P}the content type of the request names no boundary`,
  });
  expect(await other(MULTIPART, 'nothing')).toMatchObject({
    error: `${F}the multipart form data are not well formed: they end too early`,
  });
});

test('no file: keys are not even looked at', async () => {
  const error = 'no file was sent in the request';
  expect(await send([])).toMatchObject({ success: 0, error });
  expect(await send(textParts({ transaction_id: 1 }))).toMatchObject({ error });
  // A part without a file name is a text, whatever its type.
  expect(await send([...fields(), { name: 'file', content: CSV, type: 'application/octet-stream' }])).toMatchObject({
    error,
  });
  expect(await h.recorded()).toEqual([]);
});

const none =
  "none of the authorization keys 'auth_key' or 'admin_auth_key' was found in the request. Please, provide one.";
test.each<[Record<string, string | number | undefined>, string]>([
  [{ auth_key: undefined, chunk: undefined, version: 1 }, A + none],
  [
    { auth_key: 'wrong' },
    `${A}authorization key 'auth_key' in the request doesn't match the one in server configuration`,
  ],
  [
    { admin_auth_key: 'wrong' },
    `${A}administrator's authorization key 'admin_auth_key' in the request doesn't match the one in server configuration`,
  ],
  [
    { version: 37, chunk: undefined },
    'The requested version 37 of the API is not in the range supported by the service.',
  ],
  [{ version: 'x' }, 'The optional parameter version is not a number.'],
  [
    { transaction_id: undefined, chunk: undefined },
    `${P}RequestBodyJSON::requiredUInt required parameter transaction_id is missing in the request body`,
  ],
  [
    { table: undefined, chunk: undefined },
    `${P}RequestBodyJSON::required<T>[static] required parameter table is missing in the request body`,
  ],
  [
    { chunk: undefined, overlap: 'x' },
    `${P}RequestBodyJSON::requiredUInt required parameter chunk is missing in the request body`,
  ],
  [
    { overlap: undefined },
    `${P}RequestBodyJSON::requiredUInt required parameter overlap is missing in the request body`,
  ],
  [
    { transaction_id: 'x' },
    `${P}RequestBodyJSON::requiredUInt a value of the required parameter transaction_id is not an unsigned integer`,
  ],
  [
    { chunk: '-1' },
    `${P}RequestBodyJSON::requiredUInt a value of the required parameter chunk is not an unsigned integer`,
  ],
  [
    { chunk: '4294967296' },
    `${P}RequestBodyJSON::requiredUInt a value of the required parameter chunk is not an unsigned integer`,
  ],
  [
    { chunk: '' },
    `${P}RequestBodyJSON::requiredUInt a value of the required parameter chunk is not an unsigned integer`,
  ],
  [
    { overlap: 'true' },
    `${P}RequestBodyJSON::requiredUInt a value of the required parameter overlap is not an unsigned integer`,
  ],
  [
    { max_num_warnings: 'x' },
    `${P}RequestBodyJSON::requiredUInt a value of the required parameter max_num_warnings is not an unsigned integer`,
  ],
  [
    { transaction_id: 4000 },
    `${F}DatabaseServicesNotFound: DatabaseServicesMySQL::_findTransactionImpl predicate=\`id\`=4000 no such transaction`,
  ],
  [{ table: 'Nothing' }, `${F}DatabaseInfo::findTable no such table 'Nothing' found in the database '%D'.`],
])('refuses %j, and records nothing', async (more, error) => {
  expect(await load(more)).toMatchObject({ success: 0, error: error.replace('%D', h.catalog.database) });
  expect(await h.recorded()).toEqual([]);
});

test('keys behind the file come too late', async () => {
  expect(await send([...fields({ auth_key: undefined }), file(), ...textParts({ auth_key: KEYS.auth })])).toMatchObject(
    { error: A + none },
  );
});

test('a missing version is told', async () => {
  const warning = 'No version number was provided in the request.';
  expect(await load({ version: undefined })).toMatchObject({ success: 1, warning });
  expect(await load({ version: 0, table: 'Nothing' })).toMatchObject({ success: 0, warning });
});

test('CREATE_FAILED: a super-transaction that is not STARTED, a bad dialect', async () => {
  expect(await load({ fields_terminated_by: ';' })).toMatchObject({
    error: `${P}Csv::Parser: the value ';' of the parameter 'fieldsTerminatedBy' is not allowed for the given parameter.`,
  });
  await h.catalog.setState(h.transactionId, 'ABORTED');
  const reply = await load();
  expect(reply.error).toBe(`INGEST-FILE-HTTP-SVC onStartOfFile transactionId=${h.transactionId} is not active`);
  const records = await h.recorded();
  expect(records).toMatchObject([{ status: 'CREATE_FAILED' }, { status: 'CREATE_FAILED' }]);
  expect(reply.error_ext).toEqual({ contribution: records[1]?.id });
});

test('START_FAILED: what is published, a chunk that is not allocated here', async () => {
  const { database } = h.catalog;
  expect(await load({ table: 'Object', chunk: 19 })).toMatchObject({
    error: `${P}INGEST-FILE-SVC openFile chunk 19 of the UNPUBLISHED database '${database}' is not allocated to worker 'w1'`,
  });
  try {
    await h.catalog.setPublished('table', true);
    expect(await load()).toMatchObject({ error: `${F}table 'Filter' of database '${database}' is already published.` });
    await h.catalog.setPublished('database', true);
    expect(await load()).toMatchObject({
      error: `${F}INGEST-FILE-SVC openFile database '${database}' is already PUBLISHED`,
    });
  } finally {
    await h.catalog.setPublished('database', false);
    await h.catalog.setPublished('table', false);
  }
  expect(await h.recorded()).toMatchObject(Array.from({ length: 3 }, () => ({ status: 'START_FAILED' })));
});

test('LOAD_FAILED: what MySQL refuses', async () => {
  await h.catalog.addRegular('Whole', [['a', 'INT']]);
  await h.catalog.server.run('alter', `ALTER TABLE \`${h.catalog.database}\`.Whole REMOVE PARTITIONING`);
  const reply = await load({ table: 'Whole' }, '1\n');
  expect(reply).toMatchObject({ success: 0, error: expect.stringMatching(/^MySQL load failed, ex: .*partition/i) });
  expect(await h.recorded()).toMatchObject([{ status: 'LOAD_FAILED', error: reply.error }]);
});

test('a second file: refused, and nothing of the first one is loaded', async () => {
  const error = 'the service only allows one file per request';
  expect(await send([...fields(), file(), { ...file('7\tz\n'), name: 'other' }])).toMatchObject({ success: 0, error });
  expect(await h.recorded()).toMatchObject([{ status: 'READ_FAILED', error, load_time: 0 }]);
  expect(await h.filterRows()).toBeNull();
});

test('a row that is too long: READ_FAILED, and nothing is loaded', async () => {
  const reply = await load({}, Buffer.concat([Buffer.from(CSV), Buffer.alloc(17 * 1024 * 1024, 'x')]));
  expect(reply).toMatchObject({
    success: 0,
    error: expect.stringMatching(/input line 3 exceeds the limit of 16777216 bytes/),
  });
  expect(await h.recorded()).toMatchObject([{ status: 'READ_FAILED' }]);
  expect(await h.filterRows()).toBeNull();
});

describe('over a real connection', () => {
  const head = (length: number | string) =>
    `POST /ingest/csv HTTP/1.1\r\nHost: x\r\nContent-Type: ${MULTIPART}\r\n${typeof length === 'number' ? `Content-Length: ${length}` : length}\r\n\r\n`;
  const open = async () => {
    const socket = connect(Number(url.port), url.hostname);
    await once(socket, 'connect');
    return socket;
  };
  const ended = async (status: string) => {
    for (;;) {
      const [record] = await h.recorded();
      if (record !== undefined && record.status !== 'IN_PROGRESS')
        return expect(record).toMatchObject({ status, load_time: 0 });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };

  test.each([
    ['in the middle of a row', 0.5],
    ['at the end of a row', 1],
  ])('one that breaks %s: READ_FAILED, and nothing is loaded', async (_, part) => {
    const body = multipart([...fields(), file(CSV.repeat(1000))]);
    const end = body.indexOf(`\r\n--${BOUNDARY}--`) - (part === 1 ? 0 : 1003);
    const socket = await open();
    socket.write(head(body.length));
    socket.write(body.subarray(0, end));
    while ((await h.recorded()).length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    socket.destroy();
    await ended('READ_FAILED');
    expect(await h.filterRows()).toBeNull();
  });

  test('the last boundary is not enough: the whole request must have come', async () => {
    const body = multipart([...fields(), file()]);
    const socket = await open();
    socket.write(head(body.length + 10));
    socket.write(body);
    while ((await h.recorded()).length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await h.recorded()).toMatchObject([{ status: 'IN_PROGRESS' }]);
    socket.destroy();
    await ended('READ_FAILED');
    expect(await h.filterRows()).toBeNull();
  });

  test('in chunks, without a length, byte by byte at the boundaries', async () => {
    const body = multipart([...fields(), file()]);
    const socket = await open();
    const chunks = [...body].map((byte) =>
      Buffer.concat([Buffer.from('1\r\n'), Buffer.from([byte]), Buffer.from('\r\n')]),
    );
    socket.write(Buffer.concat([Buffer.from(head('Transfer-Encoding: chunked')), ...chunks, Buffer.from('0\r\n\r\n')]));
    const [reply] = await once(socket, 'data');
    expect(String(reply)).toContain('"success":1');
    socket.destroy();
    expect(await h.filterRows()).toEqual([
      [0, 'u'],
      [1, 'g'],
    ]);
  });

  const long = Buffer.alloc(17 * 1024 * 1024, 'x');
  const refused: [string, () => Part[]][] = [
    ["doesn't match the one in server configuration", () => [...fields({ auth_key: 'wrong' }), file(long)]],
    ['no such table', () => [...fields({ table: 'Nothing' }), file(long)]],
    ['input line 1 exceeds the limit', () => [...fields(), file(long), file(long)]],
    ['the service only allows one file per request', () => [...fields(), file(), file(long)]],
    ['is longer than 65536 bytes', () => [{ name: 'x', content: long }, file()]],
  ];
  test.each(refused)('who is refused gets the answer, and can go on with the connection: %s', async (text, parts) => {
    const socket = await open();
    let replies = '';
    socket.on('data', (data) => {
      replies += data;
    });
    for (let round = 1; round <= 2; round++) {
      const body = multipart(parts());
      socket.write(head(body.length));
      socket.write(body);
      while (replies.split(text).length <= round) await once(socket, 'data');
    }
    expect(replies.match(/HTTP\/1.1 200/g)).toHaveLength(2);
    socket.destroy();
    expect(await h.filterRows()).toBeNull();
  });
});
