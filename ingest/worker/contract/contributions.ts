import { Readable } from 'node:stream';
import { able } from '../../../test/support/able';
import { row, values } from '../../../test/support/object-rows';
import type { DialectInput } from '../../core/contributions';
import { DEFAULT_DIALECT } from '../../core/dialect';
import type { WorkerHarness } from '../contract';
import type { WorkerCapabilities } from '../worker';
import { Contributor, DEFAULTS } from './contributor';

const COLUMNS = ['objectId', 'ra', 'decl', 'mag', 'flag', 'name', 'subChunkId'];

/** The behaviours of `ContributionOperations`: contributions one by one, docs/contract/worker.md. */
export function contributionContract(capabilities: WorkerCapabilities, harness: () => WorkerHarness): void {
  const { atomicUnits, opensContributions } = capabilities;
  describe('contributions one by one', () => {
    const contributor = new Contributor(harness);
    const { place, reference, byValue, send, submit, missing } = contributor;
    let h: WorkerHarness;
    let tx: number;

    beforeAll(() => {
      h = harness();
    });
    beforeEach(async () => {
      tx = await contributor.renew();
    });

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
        chunk: place().chunk,
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
      await submit(row(1));
      await submit(row(2).trimEnd());
      expect(await send(row(3) + row(4))).toMatchObject({ status: 'FINISHED', rows: 2, rowsLoaded: 2 });
      expect(await send('')).toMatchObject({ status: 'FINISHED', rows: 0, rowsLoaded: 0 });
      await submit(row(5), { overlap: true });
      expect(await h.rows(place())).toEqual([values(1), values(2), values(3), values(4)]);
      expect(await h.rows(place({ overlap: true }))).toEqual([values(5)]);
    });

    test('a regular table takes any chunk number, recorded as it is', async () => {
      const more = { table: 'Filter', overlap: true };
      expect(await submit('0\tu\n', { ...more, chunk: 4_294_967_295 })).toMatchObject({
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

    test('by value: the columns are told', async () => {
      const { columns } = await h.worker.receive(byValue());
      expect(columns.map(({ name }) => name)).toEqual(COLUMNS);
      expect(columns[3]).toMatchObject({ type: 'FLOAT' });
    });

    able(capabilities, 'opensContributions').test(
      'by value: recorded when it is opened, and the rows so far',
      async () => {
        const open = await h.worker.receive(byValue({ channel: 'json', url: 'data-json://127.0.0.1/' }));
        expect(await h.worker.contribution(open.id)).toMatchObject({ status: 'IN_PROGRESS', readTime: 0, loadTime: 0 });
        const done = await open.load(Readable.from([Buffer.from(row(1))]));
        expect(open.rows()).toBe(1);
        expect(done).toMatchObject({ id: open.id, status: 'FINISHED', url: 'data-json://127.0.0.1/' });
      },
    );

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
      const bad = Array.from({ length: 5 }, (_, i) => row(i).replace(/^\d+/, 'x')).join('');
      const done = await send(bad, { maxNumWarnings: 3 });
      expect(done).toMatchObject({ status: 'FINISHED', rows: 5, rowsLoaded: 5, numWarnings: 5, maxNumWarnings: 3 });
      expect(done.warnings).toHaveLength(3);
      expect(done.warnings[0]).toMatchObject({
        level: 'Warning',
        code: 1366,
        message: expect.stringContaining(`\`${h.database}\`.\`Object_${place().chunk}\`.\`objectId\` at row 1`),
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
      const { url, appear } = await missing();
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
      await appear(row(1));
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
      const { url } = await missing();
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
      expect(failed).toMatchObject({ status: 'READ_FAILED', retryAllowed: true, rowsLoaded: 0, loadTime: 0 });
      if (opensContributions) expect(failed).toMatchObject({ rows: 1, error: expect.stringContaining('gone') });
      await expect(h.worker.retry(failed.id, { isAsync: false })).rejects.toMatchObject({ code: 'ILLEGAL_STATE' });
      expect((await h.rows(place())) ?? []).toEqual([]);
      expect(await send(row(2))).toMatchObject({ status: 'FINISHED' });
      expect(await h.rows(place())).toEqual([values(2)]);
    });

    test('a row above 16 MiB cannot be read', async () => {
      const failed = await send(Readable.from([Buffer.alloc(9 << 20, 'x'), Buffer.alloc(9 << 20, 'x')]));
      expect(failed).toMatchObject({ status: 'READ_FAILED', retryAllowed: true });
      expect(failed.error).toBe('Csv::Parser: input line 1 exceeds the limit of 16777216 bytes.');
    });

    test('a partition is filled by load units or by contributions, never by both', async () => {
      const url = await h.writeSource('unit.csv', row(1));
      const source = { url, dialect: DEFAULT_DIALECT, charset: '' };
      const request = { unit: place(), sources: [source], quality: 'strict' as const, maxNumWarnings: 0 };
      await send(row(2));
      if (atomicUnits) {
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
