import { Readable } from 'node:stream';
import type { DialectInput } from '../../core/contributions';
import { DEFAULT_DIALECT } from '../../core/dialect';
import type { WorkerHarness } from '../contract';
import type { ReferenceRequest, ValueRequest } from '../contributions';
import type { LoadUnit } from '../worker';

const DEFAULTS: DialectInput = {
  fieldsTerminatedBy: '',
  fieldsEnclosedBy: '',
  fieldsEscapedBy: '',
  linesTerminatedBy: '',
};

const row = (id: number, name = `o${id}`) => `${id}\t1.5\t-2.25\t\\N\t1\t${name}\t3\n`;
const values = (id: number, name = `o${id}`) => [id, 1.5, -2.25, null, 1, name, 3];

/** The behaviours of `ContributionOperations`: contributions one by one, docs/contract/worker.md. */
export function contributionContract(harness: () => WorkerHarness): void {
  describe('contributions one by one', () => {
    let h: WorkerHarness;
    let tx: number;
    let chunk = 5000;

    beforeAll(() => {
      h = harness();
    });
    beforeEach(async () => {
      tx = await h.begin();
      chunk += 1;
      await h.allocate(chunk);
    });

    const place = (more: Partial<LoadUnit> = {}): LoadUnit => ({
      transactionId: tx,
      database: h.database,
      table: 'Object',
      chunk,
      overlap: false,
      ...more,
    });
    const target = () => ({
      transactionId: tx,
      table: 'Object',
      chunk,
      overlap: false,
      charset: '',
      dialect: DEFAULTS,
      maxNumWarnings: 0,
    });
    const reference = (url: string, more: Partial<ReferenceRequest> = {}): ReferenceRequest => ({
      ...target(),
      url,
      http: { method: 'GET', data: '', headers: [] },
      maxRetries: 0,
      isAsync: false,
      ...more,
    });
    const byValue = (more: Partial<ValueRequest> = {}): ValueRequest => ({
      ...target(),
      channel: 'csv',
      url: 'data-csv://127.0.0.1/a.csv',
      ...more,
    });
    const send = async (csv: string | Readable, more: Partial<ValueRequest> = {}) => {
      const open = await h.worker.receive(byValue(more));
      return open.load(typeof csv === 'string' ? Readable.from([Buffer.from(csv)]) : csv);
    };
    const submit = async (name: string, csv: string, more: Partial<ReferenceRequest> = {}) =>
      h.worker.submit(reference(await h.writeFile(name, csv), more));

    test('by reference: the descriptor tells everything', async () => {
      const text = row(1) + row(2);
      const url = await h.writeFile('r1.csv', text);
      const done = await h.worker.submit(reference(url, { maxRetries: 3 }));
      expect(done).toEqual({
        id: expect.any(Number),
        transactionId: tx,
        worker: h.worker.name,
        database: h.database,
        table: 'Object',
        chunk,
        overlap: false,
        url,
        http: { method: 'GET', data: '', headers: [] },
        charset: 'latin1',
        dialect: {
          fieldsTerminatedBy: '\\t',
          fieldsEnclosedBy: '\\0',
          fieldsEscapedBy: '\\\\',
          linesTerminatedBy: '\\n',
        },
        isAsync: false,
        maxRetries: 3,
        numFailedRetries: 0,
        failedRetries: [],
        bytes: text.length,
        rows: 2,
        createTime: expect.any(Number),
        startTime: expect.any(Number),
        readTime: expect.any(Number),
        loadTime: expect.any(Number),
        status: 'FINISHED',
        tmpFile: expect.any(String),
        httpError: 0,
        systemError: 0,
        error: '',
        retryAllowed: false,
        maxNumWarnings: 64,
        numWarnings: 0,
        warnings: [],
        rowsLoaded: 2,
      });
      const { createTime, startTime, readTime, loadTime } = done;
      expect(createTime).toBeGreaterThan(1.6e12);
      expect([createTime, startTime, readTime, loadTime]).toEqual(
        [createTime, startTime, readTime, loadTime].toSorted((a, b) => a - b),
      );
      expect(await h.worker.contribution(done.id)).toEqual(done);
      expect(await h.rows(place())).toEqual([values(1), values(2)]);
    });

    test('several go into one partition, by reference and by value', async () => {
      await submit('s1.csv', row(1));
      await submit('s2.csv', row(2).trimEnd());
      expect(await send(row(3) + row(4))).toMatchObject({ status: 'FINISHED', rows: 2, rowsLoaded: 2 });
      expect(await send('')).toMatchObject({ status: 'FINISHED', rows: 0, rowsLoaded: 0 });
      await submit('s5.csv', row(5), { overlap: true });
      expect(await h.rows(place())).toEqual([values(1), values(2), values(3), values(4)]);
      expect(await h.rows(place({ overlap: true }))).toEqual([values(5)]);
    });

    test('a regular table takes any chunk number, recorded as it is', async () => {
      const more = { table: 'Filter', overlap: true };
      expect(await submit('f1.csv', '0\tu\n', { ...more, chunk: 4_294_967_295 })).toMatchObject({
        status: 'FINISHED',
        chunk: 4_294_967_295,
        overlap: true,
      });
      await send('1\tg\n', { ...more, chunk: 7 });
      expect(await h.rows(place({ table: 'Filter', chunk: 0 }))).toEqual([
        [0, 'u'],
        [1, 'g'],
      ]);
    });

    test('by value: the columns are told, and the rows so far', async () => {
      const open = await h.worker.receive(byValue({ channel: 'json', url: 'data-json://127.0.0.1/' }));
      expect(open.columns).toMatchObject([
        { name: 'objectId', type: 'BIGINT NOT NULL' },
        { name: 'ra' },
        { name: 'decl' },
        { name: 'mag', type: 'FLOAT' },
        { name: 'flag' },
        { name: 'name' },
        { name: 'subChunkId' },
      ]);
      expect(await h.worker.contribution(open.id)).toMatchObject({ status: 'IN_PROGRESS', readTime: 0, loadTime: 0 });
      const done = await open.load(Readable.from([Buffer.from(row(1))]));
      expect(open.rows()).toBe(1);
      expect(done).toMatchObject({ id: open.id, status: 'FINISHED', url: 'data-json://127.0.0.1/' });
    });

    test.each<[string, Partial<DialectInput>, string, string]>([
      ['commas', { fieldsTerminatedBy: ',' }, '1,1.5,-2.25,\\N,1,a\tb,3\n', 'a\tb'],
      ['quotes', { fieldsTerminatedBy: ',', fieldsEnclosedBy: '"' }, '"1","1.5","-2.25",\\N,"1","a,""b","3"\n', 'a,"b'],
    ])('dialect: %s', async (_, dialect, text, name) => {
      const done = await send(text, { dialect: { ...DEFAULTS, ...dialect } });
      expect(done).toMatchObject({ status: 'FINISHED', dialect });
      expect(await h.rows(place())).toEqual([values(1, name)]);
    });

    test('the character set of the request holds from the first attempt on', async () => {
      expect(await send(row(1, 'é'), { charset: 'utf8mb4' })).toMatchObject({ charset: 'utf8mb4' });
      expect(await h.rows(place())).toEqual([values(1, 'é')]);
    });

    test('warnings are counted, kept up to the limit, and do not fail the load', async () => {
      const bad = Array.from({ length: 5 }, (_, i) => row(i).replace('1.5', 'x')).join('');
      const done = await send(bad, { maxNumWarnings: 3 });
      expect(done).toMatchObject({ status: 'FINISHED', rows: 5, rowsLoaded: 5, numWarnings: 5, maxNumWarnings: 3 });
      expect(done.warnings).toHaveLength(3);
      expect(done.warnings[0]).toMatchObject({
        level: 'Warning',
        code: expect.any(Number),
        message: expect.any(String),
      });
    });

    test('rows that MySQL counts otherwise are taken as it makes them', async () => {
      const quoted = '"1"\t"1.5"\t"-2.25"\t\\N\t"1"\t"a\nb"\t"3"\n';
      expect(await send(quoted, { dialect: { ...DEFAULTS, fieldsEnclosedBy: '"' } })).toMatchObject({
        status: 'FINISHED',
        rows: 2,
        rowsLoaded: 1,
      });
      expect(await h.rows(place())).toEqual([values(1, 'a\nb')]);
    });

    test('what cannot be read fails with every attempt listed, and may be retried', async () => {
      const url = (await h.writeFile('there.csv', row(1))).replace('there.csv', 'comes-later.csv');
      const failed = await h.worker.submit(reference(url, { maxRetries: 2 }));
      expect(failed).toMatchObject({ status: 'READ_FAILED', retryAllowed: true, numFailedRetries: 2, maxRetries: 2 });
      expect(failed).toMatchObject({
        systemError: 2,
        error: expect.stringContaining('failed to open the file'),
        loadTime: 0,
      });
      expect(failed.readTime).toBeGreaterThan(0);
      expect(failed.failedRetries).toHaveLength(2);
      expect(failed.failedRetries[0]).toMatchObject({ systemError: 2, error: failed.error, bytes: 0, rows: 0 });
      expect((await h.rows(place())) ?? []).toEqual([]);

      await expect(h.worker.retry(failed.id, { isAsync: false })).resolves.toMatchObject({
        status: 'READ_FAILED',
        numFailedRetries: 3,
      });
      await h.writeFile('comes-later.csv', row(1));
      const done = await h.worker.retry(failed.id, { isAsync: false });
      expect(done).toMatchObject({ id: failed.id, status: 'FINISHED', numFailedRetries: 4, error: '', systemError: 0 });
      expect(done.failedRetries.map((retry) => retry.error)).toEqual(Array(4).fill(failed.error));
      expect(await h.rows(place())).toEqual([values(1)]);
      await expect(h.worker.retry(failed.id, { isAsync: false })).rejects.toMatchObject({
        code: 'ILLEGAL_STATE',
        message: `contribution id=${failed.id} is not in state READ_FAILED, the actual state is FINISHED.`,
        details: { status: 'FINISHED' },
      });
      await expect(h.worker.retry(99_999_999, { isAsync: true })).rejects.toMatchObject({
        code: 'UNKNOWN_CONTRIBUTION',
      });
    });

    test('retries are as many as the worker lets, and as its default says', async () => {
      const url = (await h.writeFile('there.csv', row(1))).replace('there.csv', 'never-there.csv');
      expect(await h.worker.submit(reference(url, { maxRetries: 1000 }))).toMatchObject({
        maxRetries: 10,
        numFailedRetries: 10,
      });
      expect(await h.worker.submit(reference(url, { maxRetries: undefined }))).toMatchObject({
        maxRetries: 1,
        numFailedRetries: 1,
      });
    });

    test('input that breaks off leaves nothing', async () => {
      const broken = Readable.from(
        (async function* () {
          yield Buffer.from(row(1));
          throw new Error('gone');
        })(),
      );
      const failed = await send(broken);
      expect(failed).toMatchObject({ status: 'READ_FAILED', retryAllowed: true, rows: 1, rowsLoaded: 0, loadTime: 0 });
      expect(failed.error).toMatch(/gone/);
      await expect(h.worker.retry(failed.id, { isAsync: false })).rejects.toMatchObject({ code: 'ILLEGAL_STATE' });
      expect((await h.rows(place())) ?? []).toEqual([]);
      expect(await send(row(2))).toMatchObject({ status: 'FINISHED' });
      expect(await h.rows(place())).toEqual([values(2)]);
    });

    test('a row above 16 MiB cannot be read', async () => {
      const failed = await send(Readable.from([Buffer.alloc(9 << 20, 'x'), Buffer.alloc(9 << 20, 'x')]));
      expect(failed).toMatchObject({ status: 'READ_FAILED', retryAllowed: true });
      expect(failed.error).toContain('exceeds the limit of 16777216 bytes');
    });

    test('nothing is recorded of what is unknown', async () => {
      const url = await h.writeFile('u.csv', row(1));
      const unknown = { transactionId: 99_999_999 };
      await expect(h.worker.submit(reference(url, unknown))).rejects.toMatchObject({ code: 'UNKNOWN_TRANSACTION' });
      await expect(h.worker.receive(byValue(unknown))).rejects.toMatchObject({ code: 'UNKNOWN_TRANSACTION' });
      const table = { table: 'nosuch' };
      await expect(h.worker.submit(reference(url, table))).rejects.toMatchObject({
        code: 'UNKNOWN_TABLE',
        details: { database: h.database, table: 'nosuch' },
      });
      await expect(h.worker.receive(byValue(table))).rejects.toMatchObject({ code: 'UNKNOWN_TABLE' });
      await expect(h.worker.contribution(99_999_999)).rejects.toMatchObject({ code: 'UNKNOWN_CONTRIBUTION' });
      await expect(h.worker.cancel(99_999_999)).rejects.toMatchObject({ code: 'UNKNOWN_CONTRIBUTION' });
      expect(await h.worker.asyncContributions(99_999_999)).toEqual([]);
      expect(await h.worker.cancelAsync(99_999_999)).toEqual([]);
      expect(await h.contributions(tx)).toEqual([]);
    });

    /** Refused with this text, and recorded so. */
    const refused = async (
      work: Promise<unknown>,
      code: string,
      message: string,
      record: { status: string; retryAllowed: boolean },
    ) => {
      const error = await work.then(
        () => undefined,
        (failure) => failure,
      );
      expect(error).toMatchObject({ code, message });
      const recorded = await h.worker.contribution(error.details.contribution);
      expect(recorded).toMatchObject({ ...record, error: message, rowsLoaded: 0, readTime: 0, loadTime: 0 });
      expect(recorded.startTime > 0).toBe(record.status === 'START_FAILED');
    };

    test('what is published takes nothing, on any channel', async () => {
      const url = await h.writeFile('p.csv', row(1));
      const created = { status: 'CREATE_FAILED', retryAllowed: false };
      const started = { status: 'START_FAILED', retryAllowed: false };
      const { database } = h;
      await h.setPublished('table', true);
      const ofTable = `table 'Object' of database '${database}' is already published.`;
      await refused(h.worker.submit(reference(url)), 'TABLE_PUBLISHED', ofTable, created);
      await refused(h.worker.submit(reference(url, { isAsync: true })), 'TABLE_PUBLISHED', ofTable, created);
      for (const channel of ['json', 'csv', 'binary'] as const) {
        await refused(h.worker.receive(byValue({ channel })), 'TABLE_PUBLISHED', ofTable, started);
      }
      await h.setPublished('table', false);
      await h.setPublished('database', true);
      await refused(
        h.worker.submit(reference(url)),
        'DATABASE_PUBLISHED',
        `database '${database}' is already published.`,
        created,
      );
      await refused(
        h.worker.receive(byValue()),
        'DATABASE_PUBLISHED',
        `INGEST-FILE-SVC openFile database '${database}' is already PUBLISHED`,
        started,
      );
      await h.setPublished('database', false);
      expect((await h.rows(place())) ?? []).toEqual([]);
    });

    test('a super-transaction that is not STARTED takes nothing', async () => {
      const url = await h.writeFile('q.csv', row(1));
      await h.setState(tx, 'FINISHED');
      const created = { status: 'CREATE_FAILED', retryAllowed: false };
      const text = `transactionId=${tx} is not active`;
      await refused(h.worker.submit(reference(url)), 'ILLEGAL_STATE', text, created);
      await refused(h.worker.receive(byValue()), 'ILLEGAL_STATE', text, created);
    });

    test.each<[string, Partial<ReferenceRequest>, string, string]>([
      ['url', { url: 'x' }, 'url', "Url::_translate: invalid url 'x'"],
      [
        'kind of url',
        { url: 'data-json://h/' },
        'url',
        "INGEST-REQUEST  IngestRequest unsupported url 'data-json://h/'",
      ],
      [
        'dialect',
        { dialect: { ...DEFAULTS, fieldsTerminatedBy: ';' } },
        'fieldsTerminatedBy',
        "Csv::Parser: the value ';' of the parameter 'fieldsTerminatedBy' is not allowed for the given parameter.",
      ],
      ['character set', { charset: 'utf16' }, 'charset', "Unknown character set: 'utf16'"],
    ])('a bad %s is recorded and refused', async (_, more, field, text) => {
      const request = reference(await h.writeFile('t.csv', row(1)), more);
      await refused(h.worker.submit(request), 'INVALID_INPUT', text, { status: 'CREATE_FAILED', retryAllowed: false });
      await expect(h.worker.submit(request)).rejects.toMatchObject({ details: { field } });
    });

    test('a chunk that is not allocated here takes nothing yet', async () => {
      const text = `INGEST-FILE-SVC openFile chunk 99 of the UNPUBLISHED database '${h.database}' is not allocated to worker '${h.worker.name}'`;
      const record = { status: 'START_FAILED', retryAllowed: true };
      expect(await submit('v.csv', row(1), { chunk: 99 })).toMatchObject({ ...record, error: text });
      await refused(h.worker.receive(byValue({ chunk: 99 })), 'CHUNK_NOT_ALLOCATED', text, record);
    });

    test('a partition is filled by load units or by contributions, never by both', async () => {
      const url = await h.writeSource('unit.csv', row(1));
      const source = { url, dialect: DEFAULT_DIALECT, charset: '' };
      const request = { unit: place(), sources: [source], quality: 'strict' as const, maxNumWarnings: 0 };
      await send(row(2));
      if (h.worker.capabilities.atomicUnits) {
        await expect(h.worker.load(request)).rejects.toMatchObject({ code: 'ILLEGAL_STATE' });
        await expect(h.worker.discard(place())).rejects.toMatchObject({ code: 'ILLEGAL_STATE' });
        await h.worker.load({ ...request, unit: place({ overlap: true }) });
        await expect(h.worker.receive(byValue({ overlap: true }))).rejects.toMatchObject({
          code: 'ILLEGAL_STATE',
          message: expect.stringContaining('a campaign loads this part'),
        });
        expect(await h.worker.verify(tx)).toMatchObject([{ unit: { overlap: true }, agrees: true }]);
      }
      expect(await h.rows(place())).toEqual([values(2)]);
    });
  });
}
