import type { Contribution } from '../../core/contributions';
import type { IngestError } from '../../core/errors';
import type { Controller } from '../controller';

const failure = (code: IngestError['code'], message = '') =>
  expect.objectContaining({ code, message: expect.stringContaining(message) });

/** Records a contribution as a worker would have left it; what is not given has a default. */
export type PutContribution = (
  given: Partial<Omit<Contribution, 'id'>> & Pick<Contribution, 'transactionId' | 'database' | 'table' | 'worker'>,
) => Promise<Contribution>;

const WHOLE: Partial<Contribution> = {
  chunk: 7480,
  overlap: true,
  charset: 'utf8mb4',
  dialect: { fieldsTerminatedBy: ',', fieldsEnclosedBy: '"', fieldsEscapedBy: '\\\\', linesTerminatedBy: '\\n' },
  http: { method: 'POST', data: '', headers: [] },
  isAsync: true,
  maxRetries: 4,
  failedRetries: [
    { bytes: 1, rows: 2, startTime: 9, readTime: 4, tmpFile: 'a', httpError: 404, systemError: 11, error: 'first' },
    { bytes: 5, rows: 6, startTime: 7, readTime: 8, tmpFile: 'b', httpError: 0, systemError: 2, error: 'second' },
  ],
  bytes: 2 ** 40,
  rows: 1000,
  createTime: 1767225800000,
  startTime: 1767225800004,
  readTime: 1767225801200,
  loadTime: 1767225801390,
  status: 'FINISHED',
  tmpFile: '/t/x.csv',
  maxNumWarnings: 2,
  numWarnings: 3,
  warnings: [
    { level: 'Warning', code: 1366, message: 'one' },
    { level: 'Note', code: 1265, message: 'two' },
  ],
  rowsLoaded: 999,
};

/** What is known of contributions, as every backend shows it. `register` makes a catalog with Object, Source and Filter. */
export function contributionCases(
  controller: () => Controller,
  put: PutContribution,
  register: () => Promise<string>,
): void {
  const begin = async () => {
    const database = await register();
    const { id: transactionId } = await controller().beginTransaction(database, {});
    const workers = (await controller().locateRegular({ database })).map(({ worker }) => worker) as [string, string];
    return { database, transactionId, table: 'Object', worker: workers[0], other: workers[1] };
  };

  describe('contributions', () => {
    test('by id, whole or in part', async () => {
      const { other: _, ...place } = await begin();
      const whole = await put({ ...place, ...WHOLE });
      expect(await controller().contribution(whole.id)).toEqual(whole);
      const bare = {
        ...whole,
        charset: '',
        dialect: {
          fieldsTerminatedBy: '\\t',
          fieldsEnclosedBy: '\\0',
          fieldsEscapedBy: '\\\\',
          linesTerminatedBy: '\\n',
        },
        http: { method: 'GET', data: '', headers: [] },
        maxNumWarnings: 0,
        warnings: [],
        failedRetries: [],
      };
      const none = { extensions: false, warnings: false, retries: false };
      expect(await controller().contribution(whole.id, none)).toEqual(bare);
      const { warnings } = whole;
      expect(await controller().contribution(whole.id, { ...none, warnings: true })).toEqual({ ...bare, warnings });
      for (const id of [2_000_000_000, 4_294_967_295]) {
        await expect(controller().contribution(id)).rejects.toEqual(failure('UNKNOWN_CONTRIBUTION', String(id)));
      }
    });

    test('selected', async () => {
      const { other, ...place } = await begin();
      const first = await put({ ...place, chunk: 7480, status: 'READ_FAILED', failedRetries: WHOLE.failedRetries });
      const second = await put({ ...place, chunk: 7480, status: 'FINISHED', warnings: WHOLE.warnings });
      const third = await put({ ...place, worker: other, table: 'Filter', chunk: 4_294_967_295 });
      const { id: later } = await controller().beginTransaction(place.database, {});
      const fourth = await put({ ...place, transactionId: later, chunk: 7310, status: 'FINISHED' });
      const both = [place.transactionId, later];
      const ids = async (more: object) =>
        (await controller().contributions({ transactionIds: both, ...more })).map(({ id }) => id);
      const all = [first.id, second.id, third.id, fourth.id];
      expect(await ids({})).toEqual(all);
      expect(await ids({ transactionIds: [later] })).toEqual([fourth.id]);
      expect(await ids({ transactionIds: [2_000_000_000] })).toEqual([]);
      expect(await ids({ table: 'Filter' })).toEqual([third.id]);
      expect(await ids({ worker: other })).toEqual([third.id]);
      expect(await ids({ chunk: 7480 })).toEqual([first.id, second.id]);
      expect(await ids({ chunk: 7480, statuses: ['FINISHED', 'IN_PROGRESS'] })).toEqual([second.id]);
      expect(await ids({ minRetries: 2 })).toEqual([first.id]);
      expect(await ids({ minWarnings: 2 })).toEqual([second.id]);
      expect(await ids({ minRetries: 3_000_000_000 })).toEqual([]);
      expect(await ids({ maxEntries: 2 })).toEqual([first.id, second.id, fourth.id]);
      expect(await ids({ maxEntries: 1, statuses: ['FINISHED'] })).toEqual([second.id, fourth.id]);
      expect(await controller().contributions({ transactionIds: [later] })).toEqual([fourth]);
    });

    test('summed up: what was loaded of FINISHED ones, failed retries of all', async () => {
      const { other, ...place } = await begin();
      const loaded = { status: 'FINISHED', numWarnings: 1, numFailedRetries: 1 } as const;
      await put({
        ...place,
        ...loaded,
        chunk: 7480,
        bytes: 10,
        rows: 4,
        rowsLoaded: 3,
        createTime: 500,
        loadTime: 900,
      });
      await put({
        ...place,
        ...loaded,
        worker: other,
        chunk: 7310,
        bytes: 20,
        rows: 5,
        rowsLoaded: 5,
        createTime: 400,
        loadTime: 700,
      });
      await put({
        ...place,
        ...loaded,
        chunk: 7480,
        overlap: true,
        bytes: 1,
        rows: 1,
        rowsLoaded: 1,
        createTime: 600,
        loadTime: 800,
      });
      await put({
        ...place,
        ...loaded,
        table: 'Filter',
        bytes: 7,
        rows: 7,
        rowsLoaded: 7,
        createTime: 600,
        loadTime: 800,
      });
      await put({
        ...place,
        chunk: 7480,
        status: 'READ_FAILED',
        bytes: 99,
        rows: 99,
        numFailedRetries: 3,
        createTime: 1,
        loadTime: 9999,
      });
      await put({ ...place, table: 'Source', worker: other, chunk: 7480, overlap: true, createTime: 1 });
      const { id: empty } = await controller().beginTransaction(place.database, {});
      const transactionIds = [place.transactionId, empty];
      const summaries = await controller().contributionSummaries({ transactionIds });

      const none = { bytes: 0, rows: 0, rowsLoaded: 0, warnings: 0, failedRetries: 0 };
      const files = { regularFiles: 0, chunkFiles: 0, overlapFiles: 0 };
      expect([...summaries.keys()]).toEqual(transactionIds);
      const statuses = { CREATE_FAILED: 0, START_FAILED: 0, LOAD_FAILED: 0, CANCELLED: 0 };
      expect(summaries.get(place.transactionId)).toEqual({
        bytes: 38,
        rows: 17,
        rowsLoaded: 16,
        warnings: 4,
        failedRetries: 7,
        regularFiles: 1,
        chunkFiles: 2,
        overlapFiles: 1,
        filesByStatus: { ...statuses, FINISHED: 4, READ_FAILED: 1, IN_PROGRESS: 1 },
        firstCreateTime: 400,
        lastLoadTime: 900,
        tables: {
          Object: {
            ...{ bytes: 30, rows: 9, rowsLoaded: 8, warnings: 2, failedRetries: 5, files: 2 },
            overlap: { bytes: 1, rows: 1, rowsLoaded: 1, warnings: 1, failedRetries: 1, files: 1 },
          },
          Source: { ...none, files: 0, overlap: { ...none, files: 0 } },
          Filter: { bytes: 7, rows: 7, rowsLoaded: 7, warnings: 1, failedRetries: 1, files: 1 },
        },
        workers: {
          [place.worker]: {
            ...{ bytes: 18, rows: 12, rowsLoaded: 11, warnings: 3, failedRetries: 6 },
            ...{ regularFiles: 1, chunkFiles: 1, overlapFiles: 1 },
          },
          [other]: {
            ...{ bytes: 20, rows: 5, rowsLoaded: 5, warnings: 1, failedRetries: 1 },
            ...{ regularFiles: 0, chunkFiles: 1, overlapFiles: 0 },
          },
        },
      });
      expect(summaries.get(empty)).toEqual({
        ...none,
        ...files,
        filesByStatus: { ...statuses, FINISHED: 0, READ_FAILED: 0, IN_PROGRESS: 0 },
        firstCreateTime: 0,
        lastLoadTime: 0,
        tables: {},
        workers: {},
      });

      const some = await controller().contributionSummaries({
        transactionIds: [place.transactionId],
        maxEntries: 2,
        chunk: 7480,
      });
      expect(some.get(place.transactionId)).toMatchObject({
        bytes: 11,
        chunkFiles: 1,
        overlapFiles: 1,
        failedRetries: 2,
      });
    });
  });
}
