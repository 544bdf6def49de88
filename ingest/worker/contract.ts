import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { able } from '../../test/support/able';
import { row, values } from '../../test/support/object-rows';
import type { Contribution } from '../core/contributions';
import type { Dialect } from '../core/dialect';
import { DEFAULT_DIALECT } from '../core/dialect';
import type { TransactionState } from '../core/transactions';
import { contributionContract } from './contract/contributions';
import { queueContract } from './contract/queue';
import { refusalContract } from './contract/refusals';
import type { ContributionSource, IngestWorker, LoadRequest, LoadUnit, WorkerCapabilities } from './worker';

/**
 * A registered, unpublished database with the partitioned table `Object` (objectId BIGINT NOT NULL, ra DOUBLE NOT NULL, decl DOUBLE
 * NOT NULL, mag FLOAT, flag TINYINT NOT NULL, name VARCHAR(32) NOT NULL, subChunkId INT NOT NULL) and the regular table
 * `Filter` (filterId INT NOT NULL, name CHAR(8) NOT NULL), both latin1.
 */
export interface WorkerHarness {
  readonly worker: IngestWorker;
  readonly database: string;
  begin(): Promise<number>;
  setState(transactionId: number, state: TransactionState): Promise<void>;
  setPublished(what: 'database' | 'table', published: boolean): Promise<void>;
  allocate(chunk: number): Promise<void>;
  /** Writes a file; the URL is one that the worker may read. */
  writeSource(name: string, content: string | Buffer): Promise<string>;
  /** Writes a file; the URL is one by which contributions may refer to it. */
  writeFile(name: string, content: string | Buffer): Promise<string>;
  /** Lets no asynchronous contribution begin until the returned function is called. */
  holdQueue(): Promise<() => Promise<void>>;
  /** The contribution when it is not IN_PROGRESS any more. */
  ended(id: number): Promise<Contribution>;
  /** Values of a partition by column, ordered by the first; null when there is no such partition. */
  rows(unit: LoadUnit): Promise<unknown[][] | null>;
  /** Contributions of a super-transaction by id, columns as in docs/contract/storage.md §5, `warnings` beside them. */
  contributions(transactionId: number): Promise<Record<string, unknown>[]>;
  close(): Promise<void>;
}

/** The behaviours that every IngestWorker shows. */
export function workerContract(
  name: string,
  capabilities: WorkerCapabilities,
  open: () => Promise<WorkerHarness>,
): void {
  describe(`${name}: the worker's contract`, () => {
    const { atomicUnits } = capabilities;
    let h: WorkerHarness;
    let tx: number;
    let chunk = 100;

    beforeAll(async () => {
      h = await open();
    });
    afterAll(() => h.close());
    beforeEach(async () => {
      tx = await h.begin();
      chunk += 1;
      await h.allocate(chunk);
    });

    const unit = (more: Partial<LoadUnit> = {}): LoadUnit => ({
      transactionId: tx,
      database: h.database,
      table: 'Object',
      chunk,
      overlap: false,
      ...more,
    });
    const source = (url: string, more: Partial<ContributionSource> = {}): ContributionSource => ({
      url,
      dialect: DEFAULT_DIALECT,
      charset: '',
      ...more,
    });
    const request = (sources: ContributionSource[], more: Partial<LoadRequest> = {}): LoadRequest => ({
      unit: unit(),
      sources,
      quality: 'strict',
      maxNumWarnings: 0,
      ...more,
    });
    const regular = () => unit({ table: 'Filter', chunk: 0 });

    test('loads a file; result and records tell what was loaded', async () => {
      const text = row(1) + row(2);
      const url = await h.writeSource('a.csv', text);
      const result = await h.worker.load(request([source(url)]));
      const sha256 = capabilities.checksums ? createHash('sha256').update(text).digest('hex') : '';
      const counts = { url, status: 'FINISHED', bytes: text.length, rows: 2, rowsLoaded: 2, sha256, tries: 1 };
      expect(result).toMatchObject({ unit: unit(), rows: 2, bytes: text.length, alreadyLoaded: false });
      expect(result.contributions).toEqual([{ id: expect.any(Number), numWarnings: 0, warnings: [], ...counts }]);
      expect(await h.rows(unit())).toEqual([values(1), values(2)]);
      expect(await h.contributions(tx)).toMatchObject([
        {
          id: result.contributions[0]?.id,
          status: 'FINISHED',
          num_bytes: text.length,
          num_rows: 2,
          num_rows_loaded: 2,
          num_failed_retries: 0,
          retry_allowed: false,
          error: '',
        },
      ]);
    });

    test('the capabilities are those that the suite goes by', () => {
      expect(h.worker.capabilities).toEqual(capabilities);
    });

    test('several files make one unit: no final newline, nothing in one', async () => {
      const urls = [
        await h.writeSource('b1.csv', row(1) + row(2).trimEnd()),
        await h.writeSource('b2.csv', row(3)),
        await h.writeSource('b3.csv', ''),
      ];
      const result = await h.worker.load(request(urls.map((url) => source(url))));
      expect(result.contributions.map((c) => c.rowsLoaded)).toEqual([2, 1, 0]);
      expect(await h.rows(unit())).toEqual([values(1), values(2), values(3)]);
    });

    able(capabilities, 'compressedSources').test('gzip', async () => {
      const packed = gzipSync(row(3));
      const urls = [await h.writeSource('z1.csv', row(1)), await h.writeSource('z2.csv.gz', packed)];
      const result = await h.worker.load(request(urls.map((url) => source(url))));
      expect(result.contributions[1]).toMatchObject({
        sha256: createHash('sha256').update(packed).digest('hex'),
        bytes: row(3).length,
      });
      expect(await h.rows(unit())).toEqual([values(1), values(3)]);
    });

    test('a unit of an empty file is an empty partition', async () => {
      const url = await h.writeSource('empty.csv', '');
      await expect(h.worker.load(request([source(url)]))).resolves.toMatchObject({ rows: 0, alreadyLoaded: false });
      expect(await h.rows(unit())).toEqual([]);
      await expect(h.worker.load(request([source(url)]))).resolves.toMatchObject({ rows: 0, alreadyLoaded: true });
      expect(await h.worker.verify(tx)).toMatchObject([{ recordedRows: 0, actualRows: 0, agrees: true }]);
    });

    test('overlap and regular tables', async () => {
      const overlap = unit({ overlap: true });
      await h.worker.load(request([source(await h.writeSource('c1.csv', row(1)))]));
      await h.worker.load(request([source(await h.writeSource('c2.csv', row(2)))], { unit: overlap }));
      await h.worker.load(request([source(await h.writeSource('c3.csv', '0\tu\n1\tg\n'))], { unit: regular() }));
      expect(await h.rows(unit())).toEqual([values(1)]);
      expect(await h.rows(overlap)).toEqual([values(2)]);
      expect(await h.rows(regular())).toEqual([
        [0, 'u'],
        [1, 'g'],
      ]);
      expect((await h.worker.verify(tx)).every((check) => check.agrees)).toBe(true);
    });

    test.each<[string, Partial<Dialect>, string, string]>([
      ['commas', { fieldsTerminatedBy: ',' }, '1,1.5,-2.25,\\N,1,a\tb,3\n', 'a\tb'],
      [
        'double quotes',
        { fieldsTerminatedBy: ',', fieldsEnclosedBy: '"' },
        '"1","1.5","-2.25",\\N,"1","a,""b","3"\n',
        'a,"b',
      ],
      ['single quotes', { fieldsEnclosedBy: "'" }, "'1'\t1.5\t-2.25\t\\N\t1\t'a\tb'\t3\n", 'a\tb'],
      ['escapes', {}, '1\t1.5\t-2.25\t\\N\t1\ta\\tb\\\\\\\nc\t3\n', 'a\tb\\\nc'],
    ])('dialect: %s', async (_, dialect, text, name) => {
      const url = await h.writeSource('d.csv', text);
      const result = await h.worker.load(request([source(url, { dialect: { ...DEFAULT_DIALECT, ...dialect } })]));
      expect(result.rows).toBe(1);
      expect(await h.rows(unit())).toEqual([values(1, name)]);
    });

    test('character sets: latin1 unless the source names another', async () => {
      const inLatin1 = await h.writeSource('e1.csv', Buffer.from(row(1, 'Aé'), 'latin1'));
      const inUtf8 = await h.writeSource('e2.csv', Buffer.from(row(2, 'Bé'), 'utf8'));
      await h.worker.load(request([source(inLatin1), source(inUtf8, { charset: 'utf8mb4' })]));
      expect(await h.rows(unit())).toEqual([values(1, 'Aé'), values(2, 'Bé')]);
      const wrong = request([source(inUtf8, { charset: "x' y" })], { unit: unit({ overlap: true }) });
      await expect(h.worker.load(wrong)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    });

    test("a second equal call is answered by the first one's record", async () => {
      const what = request([source(await h.writeSource('f.csv', row(1)))]);
      const first = await h.worker.load(what);
      await expect(h.worker.load(what)).resolves.toEqual({ ...first, alreadyLoaded: true });
      expect(await h.rows(unit())).toEqual([values(1)]);
      expect(await h.contributions(tx)).toHaveLength(1);
    });

    test('other sources for a loaded unit are refused', async () => {
      await h.worker.load(request([source(await h.writeSource('g1.csv', row(1)))]));
      const other = request([source(await h.writeSource('g2.csv', row(2)))]);
      await expect(h.worker.load(other)).rejects.toMatchObject({ code: 'ILLEGAL_STATE' });
      expect(await h.rows(unit())).toEqual([values(1)]);
    });

    able(capabilities, 'atomicUnits').test(
      'strict: a warning fails the unit and leaves nothing; a mended file is loaded in the same super-transaction',
      async () => {
        const good = await h.writeSource('h1.csv', row(1));
        const bad = await h.writeSource('h2.csv', row(2).replace('1.5', 'x'));
        const failure = await h.worker.load(request([source(good), source(bad)])).catch((error) => error);
        expect(failure).toMatchObject({
          code: 'BAD_ROWS',
          message: expect.stringContaining(bad),
          details: { retryAllowed: true, numWarnings: 1, warnings: [{ level: 'Warning', code: expect.any(Number) }] },
        });
        expect((await h.rows(unit())) ?? []).toEqual([]);
        expect(await h.contributions(tx)).toMatchObject([
          { status: 'CANCELLED', retry_allowed: true },
          { status: 'LOAD_FAILED', retry_allowed: true, num_warnings: 1, error: expect.stringContaining('warning') },
        ]);
        expect((await h.contributions(tx))[1]?.warnings).toHaveLength(1);
        await h.writeSource('h2.csv', row(2));
        const result = await h.worker.load(request([source(good), source(bad)]));
        expect(result.contributions).toMatchObject([{ tries: 2 }, { tries: 2, status: 'FINISHED' }]);
        expect(await h.rows(unit())).toEqual([values(1), values(2)]);
        expect(await h.contributions(tx)).toMatchObject([
          { status: 'FINISHED', num_failed_retries: 1 },
          { status: 'FINISHED', num_failed_retries: 1, num_warnings: 0, error: '', warnings: [] },
        ]);
      },
    );

    test('lenient: warnings are counted, and kept up to the limit', async () => {
      const bad = Array.from({ length: 5 }, (_, i) => row(i).replace('1.5', 'x')).join('');
      const url = await h.writeSource('i.csv', bad);
      const result = await h.worker.load(request([source(url)], { quality: 'lenient', maxNumWarnings: 3 }));
      expect(result.contributions[0]).toMatchObject({ rows: 5, rowsLoaded: 5, numWarnings: 5 });
      expect(result.contributions[0]?.warnings).toHaveLength(3);
      expect(await h.contributions(tx)).toMatchObject([{ status: 'FINISHED', num_warnings: 5 }]);
      expect((await h.contributions(tx))[0]?.warnings).toHaveLength(3);
    });

    test('too few and too many columns are bad rows', async () => {
      for (const text of ['1\t2\n', `${row(1).trimEnd()}\tmore\n`]) {
        const url = await h.writeSource('j.csv', text);
        await expect(h.worker.load(request([source(url)]))).rejects.toMatchObject({ code: 'BAD_ROWS' });
      }
    });

    test('a source that is not there may come later', async () => {
      const url = (await h.writeSource('k.csv', row(1))).replace('k.csv', 'later.csv');
      await expect(h.worker.load(request([source(url)]))).rejects.toMatchObject({
        code: 'SOURCE_MISSING',
        details: { retryAllowed: true },
      });
      expect(await h.contributions(tx)).toMatchObject([
        { status: 'READ_FAILED', retry_allowed: true, error: expect.stringContaining('later.csv') },
      ]);
      await h.writeSource('later.csv', row(1));
      await expect(h.worker.load(request([source(url)]))).resolves.toMatchObject({ rows: 1 });
      expect(await h.contributions(tx)).toMatchObject([{ status: 'FINISHED', num_failed_retries: 1 }]);
    });

    test('a source that changed since the plan is refused with both fingerprints', async () => {
      const url = await h.writeSource('l.csv', row(1));
      await expect(h.worker.load(request([source(url, { expect: { bytes: 5 } })]))).rejects.toMatchObject({
        code: 'SOURCE_CHANGED',
        details: { expected: { bytes: 5 }, found: { bytes: row(1).length }, retryAllowed: atomicUnits },
      });
    });

    test('what is not there or not open is refused', async () => {
      const sources = [source(await h.writeSource('m.csv', row(1)))];
      const load = (more: Partial<LoadUnit>) => h.worker.load(request(sources, { unit: unit(more) }));
      const final = { retryAllowed: false };
      await expect(load({ database: 'nosuch' })).rejects.toMatchObject({ code: 'UNKNOWN_DATABASE', details: final });
      await expect(load({ table: 'nosuch' })).rejects.toMatchObject({ code: 'UNKNOWN_TABLE', details: final });
      await expect(load({ transactionId: 99_999_999 })).rejects.toMatchObject({ code: 'UNKNOWN_TRANSACTION' });
      await expect(load({ chunk: 99 })).rejects.toMatchObject({ code: 'CHUNK_NOT_ALLOCATED' });
      await h.setPublished('table', true);
      await expect(load({})).rejects.toMatchObject({ code: 'TABLE_PUBLISHED', details: final });
      await h.setPublished('table', false);
      await h.setPublished('database', true);
      await expect(load({})).rejects.toMatchObject({ code: 'DATABASE_PUBLISHED', details: final });
      await h.setPublished('database', false);
      for (const state of ['IS_STARTING', 'IS_FINISHING', 'FINISHED', 'ABORTED'] as const) {
        await h.setState(tx, state);
        await expect(load({})).rejects.toMatchObject({
          code: 'ILLEGAL_STATE',
          details: { state, retryAllowed: false },
        });
      }
      // Where they come one by one, those that are refused for what is published leave a record.
      const begun = (await h.contributions(tx)).filter(({ status }) => status !== 'CREATE_FAILED');
      expect(begun).toMatchObject([{ chunk: 99, status: 'START_FAILED' }]);
    });

    test('a cancelled load leaves nothing', async () => {
      const url = await h.writeSource('n.csv', row(1));
      const cancelled = h.worker.load(request([source(url)]), { signal: AbortSignal.abort() });
      await expect(cancelled).rejects.toMatchObject({ code: 'CANCELLED' });
      expect((await h.rows(unit())) ?? []).toEqual([]);
      await expect(h.worker.load(request([source(url)]))).resolves.toMatchObject({ rows: 1, alreadyLoaded: false });
    });

    test('super-transactions do not touch each other', async () => {
      const url = await h.writeSource('o.csv', row(1));
      const other = await h.begin();
      const [first, second] = [unit(), unit({ transactionId: other })];
      await Promise.all([first, second].map((u) => h.worker.load(request([source(url)], { unit: u }))));
      expect(await h.rows(first)).toEqual([values(1)]);
      if (atomicUnits) {
        await h.worker.discard(first);
        expect((await h.rows(first)) ?? []).toEqual([]);
      }
      expect(await h.rows(second)).toEqual([values(1)]);
      expect(await h.worker.verify(other)).toMatchObject([{ agrees: true }]);
    });

    test('units are loaded side by side', async () => {
      const loads = Array.from({ length: 12 }, async (_, i) => {
        await h.allocate(200 + i);
        const url = await h.writeSource(`p${i}.csv`, row(i));
        return h.worker.load(request([source(url)], { unit: unit({ chunk: 200 + i }) }));
      });
      expect((await Promise.all(loads)).map((result) => result.rows)).toEqual(loads.map(() => 1));
      expect(await h.worker.verify(tx)).toHaveLength(12);
    });

    able(capabilities, 'atomicUnits').test(
      'discard empties a unit, and it can be loaded again, also from other sources',
      async () => {
        const what = request([source(await h.writeSource('q1.csv', row(1)))]);
        await h.worker.load(what);
        await h.worker.discard(unit());
        await h.worker.discard(unit());
        expect((await h.rows(unit())) ?? []).toEqual([]);
        expect(await h.worker.verify(tx)).toEqual([]);
        await expect(h.worker.load(what)).resolves.toMatchObject({ rows: 1, alreadyLoaded: false });
        await h.worker.discard(unit());
        const other = request([source(await h.writeSource('q2.csv', row(2)))]);
        await expect(h.worker.load(other)).resolves.toMatchObject({ rows: 1, alreadyLoaded: false });
        expect(await h.rows(unit())).toEqual([values(2)]);
      },
    );

    test('what was never loaded is discarded', async () => {
      await h.worker.discard(unit());
      const url = (await h.writeSource('s.csv', '')).replace('s.csv', 'nosuch.csv');
      await expect(h.worker.load(request([source(url)]))).rejects.toMatchObject({ code: 'SOURCE_MISSING' });
      await h.worker.discard(unit());
      expect(await h.worker.verify(tx)).toEqual([]);
    });

    test('what is committed cannot be discarded', async () => {
      await h.worker.load(request([source(await h.writeSource('r.csv', row(1)))]));
      await h.setState(tx, 'FINISHED');
      await expect(h.worker.discard(unit())).rejects.toMatchObject({ code: 'ILLEGAL_STATE' });
      expect(await h.rows(unit())).toEqual([values(1)]);
    });

    contributionContract(capabilities, () => h);
    refusalContract(capabilities, () => h);
    queueContract(() => h);
  });
}
