import { mkdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { KEYS } from '../../../test/support/controller-service';
import { DataHttpServer } from '../../../test/support/data-server';
import { plainSource } from '../../../test/support/load-catalog';
import { row } from '../../../test/support/object-rows';
import { RemoteStack } from '../../../test/support/remote-stack';
import { privateDir } from '../../../test/support/servers';
import { IngestError } from '../../core/errors';
import type { ContributionSource, LoadRequest } from '../worker';
import { RemoteIngestWorker } from './index';

/** A worker behind proxies that cut connections. */
let stack: RemoteStack;
let worker: RemoteIngestWorker;
let queue: { close(): Promise<void> };
let folder: string;
let data: DataHttpServer;
let tx: number;
let chunk = 100;

beforeAll(async () => {
  folder = privateDir('sources');
  mkdirSync(folder);
  data = await new DataHttpServer().start();
  stack = await RemoteStack.start({ test: folder });
  queue = stack.native.runQueue({ threads: 2 });
  worker = connect();
});
afterAll(async () => {
  await worker.close();
  await queue.close();
  await stack.close();
  await data.stop();
});
beforeEach(async () => {
  tx = await stack.catalog.begin();
  chunk += 1;
  await stack.catalog.allocate(chunk);
});

const secrets: Record<string, string> = { TOKEN: 's3cr3t-token' };
const connect = (more: { stateMs?: number } = {}) =>
  new RemoteIngestWorker({
    ...more,
    name: 'w1',
    controller: stack.controller,
    authKey: KEYS.auth,
    roots: { test: folder },
    resolveSecret: (name) => secrets[name],
  });
const unit = () => stack.catalog.unit(tx, chunk);
const request = (sources: ContributionSource[], quality: LoadRequest['quality'] = 'strict'): LoadRequest => ({
  unit: unit(),
  sources,
  quality,
  maxNumWarnings: 0,
});
const write = async (name: string, content: string | Buffer) => {
  await writeFile(path.join(folder, name), content);
  return `root://test/${name}`;
};
const ids = async () => (await stack.catalog.rows(unit()))?.map(([id]) => id);
const records = () => stack.catalog.contributions(tx);
const posts = () => stack.workerProxy.count(/^POST \/ingest\/file-async/);

describe('a reply that is lost', () => {
  test.each(['reply', 'waiting', 'request'] as const)('of a submission (%s): nothing is loaded twice', async (how) => {
    const what = request([plainSource(await write('a.csv', row(1))), plainSource(await write('b.csv', row(2)))]);
    stack.workerProxy.cut(/^POST \/ingest\/file-async/, how);
    let result = await worker.load(what).catch((error) => error);
    if (result instanceof IngestError) {
      expect(result).toMatchObject({ code: 'UNAVAILABLE', details: { outcome: 'unknown', retryAllowed: true } });
      result = await worker.load(what);
    }
    expect(result).toMatchObject({ rows: 2 });
    expect(await ids()).toEqual([1, 2]);
    expect(await records()).toHaveLength(2);
    expect(await worker.verify(tx)).toMatchObject([{ recordedRows: 2, actualRows: 2, agrees: true }]);
  });

  test('of a look at it: the next attempt waits for what is at work', async () => {
    const what = request([plainSource(await write('c.csv', row(1)))]);
    const before = posts();
    stack.workerProxy.cut(/^GET \/ingest\/file-async/, 'request');
    const first = await worker.load(what).catch((error) => error);
    if (first instanceof IngestError) expect(first).toMatchObject({ code: 'UNAVAILABLE' });
    await worker.load(what).catch(() => worker.load(what));
    expect(await ids()).toEqual([1]);
    expect(posts() - before).toBe(1);
    expect(await records()).toMatchObject([{ status: 'FINISHED' }]);
  });

  test('of a retry: the one that runs is found', async () => {
    const url = (await write('there.csv', row(1))).replace('there', 'later');
    const what = request([plainSource(url)]);
    await expect(worker.load(what)).rejects.toMatchObject({ code: 'SOURCE_MISSING', details: { retryAllowed: true } });
    await write('later.csv', row(1));
    stack.workerProxy.cut(/^PUT \/ingest\/file-async/, 'reply');
    expect(await worker.load(what)).toMatchObject({ rows: 1, contributions: [{ tries: 2 }] });
    expect(await records()).toMatchObject([{ status: 'FINISHED', num_failed_retries: 1 }]);
  });
});

describe('what Qserv takes and we do not', () => {
  const final = { retryAllowed: false };

  test('warnings cost the super-transaction, again as well; then it can only be aborted', async () => {
    const url = await write('w.csv', row(1).replace('1.5', 'x'));
    const refused = { code: 'BAD_ROWS', details: { ...final, numWarnings: 1, warnings: [{ level: 'Warning' }] } };
    await expect(worker.load(request([plainSource(url)]))).rejects.toMatchObject(refused);
    await expect(worker.load(request([plainSource(url)]))).rejects.toMatchObject(refused);
    await expect(worker.discard(unit())).rejects.toMatchObject({
      code: 'ILLEGAL_STATE',
      details: { capability: 'atomicUnits' },
    });
  });

  test('rows that were lost', async () => {
    const quoted = '"1"\t"1.5"\t"-2.25"\t\\N\t"1"\t"a\nb"\t"3"\n';
    const source = plainSource(await write('q.csv', quoted));
    const dialect = { ...source.dialect, fieldsEnclosedBy: '"' as const };
    await expect(worker.load(request([{ ...source, dialect }], 'lenient'))).rejects.toMatchObject({
      code: 'BAD_ROWS',
      details: { ...final, rows: 2, rowsLoaded: 1 },
    });
  });

  test('the same file twice: verify sees it, and so does the load that is repeated', async () => {
    const url = await write('t.csv', row(1));
    await worker.load(request([plainSource(url)]));
    const file = { url: `file://${folder}/t.csv`, http: { method: 'GET', data: '', headers: [] }, isAsync: false };
    const { fieldsTerminatedBy, fieldsEnclosedBy, fieldsEscapedBy, linesTerminatedBy } = plainSource(url).dialect;
    const dialect = { fieldsTerminatedBy, fieldsEnclosedBy, fieldsEscapedBy, linesTerminatedBy };
    const target = { transactionId: tx, table: 'Object', chunk, overlap: false, charset: '', maxNumWarnings: 0 };
    await worker.submit({ ...target, ...file, dialect });
    expect(await worker.verify(tx)).toMatchObject([{ agrees: false }]);
    await expect(worker.load(request([plainSource(url)]))).rejects.toMatchObject({
      code: 'ILLEGAL_STATE',
      message: expect.stringContaining('more than once'),
      details: final,
    });
  });

  test('compressed files are refused before anything is sent', async () => {
    const before = posts();
    await expect(worker.load(request([plainSource(await write('z.csv.gz', ''))]))).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      details: { capability: 'compressedSources' },
    });
    expect(posts()).toBe(before);
  });
});

describe('sources over HTTP', () => {
  test('secrets are put in here, sent, and never told', async () => {
    const seen: unknown[] = [];
    const url = data.on('/s?sig=s3cr3t-token', (incoming, response) => {
      seen.push(incoming.headers['x-token']);
      if (seen.length === 1) response.writeHead(403).end();
      else response.end(row(1));
    });
    const shown = url.replace(/\?.*$/, '');
    const asked = `${shown}?sig=\${env:TOKEN}`;
    const source = plainSource(asked, { http: { headers: [`X-Token: \${env:TOKEN}`] } });
    const failure = await worker.load(request([source])).catch((error) => error);
    expect(failure).toMatchObject({ code: 'SOURCE_DENIED', details: { httpError: 403, retryAllowed: true } });
    expect(JSON.stringify([failure.message, failure.details])).not.toContain('s3cr3t');
    const result = await worker.load(request([source]));
    expect(seen).toEqual(['s3cr3t-token', 's3cr3t-token']);
    expect(result.contributions).toMatchObject([{ url: `${shown}?…`, tries: 2, rows: 1 }]);
    // What was sent first may have been an older secret: it was not tried again, but sent anew.
    expect(await records()).toMatchObject([{ status: 'READ_FAILED' }, { status: 'FINISHED' }]);
    const unset = plainSource(shown, { http: { headers: [`X-Token: \${env:NOPE}`] } });
    await expect(worker.load(request([unset]))).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringContaining('NOPE'),
    });
  });

  test('several that are shown alike are told apart by their order', async () => {
    const urls = [1, 2, 3].map((n) => data.on(`/rows?n=${n}`, (_, response) => response.end(row(n))));
    const what = request(urls.map((url) => plainSource(url)));
    const first = await worker.load(what);
    expect(first.rows).toBe(3);
    expect(await worker.load(what)).toEqual({ ...first, alreadyLoaded: true });
    expect(await ids()).toEqual([1, 2, 3]);
    expect(await worker.verify(tx)).toMatchObject([{ agrees: true }]);
  });

  test('a source that breaks may come again; a cancelled load stops reading', async () => {
    let broken = true;
    const url = data.on('/b', (_, response) => {
      if (broken) response.writeHead(503).end();
      else response.end(row(1));
    });
    const what = request([plainSource(url)]);
    await expect(worker.load(what)).rejects.toMatchObject({ code: 'SOURCE_BROKEN', details: { retryAllowed: true } });
    broken = false;
    expect(await worker.load(what)).toMatchObject({ rows: 1 });

    const stop = new AbortController();
    const hanging = data.on('/hanging', (_, response) => {
      response.writeHead(200, { 'content-length': 1000 }).write(row(1));
      stop.abort();
    });
    const other = { ...request([plainSource(hanging)]), unit: { ...unit(), overlap: true } };
    await expect(worker.load(other, { signal: stop.signal, isGivenUp: () => true })).rejects.toMatchObject({
      code: 'CANCELLED',
      details: { retryAllowed: true },
    });
    await queue.close();
    queue = stack.native.runQueue({ threads: 2 });
    expect((await records()).map(({ status }) => status)).toEqual(['FINISHED', 'CANCELLED']);
  });
});

describe('an attempt that ends early', () => {
  test('leaves its contribution in the queue, where the next one finds it', async () => {
    await queue.close();
    const what = request([plainSource(await write('early.csv', row(1)))]);
    const stop = new AbortController();
    const first = worker.load(what, { signal: stop.signal, isGivenUp: () => false }).catch((error) => error);
    while ((await records()).length === 0) await sleep(10);
    stop.abort();
    expect(await first).toMatchObject({ code: 'CANCELLED' });
    const cut = worker.load(what).catch((error) => error);
    stack.workerProxy.cut(/^GET \/ingest\/file-async/, 'request');
    expect(await cut).toMatchObject({ code: 'UNAVAILABLE' });
    expect(await records()).toMatchObject([{ status: 'IN_PROGRESS' }]);
    queue = stack.native.runQueue({ threads: 2 });
    expect(await worker.load(what)).toMatchObject({ rows: 1 });
    expect(await records()).toMatchObject([{ status: 'FINISHED' }]);
  });

  test('when its super-transaction is ended by others, whatever the worker goes on saying', async () => {
    await queue.close();
    const attentive = connect({ stateMs: 50 });
    const load = attentive.load(request([plainSource(await write('ended.csv', row(1)))])).catch((error) => error);
    while ((await records()).length === 0) await sleep(10);
    await stack.controller.endTransaction(tx, 'abort');
    expect(await load).toMatchObject({ code: 'ILLEGAL_STATE', details: { retryAllowed: false } });
    await attentive.close();
    queue = stack.native.runQueue({ threads: 2 });
  });

  test('is not taken for cancelled when somebody else cancels its contribution', async () => {
    await queue.close();
    const what = request([plainSource(await write('else.csv', row(1)))]);
    const first = worker.load(what).catch((error) => error);
    while ((await records()).length === 0) await sleep(10);
    await worker.cancelAsync(tx);
    expect(await first).toMatchObject({ code: 'LOAD_FAILED', details: { status: 'CANCELLED', retryAllowed: true } });
    queue = stack.native.runQueue({ threads: 2 });
    expect(await worker.load(what)).toMatchObject({ rows: 1 });
  });
});

test('a worker whose service is away is waited for, and then named', async () => {
  const nobody = new RemoteIngestWorker({
    name: 'w1',
    controller: Object.assign(Object.create(stack.controller), {
      workers: async () =>
        (await stack.controller.workers()).map((one) => ({ ...one, location: { ...one.location, httpPort: 1 } })),
    }),
    authKey: '',
    roots: {},
  });
  await expect(nobody.reach(0.1)).rejects.toMatchObject({
    code: 'NO_WORKERS',
    message: expect.stringMatching(/^worker w1 has not answered for 0.1 s: .*ECONNREFUSED/),
  });
  await nobody.close();
  await worker.reach(1);
});

test('a worker that Qserv does not know', async () => {
  const nobody = new RemoteIngestWorker({ name: 'w9', controller: stack.controller, authKey: '', roots: {} });
  await expect(nobody.load(request([plainSource('http://h/x')]))).rejects.toMatchObject({ code: 'UNKNOWN_WORKER' });
  await nobody.close();
});
