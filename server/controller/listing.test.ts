import type { Contribution } from '../../ingest/core/contributions';
import { listContributions } from '../../ingest/storage/metadata/contribution-records';
import { putContribution } from '../../test/support/contributions';
import { ControllerService } from '../../test/support/controller-service';
import { withSteps } from '../../test/support/failing-controllers';
import { registerCatalog } from '../../test/support/registered';

let service: ControllerService;
/** With three super-transactions, newest first; and without any; and a published one. */
let full: string;
let empty: string;
let published: string;
let ids: [number, number, number];
let contributions: Contribution[];

const place = () => ({ transactionId: ids[0], database: full, table: 'Object', worker: 'w1', chunk: 7480 });

beforeAll(async () => {
  service = await ControllerService.start();
  const { controller, metadata } = service;
  [full, empty, published] = [
    await registerCatalog(controller),
    await registerCatalog(controller),
    await registerCatalog(controller),
  ];
  await controller.addFamily({ name: 'alone', replicationLevel: 1, numStripes: 18, numSubStripes: 10, overlap: 0.01 });
  await metadata.run((sql) => sql`UPDATE qserv.config_database SET is_published = true WHERE database = ${published}`);
  await controller.allocateChunks({ database: full }, [7480, 7310]);
  const begun: number[] = [];
  for (const n of [1, 2, 3]) begun.unshift((await controller.beginTransaction(full, { n })).id);
  ids = begun as [number, number, number];
  await controller.endTransaction(ids[1], 'commit');
  await controller.endTransaction(ids[2], 'abort');
  const retry = {
    bytes: 1,
    rows: 2,
    startTime: 3,
    readTime: 4,
    tmpFile: 't',
    httpError: 404,
    systemError: 11,
    error: 'e',
  };
  contributions = [
    await putContribution(metadata, {
      ...place(),
      url: 'https://user:canary@data.example.org/a.csv?X-Signature=canary',
      http: { method: 'POST', data: 'canary', headers: ['X-Token: canary', 'Accept: canary'] },
      charset: 'utf8mb4',
      dialect: { fieldsTerminatedBy: ',', fieldsEnclosedBy: '"', fieldsEscapedBy: '\\\\', linesTerminatedBy: '\\n' },
      isAsync: true,
      bytes: 3 * 2 ** 29,
      rows: 1000,
      rowsLoaded: 999,
      createTime: 1767225800000,
      loadTime: 1767225801390,
      status: 'FINISHED',
      failedRetries: [retry],
      warnings: [{ level: 'Warning', code: 1366, message: 'm' }],
    }),
    await putContribution(metadata, { ...place(), chunk: 7310, overlap: true, status: 'READ_FAILED', error: 'gone' }),
    await putContribution(metadata, { ...place(), worker: 'w2', table: 'Filter', chunk: 4294967295 }),
  ];
});
afterAll(() => service.close());

type Databases = Record<string, { is_published: number; num_chunks: number; transactions?: { id: number }[] }>;

const get = (path: string, query: Record<string, string | number> = {}) => service.call('GET', path, { query });
const list = async (query: Record<string, string | number> = {}) =>
  (await get('/ingest/trans', query)).databases as Databases;
const names = async (query: Record<string, string | number> = {}) => Object.keys(await list(query)).sort();
const refused = (error: string) => expect.objectContaining({ success: 0, error });

describe('GET /ingest/trans', () => {
  test('is about unpublished databases, newest super-transactions first, without contexts and logs', async () => {
    const databases = await list();
    expect(Object.keys(databases).sort()).toEqual([full, empty].sort());
    expect(databases[empty]).toEqual({ is_published: 0, num_chunks: 0, transactions: [] });
    expect(databases[full]).toEqual({
      is_published: 0,
      num_chunks: 2,
      transactions: [
        expect.objectContaining({ id: ids[0], state: 'STARTED', context: {}, log: [] }),
        expect.objectContaining({ id: ids[1], state: 'FINISHED', context: {}, log: [] }),
        expect.objectContaining({ id: ids[2], state: 'ABORTED', context: {}, log: [] }),
      ],
    });
    expect(databases[full]?.transactions?.[0]).not.toHaveProperty('contrib');
  });

  test('of other databases', async () => {
    expect(await names({ is_published: 1 })).toEqual([published]);
    expect(await names({ all_databases: 1 })).toEqual([full, empty, published].sort());
    expect(await names({ all_databases: 1, family: 'layout_85_12' })).toEqual([full, empty, published].sort());
    expect(await names({ all_databases: 1, family: 'alone' })).toEqual([]);
    expect(await names({ family: 'layout_85_12' })).toEqual([full, empty].sort());
    expect(await names({ database: published, is_published: 0, family: 'alone' })).toEqual([published]);
    expect((await list({ database: published }))[published]).toMatchObject({ is_published: 1 });
    expect(await get('/ingest/trans', { family: 'nope' })).toEqual(
      refused("operation failed due to: CONFIG  _databaseFamilyInfo no such database family 'nope'."),
    );
    expect(await get('/ingest/trans', { database: 'nope' })).toEqual(
      refused("operation failed due to: CONFIG  _databaseInfo no such database 'nope'."),
    );
  });

  test('leaves out a database that is deleted meanwhile, unless it was asked for by name', async () => {
    const doomed = await registerCatalog(service.controller);
    const own = await withSteps(service, () => {});
    const databases = own.controller.databases.bind(own.controller);
    own.controller.databases = async () => {
      const all = await databases();
      await service.controller.deleteDatabase(doomed);
      return all;
    };
    const listed = await own.call('GET', '/ingest/trans');
    expect(listed).toMatchObject({ success: 1, databases: { [full]: {}, [empty]: {} } });
    expect(listed.databases).not.toHaveProperty(doomed);
    expect(await own.call('GET', '/ingest/trans', { query: { database: doomed } })).toMatchObject({
      error: `operation failed due to: CONFIG  _databaseInfo no such database '${doomed}'.`,
    });
    await own.close();
  });

  test('by state', async () => {
    const selected = async (trans_state: string) =>
      (await list({ database: full, trans_state }))[full]?.transactions?.map(({ id }) => id);
    expect(await selected('')).toEqual(ids);
    expect(await selected('STARTED')).toEqual([ids[0]]);
    expect(await selected('FINISHED,,STARTED,')).toEqual([ids[0], ids[1]]);
    expect(await selected('!STARTED')).toEqual([ids[1], ids[2]]);
    expect(await selected('!FINISHED')).toEqual([ids[0], ids[2]]);
    for (const word of ['!ABORTED', 'started', 'X']) {
      expect(await get('/ingest/trans', { trans_state: `STARTED,${word}` })).toEqual(
        refused(
          `invalid parameters of the request, ex: DatabaseServices::string2state  unknown transaction state: '${word}'`,
        ),
      );
    }
    expect(await get('/ingest/trans', { contrib_status: 'X' })).toEqual(
      refused('invalid parameters of the request, ex: DatabaseServices::str2status  unknown status name: X'),
    );
    expect(await get('/ingest/trans', { contrib: 'x' })).toEqual(
      refused('invalid parameters of the request, ex: stoull'),
    );
  });

  test('with contexts and logs', async () => {
    const { [full]: withContext } = await list({ database: full, include_context: 1 });
    expect(withContext?.transactions?.[2]).toMatchObject({ context: { n: 1 }, log: [] });
    const { [full]: withLog } = await list({ database: full, include_log: 1 });
    expect(withLog?.transactions?.[2]).toMatchObject({
      context: {},
      log: expect.arrayContaining([
        expect.objectContaining({ name: 'end del table part', transaction_state: 'IS_ABORTING' }),
      ]),
    });
  });

  test('from version 12 on, what is about one super-transaction from 37 on', async () => {
    for (const [path, floor] of [
      ['/ingest/trans', 12],
      [`/ingest/trans/${ids[0]}`, 37],
      [`/ingest/trans/contrib/${contributions[0]?.id}`, 37],
    ] as const) {
      expect(await service.call('GET', path, { body: { version: floor } })).toMatchObject({ success: 1, warning: '' });
      expect(await service.call('GET', path, { body: { version: floor - 1 } })).toEqual({
        success: 0,
        error: `The requested version ${floor - 1} of the API is not in the range supported by the service.`,
        error_ext: { min_version: floor, max_version: 55 },
        warning: '',
      });
    }
  });
});

describe('GET /ingest/trans/:id', () => {
  const one = (id: number | string, query: Record<string, string | number> = {}) => get(`/ingest/trans/${id}`, query);

  test('one, or all of a database', async () => {
    expect((await one(ids[1], { trans_state: 'STARTED' })).databases).toEqual({
      [full]: {
        is_published: 0,
        num_chunks: 2,
        transactions: [expect.objectContaining({ id: ids[1], state: 'FINISHED', context: {}, log: [] })],
      },
    });
    expect((await one(ids[1], { database: full, include_context: 1 })).databases).toMatchObject({
      [full]: { transactions: [{ context: { n: 2 } }] },
    });
    expect((await one(0, { database: full, trans_state: '!STARTED' })).databases).toMatchObject({
      [full]: { transactions: [{ id: ids[1] }, { id: ids[2] }] },
    });
    expect((await one(0, { database: empty })).databases).toEqual({ [empty]: { is_published: 0, num_chunks: 0 } });
  });

  test('refusals', async () => {
    expect(await one(0)).toEqual(refused("either 'id' or 'database' query parameter must be specified"));
    expect(await one(ids[0], { database: empty })).toEqual(
      refused(
        `transaction id=${ids[0]} is associated with database '${full}' which is different from the requested database '${empty}'`,
      ),
    );
    expect(await one(2000000000)).toEqual(
      refused(
        'operation failed due to: DatabaseServicesNotFound: DatabaseServicesMySQL::_findTransactionImpl predicate=`id`=2000000000 no such transaction',
      ),
    );
    expect(await one(0, { database: 'nope' })).toEqual(
      refused("operation failed due to: CONFIG  _databaseInfo no such database 'nope'."),
    );
    expect(await one('x')).toEqual(refused('invalid parameters of the request, ex: stoul'));
    expect(await one(ids[0], { chunk: 'x' })).toEqual(refused('invalid parameters of the request, ex: stoi'));
  });
});

/** What `contrib` of the newest super-transaction is. */
async function contrib(query: Record<string, string | number>, path = `/ingest/trans/${ids[0]}`) {
  const { databases } = await get(path, { contrib: 1, ...query });
  const [transaction] =
    (databases as Record<string, { transactions: { contrib: { summary: object; files: { id: number }[] } }[] }>)[full]
      ?.transactions ?? [];
  return transaction?.contrib as { summary: Record<string, unknown>; files: { id: number }[] };
}

describe('contributions', () => {
  test('summed up', async () => {
    const nothing = { data_size_gb: 0, num_failed_retries: 0, num_warnings: 0, num_rows: 0, num_rows_loaded: 0 };
    const loaded = { data_size_gb: 1.5, num_failed_retries: 1, num_warnings: 1, num_rows: 1000, num_rows_loaded: 999 };
    const summary = {
      num_files_by_status: {
        ...{ CREATE_FAILED: 0, START_FAILED: 0, LOAD_FAILED: 0, CANCELLED: 0 },
        ...{ FINISHED: 1, READ_FAILED: 1, IN_PROGRESS: 1 },
      },
      num_workers: 2,
      num_regular_files: 0,
      num_chunk_files: 1,
      num_chunk_overlap_files: 0,
      ...loaded,
      first_contrib_begin: 1767225800000,
      last_contrib_end: 1767225801390,
      table: {
        Object: { ...loaded, num_files: 1, overlap: { ...nothing, num_files: 0 } },
        Filter: { ...nothing, num_files: 0 },
      },
      worker: {
        w1: { ...loaded, num_chunk_files: 1, num_chunk_overlap_files: 0, num_regular_files: 0 },
        w2: { ...nothing, num_chunk_files: 0, num_chunk_overlap_files: 0, num_regular_files: 0 },
      },
    };
    expect(await contrib({})).toEqual({ summary, files: [] });
    expect(await contrib({ database: full }, '/ingest/trans')).toEqual({ summary, files: [] });
    expect((await contrib({ contrib_status: 'FINISHED' })).summary).toMatchObject({
      num_workers: 1,
      num_chunk_files: 1,
    });
    expect((await contrib({ contrib_status: '!FINISHED' })).summary).toMatchObject({
      num_workers: 2,
      num_chunk_files: 0,
      num_failed_retries: 0,
      first_contrib_begin: 0,
      last_contrib_end: 0,
      num_files_by_status: { FINISHED: 0, READ_FAILED: 1, IN_PROGRESS: 1 },
    });
  });

  test('listed, and filtered', async () => {
    const files = async (query: Record<string, string | number>) =>
      (await contrib({ contrib_long: 1, ...query })).files.map(({ id }) => id);
    const [first, second, third] = contributions.map(({ id }) => id);
    expect(await files({})).toEqual([first, second, third]);
    expect(await files({ table: 'Filter' })).toEqual([third]);
    expect(await files({ worker: 'w2' })).toEqual([third]);
    expect(await files({ chunk: 7310 })).toEqual([second]);
    expect(await files({ chunk: -1 })).toEqual([first, second, third]);
    expect(await files({ min_retries: 1 })).toEqual([first]);
    expect(await files({ min_warnings: 1 })).toEqual([first]);
    expect(await files({ min_retries: 4294967295 })).toEqual([]);
    expect(await files({ max_entries: 2 })).toEqual([first, second]);
    expect(await files({ contrib_status: 'READ_FAILED,IN_PROGRESS' })).toEqual([second, third]);
    expect(await files({ contrib_status: '!IN_PROGRESS' })).toEqual([first, second]);
    expect((await contrib({ max_entries: 2 })).summary).toMatchObject({ num_workers: 1 });
  });

  test('with what is asked for; what may be a secret is masked', async () => {
    const whole = {
      id: contributions[0]?.id,
      transaction_id: ids[0],
      worker: 'w1',
      database: full,
      table: 'Object',
      chunk: 7480,
      overlap: 0,
      url: 'https://data.example.org/a.csv?…',
      charset_name: 'utf8mb4',
      async: 1,
      dialect_input: {
        fields_terminated_by: ',',
        fields_enclosed_by: '"',
        fields_escaped_by: '\\\\',
        lines_terminated_by: '\\n',
      },
      http_method: 'POST',
      http_data: '***',
      http_headers: ['X-Token: ***', 'Accept: ***'],
      max_retries: 0,
      num_failed_retries: 1,
      failed_retries: [
        {
          ...{ num_bytes: 1, num_rows: 2, start_time: 3, read_time: 4, tmp_file: 't' },
          ...{ http_error: 404, system_error: 11, error: 'e' },
        },
      ],
      num_bytes: 3 * 2 ** 29,
      num_rows: 1000,
      create_time: 1767225800000,
      start_time: 0,
      read_time: 0,
      load_time: 1767225801390,
      status: 'FINISHED',
      tmp_file: '',
      http_error: 0,
      system_error: 0,
      error: '',
      retry_allowed: 0,
      max_num_warnings: 64,
      num_warnings: 1,
      warnings: [{ level: 'Warning', code: 1366, message: 'm' }],
      num_rows_loaded: 999,
    };
    const bare = {
      charset_name: '',
      dialect_input: {
        fields_terminated_by: '\\t',
        fields_enclosed_by: '\\0',
        fields_escaped_by: '\\\\',
        lines_terminated_by: '\\n',
      },
      http_method: 'GET',
      http_data: '',
      http_headers: [],
      max_num_warnings: 0,
    };
    const everything = { include_extensions: 1, include_warnings: 1, include_retries: 1 };
    const path = `/ingest/trans/contrib/${whole.id}`;
    expect((await get(path, everything)).contribution).toEqual(whole);
    expect((await get(path)).contribution).toEqual({ ...whole, failed_retries: [], warnings: [] });
    expect((await get(path, { include_extensions: 0, include_retries: 1 })).contribution).toEqual({
      ...whole,
      ...bare,
      warnings: [],
    });
    const [listed] = (await contrib({ contrib_long: 1, ...everything })).files;
    expect(listed).toEqual(whole);
    const [plain] = (await contrib({ contrib_long: 1 })).files;
    expect(plain).toEqual({ ...whole, ...bare, failed_retries: [], warnings: [] });
  });

  test('too many for one reply are not even read', async () => {
    const filter = { transactionIds: [ids[0]] };
    const most = (n: number) => service.metadata.run((sql) => listContributions(sql, filter, undefined, n));
    expect(await most(2)).toBeUndefined();
    expect(await most(3)).toHaveLength(3);
  });

  test('GET /ingest/trans/contrib/:id of one that is not there', async () => {
    expect(await get('/ingest/trans/contrib/2000000000')).toEqual(
      refused(
        'operation failed due to: DatabaseServicesNotFound: DatabaseServicesMySQL::transactionContrib id=2000000000 no such contribution',
      ),
    );
  });
});
