import { able } from '../../../test/support/able';
import { row } from '../../../test/support/object-rows';
import { DEFAULT_DIALECT } from '../../core/dialect';
import type { WorkerHarness } from '../contract';
import type { ReferenceRequest } from '../contributions';
import type { WorkerCapabilities } from '../worker';
import { Contributor, DEFAULTS } from './contributor';

/** As a handshake of the binary protocol says it. */
const BINARY = { channel: 'binary', url: 'file://h1/d/chunk_1.txt', dialect: DEFAULT_DIALECT } as const;

/** What a worker does not take, in Qserv's words, docs/contract/worker.md §1 and §6. */
export function refusalContract(capabilities: WorkerCapabilities, harness: () => WorkerHarness): void {
  const { opensContributions } = capabilities;
  describe('contributions that are refused', () => {
    const contributor = new Contributor(harness);
    const { place, reference, byValue, submit, open } = contributor;
    let h: WorkerHarness;
    let tx: number;

    beforeAll(() => {
      h = harness();
    });
    beforeEach(async () => {
      tx = await contributor.renew();
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
      // A face may put words of its own before it.
      expect(error).toMatchObject({ code, message: opensContributions ? message : expect.stringContaining(message) });
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
      for (const more of [{ channel: 'json' }, { channel: 'csv' }, BINARY] as const) {
        await refused(open(more), 'TABLE_PUBLISHED', ofTable, started);
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
        open(),
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
      await refused(open(), 'ILLEGAL_STATE', text, created);
      const binary = `INGEST-SVC-CONN  _handshakeReceived ${text}`;
      if (opensContributions) await refused(open(BINARY), 'ILLEGAL_STATE', binary, created);
    });

    able(capabilities, 'opensContributions').test(
      'by the binary protocol only files come, with nothing left out of their dialect',
      async () => {
        const created = { status: 'CREATE_FAILED', retryAllowed: false };
        const url = 'http://h1/a.csv';
        const ofUrl = `INGEST-SVC-CONN  _handshakeReceived unsupported url '${url}'`;
        await refused(open({ ...BINARY, url }), 'INVALID_INPUT', ofUrl, created);
        const ofDialect = "Csv::Parser: a value of the parameter 'fieldsTerminatedBy' is empty.";
        const dialect = DEFAULTS;
        await refused(open({ ...BINARY, dialect }), 'INVALID_INPUT', ofDialect, created);
      },
    );

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
      expect(await submit(row(1), { chunk: 99 })).toMatchObject({ ...record, error: text });
      await refused(open({ chunk: 99 }), 'CHUNK_NOT_ALLOCATED', text, record);
    });
  });
}
