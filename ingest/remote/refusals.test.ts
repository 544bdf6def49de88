import { refusalError } from './refusals';

const P = 'invalid parameters of the request, ex: ';
const F = 'operation failed due to: ';
const of = (text: string, ext = {}) => refusalError('PUT /x at http://h', text, ext);

/** Texts of docs/contract/controller.md and docs/contract/worker.md. */
test.each<[string, string, object]>([
  [`${F}CONFIG  _databaseInfo no such database 'D'.`, 'UNKNOWN_DATABASE', { database: 'D' }],
  [
    `${F}DatabaseInfo::findTable no such table 'T' found in the database 'D'.`,
    'UNKNOWN_TABLE',
    { table: 'T', database: 'D' },
  ],
  [
    `${P}INGEST-REQUEST  IngestRequest no such table 'T' in database 'D'.`,
    'UNKNOWN_TABLE',
    { table: 'T', database: 'D' },
  ],
  [`${F}CONFIG  _databaseFamilyInfo no such database family 'X'.`, 'UNKNOWN_FAMILY', { family: 'X' }],
  [
    `${F}DatabaseServicesNotFound: DatabaseServicesMySQL::_findTransactionImpl predicate=\`id\`=7 no such transaction`,
    'UNKNOWN_TRANSACTION',
    { id: 7 },
  ],
  [
    "failed to pass authorization requirements, ex: HTTP-PROCESSOR authorization key 'auth_key' in the request doesn't match the one in server configuration",
    'NOT_ALLOWED',
    {},
  ],
  ["administrator's privileges are required to (un-)publish databases.", 'NOT_ALLOWED', {}],
  ["deleting published databases requires administrator's privileges.", 'NOT_ALLOWED', {}],
  ['the database is already published', 'DATABASE_PUBLISHED', {}],
  ["database 'D is already published.", 'DATABASE_PUBLISHED', { database: 'D' }],
  [`${F}database 'D' is already published.`, 'DATABASE_PUBLISHED', { database: 'D' }],
  [`${F}table 'T' of database 'D' is already published.`, 'TABLE_PUBLISHED', { table: 'T', database: 'D' }],
  [`${P}database is already published`, 'DATABASE_PUBLISHED', {}],
  [`${F}INGEST-FILE-SVC openFile database 'D' is already PUBLISHED`, 'DATABASE_PUBLISHED', { database: 'D' }],
  [`${F}CONFIG  _publishDatabase database 'D' is not published.`, 'ILLEGAL_STATE', { database: 'D' }],
  ["database 'D' is not published", 'ILLEGAL_STATE', { database: 'D' }],
  [
    "transaction id=84 can't be ended at this time because of state=FINISHED.",
    'ILLEGAL_STATE',
    { id: 84, state: 'FINISHED' },
  ],
  [`${F}transactionId=84 is not active`, 'ILLEGAL_STATE', { id: 84 }],
  ['INGEST-FILE-SVC openFile transaction 84 is not active', 'ILLEGAL_STATE', { id: 84 }],
  [
    'transaction 84 changed state to IS_ABORTING while the input file was being prepared for the ingest.',
    'ILLEGAL_STATE',
    { id: 84, state: 'IS_ABORTING' },
  ],
  [
    'transaction 84 got aborted while the file was being ingested into the table.',
    'ILLEGAL_STATE',
    { id: 84, state: 'ABORTED' },
  ],
  [
    "INGEST-FILE-SVC openFile chunk 7 of the UNPUBLISHED database 'D' is not allocated to worker 'w1'",
    'CHUNK_NOT_ALLOCATED',
    { chunk: 7, database: 'D', worker: 'w1' },
  ],
  ['failed to drop table partitions', 'UNAVAILABLE', {}],
  ['database has uncommitted transactions', 'OPEN_TRANSACTIONS', {}],
  ["the database doesn't have any chunks", 'ILLEGAL_STATE', {}],
  ["schema is empty for table: 'T'", 'ILLEGAL_STATE', { table: 'T' }],
  ['this chunk has too many replicas', 'ILLEGAL_STATE', {}],
  ['chunk 7480 has too many replicas', 'ILLEGAL_STATE', { chunk: 7480 }],
  ['this chunk number is not valid', 'INVALID_CHUNK', {}],
  ['chunk 7311999 is not valid', 'INVALID_CHUNK', { chunk: 7311999 }],
  ['no suitable worker found for chunk 7', 'NO_WORKERS', {}],
  [`${F}CONFIG  addDatabase the database 'D' already exists.`, 'ALREADY_EXISTS', { database: 'D' }],
  [`${F}CONFIG  addDatabaseFamily the family 'F' already exists.`, 'ALREADY_EXISTS', { family: 'F' }],
  ['table already exists', 'ALREADY_EXISTS', {}],
  [`${F}Connection[1]: execute mysql_real_query failed: Table 'D_EmptyChunks' already exists`, 'ALREADY_EXISTS', {}],
  ["table 'T' is not configured as a director table in database 'D'", 'INVALID_INPUT', {}],
  [" the director table 'T' of the database 'D' is not published.", 'ILLEGAL_STATE', { table: 'T' }],
  ['table is not published', 'ILLEGAL_STATE', {}],
  ["Table 'D'.'T' is not in CSS.", 'UNKNOWN_TABLE', { database: 'D', table: 'T' }],
  [
    `${F}INGEST-REQUEST  createRetry failed to locate the contribution id=9 in the database.`,
    'UNKNOWN_CONTRIBUTION',
    { id: 9 },
  ],
  [`${F}INGEST-REQUEST-MGR  find request 99 was not found`, 'UNKNOWN_CONTRIBUTION', { id: 99 }],
  [
    `${F}DatabaseServicesNotFound: DatabaseServicesMySQL::transactionContrib id=3 no such contribution`,
    'UNKNOWN_CONTRIBUTION',
    { id: 3 },
  ],
  [
    `${P}contribution id=9 is not in state READ_FAILED, the actual state is START_FAILED.`,
    'ILLEGAL_STATE',
    { id: 9, status: 'START_FAILED' },
  ],
  [
    `${P}contribution id=9 was originally processed by worker 'w1', while this retry operation was request at worker 'w2'.`,
    'ILLEGAL_STATE',
    { id: 9, worker: 'w1' },
  ],
  [`${P}Url::_translate: invalid url 'x'`, 'INVALID_INPUT', { field: 'url' }],
  [
    `${P}Csv::Parser: the value 'x' of the parameter 'fieldsTerminatedBy' is not allowed for the given parameter.`,
    'INVALID_INPUT',
    { field: 'fieldsTerminatedBy' },
  ],
  ["table creation failed for: 'T_1234567890', worker: w1,  error: x", 'UNAVAILABLE', {}],
  ["table creation failed for: 'T', worker: w1,  error: Invalid default value for 'a'", 'INVALID_INPUT', {}],
  ['reconfiguration failed on worker: w1 ', 'UNAVAILABLE', {}],
  ['Qserv synchronization stage failed, job: a, state: FINISHED', 'UNAVAILABLE', {}],
  ['MySQL load failed, ex: too bad', 'LOAD_FAILED', {}],
  [`${P}something else`, 'INVALID_INPUT', {}],
  [`${F}something else`, 'INTERNAL', {}],
  ['something else', 'INTERNAL', {}],
])('%s', (text, code, details) => {
  expect(of(text)).toMatchObject({ code, details });
});

test('the text is said without the words of its class', () => {
  expect(of(`${F}this and that.`)).toMatchObject({
    message: 'PUT /x at http://h: this and that.',
    details: { refusal: 'this and that.' },
  });
});

test('what failed where is told as the domain tells it', () => {
  const one = { request_status: 'NO_SUCH_TABLE', request_error: 'gone' };
  expect(
    of('The operation failed. See details in the extended report.', {
      job_state: 'FAILED',
      workers: { w1: { T_7: one } },
    }),
  ).toMatchObject({
    code: 'TABLES_FAILED',
    details: { failures: { w1: { T_7: { status: 'NO_SUCH_TABLE', error: 'gone' } } } },
  });
  const other = { status: 'FAILED', error: 'why' };
  expect(
    of('Table rows scanning/deployment failed.', { operation: 'Scan', workers: { w1: { T_7: other } } }),
  ).toMatchObject({ code: 'TABLES_FAILED', details: { failures: { w1: { T_7: other } } } });
  expect(of('index creation failed', { w1: { 7480: 'Duplicate entry' } })).toMatchObject({
    code: 'INDEX_FAILED',
    details: { failures: { w1: { 7480: 'Duplicate entry' } } },
  });
});

test('a server of ours says what will pass; other codes of its change nothing', () => {
  expect(of(`${F}something else`, { code: 'BUSY' })).toMatchObject({ code: 'BUSY' });
  expect(of(`${F}something else`, { code: 'ILLEGAL_STATE' })).toMatchObject({ code: 'INTERNAL' });
});
