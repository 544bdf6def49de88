import { readdirSync } from 'node:fs';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { contributionDescriptor } from '../../api/qserv/contribution';
import { quoteTable } from '../../ingest/storage/data/connection';
import { KEYS } from '../../test/support/controller-service';
import { newSeed } from '../../test/support/hostile';
import { LoadingService } from '../../test/support/loading-service';
import { RecordingWorker } from '../../test/support/recording-worker';
import { WorkerService } from '../../test/support/worker-service';
import { RowsRequests } from './rows-request';
import { Spool } from './spool';

let h: LoadingService;
beforeAll(async () => {
  h = await LoadingService.start();
  await h.catalog.addRegular('Nasty', [
    ['id', 'INT NOT NULL'],
    ['t', 'VARCHAR(300) CHARACTER SET utf8mb4'],
    ['b', 'VARBINARY(300)'],
    ['l', 'LONGBLOB'],
    ['f', 'BIT(8)'],
    ['d', 'DOUBLE'],
    ['n', 'DECIMAL(40,10)'],
    ['u', 'BIGINT UNSIGNED'],
  ]);
});
afterAll(async () => {
  expect(readdirSync(h.service.spoolFolder)).toEqual([]);
  await h.close();
});
beforeEach(() => h.begin());

const A = 'failed to pass authorization requirements, ex: INGEST-DATA-HTTP-SVC ';
const P = 'invalid parameters of the request, ex: ';
const F = 'operation failed due to: ';
const rows = [
  [0, 'u'],
  [1, 'g'],
];
const load = (more: Record<string, unknown> = {}) => h.post('/ingest/data', { rows, ...more });
const send = (text: string, type = 'application/json') => h.service.send('POST', '/ingest/data', text, type);

test('rows, and the whole descriptor', async () => {
  const reply = await load({ chunk: -1, overlap: true });
  expect(contributionDescriptor.strict().parse(reply.contrib)).toEqual(reply.contrib);
  expect(reply).toMatchObject({
    success: 1,
    warning: '',
    contrib: {
      transaction_id: h.transactionId,
      table: 'Filter',
      chunk: 4294967295,
      overlap: 1,
      url: 'data-json://127.0.0.1/',
      charset_name: 'latin1',
      async: 0,
      dialect_input: { fields_enclosed_by: '"' },
      max_num_warnings: 64,
      status: 'FINISHED',
      // "0"<tab>"u"<newline>: 8 bytes, and 7 for the super-transaction's id.
      num_bytes: 30,
      num_rows: 2,
      num_rows_loaded: 2,
      retry_allowed: 0,
    },
  });
  expect(await h.filterRows()).toEqual([
    [0, 'u'],
    [1, 'g'],
  ]);
});

test('a chunk table', async () => {
  await h.catalog.allocate(71);
  const row = (id: number) => [id, 1.5, '-2.25', '\\N', true, `o${id}`, 3];
  expect(await load({ table: 'Object', chunk: 71, overlap: 1, rows: [row(1), row(2)] })).toMatchObject({ success: 1 });
  expect(await h.catalog.rows(h.catalog.unit(h.transactionId, 71, { overlap: true }))).toEqual([
    [1, 1.5, -2.25, null, 1, 'o1', 3],
    [2, 1.5, -2.25, null, 1, 'o2', 3],
  ]);
});

test('warnings, as many as were asked for', async () => {
  const long = Array.from({ length: 5 }, (_, i) => [i, 'much too long']);
  expect(await load({ rows: long, max_num_warnings: 2 })).toMatchObject({
    success: 1,
    contrib: { num_warnings: 5, max_num_warnings: 2, warnings: [{ code: 1265 }, { code: 1265 }] },
  });
});

test('keys, version and members may come in any order, behind the rows as well', async () => {
  const { transactionId } = h;
  const head = `{"version":55,"rows":[[7,"z"]],"transaction_id":${transactionId},"table":"Filter"`;
  expect(await send(`${head},"overlap":0,"chunk":0,"admin_auth_key":"${KEYS.admin}"}`)).toMatchObject({
    success: 1,
    warning: '',
  });
  expect(await h.filterRows()).toEqual([[7, 'z']]);
});

test.each<[string, string, string]>([
  ['{', 'application/json', `${P}invalid format of the request body. A simple JSON object was expected`],
  [
    '{"auth_key":"wrong","rows":[[',
    'application/json',
    `${P}invalid format of the request body. A simple JSON object was expected`,
  ],
  ['[]', 'application/json', `${P}invalid format of the request body. A simple JSON object was expected`],
  [
    '',
    'application/json',
    `${A}none of the authorization keys 'auth_key' or 'admin_auth_key' was found in the request. Please, provide one.`,
  ],
  [
    '{"rows":[[1]]}',
    'application/json',
    `${A}none of the authorization keys 'auth_key' or 'admin_auth_key' was found in the request. Please, provide one.`,
  ],
  [
    `{"auth_key":"${KEYS.auth}"}`,
    'text/plain',
    `${A}none of the authorization keys 'auth_key' or 'admin_auth_key' was found in the request. Please, provide one.`,
  ],
  [
    '{"auth_key":"wrong","rows":[[1]]}',
    'application/json',
    `${A}authorization key 'auth_key' in the request doesn't match the one in server configuration`,
  ],
  [
    `{"admin_auth_key":"wrong","auth_key":"${KEYS.auth}"}`,
    'application/json',
    `${A}administrator's authorization key 'admin_auth_key' in the request doesn't match the one in server configuration`,
  ],
  [
    `{"auth_key":"${KEYS.auth}","rows":[[1]],"auth_key":"wrong"}`,
    'application/json',
    `${A}authorization key 'auth_key' in the request doesn't match the one in server configuration`,
  ],
  [
    `{"auth_key":"${KEYS.auth}","version":34}`,
    'application/json',
    'The requested version 34 of the API is not in the range supported by the service.',
  ],
  [`{"auth_key":"${KEYS.auth}","version":"x"}`, 'application/json', 'The optional parameter version is not a number.'],
])('refuses %j', async (text, type, error) => {
  expect(await send(text, type)).toMatchObject({ success: 0, error });
});

test('a missing version is told', async () => {
  expect(await send(`{"auth_key":"${KEYS.auth}"}`)).toMatchObject({
    error: `${P}RequestBodyJSON::required<T>[static] required parameter transaction_id is missing in the request body`,
    warning: 'No version number was provided in the request.',
  });
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
  [{ chunk: '0' }, `${F}[json.exception.type_error.302] type must be number, but is string`],
  [{ charset_name: 1 }, `${F}[json.exception.type_error.302] type must be string, but is number`],
  [{ max_num_warnings: null }, `${F}[json.exception.type_error.302] type must be number, but is null`],
  [{ binary_encoding: 'x', rows: 1 }, `${P}http::parseBinaryEncoding unsupported mode 'x'`],
  [{ rows: undefined }, 'a collection of rows is missing in the request'],
  [{ rows: null }, 'a collection of rows found in the request is not the JSON array'],
  [{ rows: { 0: [1, 'u'] } }, 'a collection of rows found in the request is not the JSON array'],
  [{ rows: [] }, 'a collection of rows in the request is empty'],
  [{ table: 'a\0b' }, `${P}a text holds a character that cannot be recorded: U+0000, or half of a surrogate pair`],
  [{ table: 'Nothing' }, `${F}DatabaseInfo::findTable no such table 'Nothing' found in the database '%D'.`],
  [
    { transaction_id: 4000 },
    `${F}DatabaseServicesNotFound: DatabaseServicesMySQL::_findTransactionImpl predicate=\`id\`=4000 no such transaction`,
  ],
])('refuses %j, and records nothing', async (more, error) => {
  expect(await load(more)).toMatchObject({ success: 0, error: error.replace('%D', h.catalog.database) });
  expect(await h.recorded()).toEqual([]);
});

const EXPECTED = 'where the boolean, numeric or string type was expected';
test.each<[Record<string, unknown>, string]>([
  [{ rows: [...rows, 5] }, 'a row found in the request is not the JSON array'],
  [{ rows: [...rows, [1]] }, "the row size in the request doesn't match the table schema"],
  [{ rows: [...rows, [2, null]] }, `unsupported type name 'null' found at row 2 and column 1 ${EXPECTED}`],
  [
    { table: 'Nasty', rows: [[1, 'a', 'xx', '', '', 1, 1, 1]] },
    "failed to decode a value of the 'hex' binary encoded column at row 0 and column 2, ex: String::fromHex not a valid hexadecimal character",
  ],
  [
    { table: 'Nasty', rows: [[1, 'a', '', '', '', [1], 1, 1]] },
    `unsupported type name 'array' found at row 0 and column 5 ${EXPECTED}`,
  ],
])('START_FAILED, and nothing is loaded: %j', async (more, error) => {
  const reply = await load(more);
  const records = await h.recorded();
  expect(reply).toMatchObject({ success: 0, error, error_ext: { contribution: records[0]?.id } });
  expect(records).toMatchObject([{ status: 'START_FAILED', error, retry_allowed: true, read_time: 0, load_time: 0 }]);
  expect(await h.filterRows()).toBeNull();
});

test('CREATE_FAILED: no schema; a super-transaction that is not STARTED', async () => {
  await h.catalog.metadata.run(
    (sql) => sql`
    INSERT INTO qserv.config_database_table (database, "table", is_partitioned) VALUES (${h.catalog.database}, 'Bare', false)`,
  );
  expect(await load({ table: 'Bare' })).toMatchObject({ success: 0, error: 'incomplete or missing table schema' });
  await h.catalog.setState(h.transactionId, 'FINISHED');
  expect(await load()).toMatchObject({ success: 0, error: `transactionId=${h.transactionId} is not active` });
  expect(await h.recorded()).toMatchObject([{ status: 'CREATE_FAILED' }, { status: 'CREATE_FAILED' }]);
});

test('START_FAILED: what is published, a chunk that is not allocated here', async () => {
  const { database } = h.catalog;
  expect(await load({ table: 'Object', chunk: 18, rows: [[1, 2, 3, 4, 5, 'a', 6]] })).toMatchObject({
    error: `INGEST-FILE-SVC openFile chunk 18 of the UNPUBLISHED database '${database}' is not allocated to worker 'w1'`,
  });
  try {
    await h.catalog.setPublished('table', true);
    expect(await load()).toMatchObject({ error: `${F}table 'Filter' of database '${database}' is already published.` });
    await h.catalog.setPublished('database', true);
    expect(await load()).toMatchObject({
      error: `INGEST-FILE-SVC openFile database '${database}' is already PUBLISHED`,
    });
  } finally {
    await h.catalog.setPublished('database', false);
    await h.catalog.setPublished('table', false);
  }
  expect(await h.recorded()).toMatchObject(Array.from({ length: 3 }, () => ({ status: 'START_FAILED' })));
});

test('LOAD_FAILED: what MySQL refuses', async () => {
  await h.catalog.addRegular('Whole', [['a', 'INT']]);
  await h.catalog.server.run('alter', `ALTER TABLE ${quoteTable(h.catalog.database, 'Whole')} REMOVE PARTITIONING`);
  const reply = await load({ table: 'Whole', rows: [[1]] });
  expect(reply).toMatchObject({
    success: 0,
    error: expect.stringMatching(/^MySQL load failed, ex: .*partition/i),
  });
  expect(await h.recorded()).toMatchObject([{ status: 'LOAD_FAILED', error: reply.error }]);
});

const seed = newSeed('JSON rows through MySQL');
const nasty = fc.string({
  unit: fc.oneof(
    fc.constantFrom('\\', '"', '\n', '\t', 'N', 'n', '0', '\0', '\x1a', '\r', '\b', "'", ' ', 'é', '€', '😀'),
    fc.string({ minLength: 1, maxLength: 1 }),
  ),
  maxLength: 20,
});
const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));
const nastyBytes = fc
  .array(fc.constantFrom(0, 9, 10, 13, 26, 34, 39, 48, 78, 92, 110, 129, 195, 255), { maxLength: 20 })
  .map((array) => Buffer.from(array));

test.each(['hex', 'b64', 'array'] as const)(`through MySQL and back, %s (seed ${seed})`, async (encoding) => {
  const binary = fc.option(fc.oneof(bytes, nastyBytes));
  const real = fc.double({ noNaN: true, min: -1e300, max: 1e300 }).filter((d) => d === 0 || Math.abs(d) > 1e-300);
  const row = fc.tuple(
    fc.option(nasty),
    binary,
    binary,
    fc.option(fc.nat(255)),
    real,
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  );
  const values = fc.sample(row, { numRuns: 200, seed });
  const encoded = (value: Buffer | null) => {
    if (value === null) return '\\N';
    return encoding === 'array' ? [...value] : value.toString(encoding === 'hex' ? 'hex' : 'base64');
  };
  const json = values.map(([t, b, l, f, d, u], id) => {
    const text = t === null ? '\\N' : t.replaceAll(/[\\"\n]/g, '\\$&');
    const bit = encoded(f === null ? null : Buffer.from([f]));
    const strings = JSON.stringify([id, text, encoded(b), encoded(l), bit, d]).slice(0, -1);
    // Numbers that no double holds.
    return `${strings},123456789012345678901234567890.0123456789,${u}]`;
  });
  const fields = {
    auth_key: KEYS.auth,
    version: 55,
    ...h.target({ table: 'Nasty', charset_name: 'utf8mb4', binary_encoding: encoding }),
  };
  const reply = await send(`{"rows":[${json.join(',')}],${JSON.stringify(fields).slice(1)}`);
  expect(reply).toMatchObject({
    success: 1,
    error: '',
    contrib: { num_warnings: 0, num_rows: 200, num_rows_loaded: 200 },
  });
  const found = await h.catalog.server.rows(
    'read',
    `SELECT id, HEX(t) AS t, HEX(b) AS b, HEX(l) AS l, CAST(f + 0 AS CHAR) AS f, d, CAST(n AS CHAR) AS n, CAST(u AS CHAR) AS u
     FROM ${quoteTable(h.catalog.database, 'Nasty')} PARTITION (p${h.transactionId}) ORDER BY id`,
  );
  const hex = (value: Buffer | string | null) =>
    value === null
      ? null
      : Buffer.from(value as string)
          .toString('hex')
          .toUpperCase();
  // MariaDB reads decimals to within one unit in the last place of a double.
  const sent = (id: unknown) => values[Number(id)]?.[4] ?? Number.NaN;
  for (const row of found)
    expect(Math.abs(Number(row.d) - sent(row.id))).toBeLessThanOrEqual(Math.abs(sent(row.id)) * Number.EPSILON);
  expect(found.map(({ d, ...others }) => others)).toEqual(
    values.map(([t, b, l, f, , u], id) => ({
      id,
      t: hex(t),
      b: hex(b),
      l: hex(l),
      f: f === null ? null : String(f),
      n: '123456789012345678901234567890.0123456789',
      u: String(u),
    })),
  );
});

describe('limits', () => {
  const body = (keyFirst: boolean) => {
    const key = `"auth_key":"${KEYS.auth}"`;
    const many = `"rows":[${Array.from({ length: 2000 }, (_, i) => `["${i}","00"]`).join(',')}]`;
    return `{${keyFirst ? key : many},"transaction_id":1,"table":"T","chunk":0,"overlap":0,${keyFirst ? many : key}}`;
  };
  const service = (limits: object) => WorkerService.start('w1', new RecordingWorker(), { limits });

  test('rows that wait for a key', async () => {
    const limited = service({ keylessBytes: 10_000 });
    for (let round = 0; round < 3; round++) {
      const pieces = body(false).match(/[\s\S]{1,1000}/g) ?? [];
      const late = Readable.from(pieces.map((piece) => Buffer.from(piece)));
      expect(await limited.send('POST', '/ingest/data', late, 'application/json')).toMatchObject({
        error: `${A}none of the authorization keys 'auth_key' or 'admin_auth_key' was found in the request. Please, provide one.`,
      });
      expect(await limited.send('POST', '/ingest/data', body(true), 'application/json')).toMatchObject({ success: 1 });
    }
    await limited.close();
  });

  test('rows that were refused make no room for others', async () => {
    const requests = new RowsRequests(KEYS, { keylessBytes: 10_000 });
    for (let round = 0; round < 5; round++) {
      const pieces = body(false).match(/[\s\S]{1,1000}/g) ?? [];
      const late = Readable.from(pieces.map((piece) => Buffer.from(piece)));
      const raw = { raw: late, headers: { 'content-type': 'application/json' }, query: {} };
      const spool = new Spool(h.service.spoolFolder);
      await expect(requests.read({ raw, warn: () => {} } as never, spool)).rejects.toThrow(/none of the authorization/);
      await spool.close();
    }
  });

  test('the last of two collections of rows counts, also when they come in pieces', async () => {
    const recording = new RecordingWorker();
    const limited = WorkerService.start('w1', recording);
    const text = body(true).replace(/}$/, ',"rows":[["last","00"]]}');
    const pieces = text.match(/[\s\S]{1,1000}/g) ?? [];
    const late = Readable.from(pieces.map((piece) => Buffer.from(piece)));
    expect(await limited.send('POST', '/ingest/data', late, 'application/json')).toMatchObject({ success: 1 });
    expect(recording.loaded[0]?.csv.toString()).toBe('"last"\t"\\0"\n');
    await limited.close();
  });

  test('who is refused in the middle of a long body gets the answer', async () => {
    const limited = service({ jsonBytes: 100_000 });
    const url = `${await limited.listen()}/ingest/data`;
    const long = `{"auth_key":"${KEYS.auth}","rows":[["${'x'.repeat(8 * 1024 * 1024)}","00"]]}`;
    for (let round = 0; round < 3; round++) {
      const reply = await fetch(url, { method: 'POST', body: long, headers: { 'content-type': 'application/json' } });
      expect(await reply.json()).toMatchObject({
        success: 0,
        error: expect.stringContaining('more than 100000 bytes'),
      });
    }
    await limited.close();
  });

  test('rows altogether', async () => {
    const limited = service({ jsonBytes: 10_000 });
    expect(await limited.send('POST', '/ingest/data', body(true), 'application/json')).toMatchObject({
      error: `${P}the rows of the request are too large: more than 10000 bytes`,
    });
    await limited.close();
  });
});
