import { createReadStream, readFileSync, statSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { plainSource } from '../support/load-catalog';
import { sharedMariaDb } from '../support/servers';
import { FaultBench } from './loader-setup';

/** Sources that fail in the middle of a LOAD: nothing of them stays, and the unit is loaded again when they are well. */

const bench = new FaultBench();
/** The file, compressed. */
let packed: Buffer;
type Answer = (response: import('node:http').ServerResponse) => void;

beforeAll(async () => {
  await bench.open(await sharedMariaDb('w1'));
  packed = gzipSync(readFileSync(bench.file), { level: 1 });
}, 120_000);

afterAll(() => bench.close());

/** Sends the first part of the file, then calls `then`. */
const half =
  (headers: Record<string, string | number>, then: Answer): Answer =>
  (response) => {
    response.writeHead(200, headers);
    const body = createReadStream(bench.file, { end: bench.bytes / 2 });
    body.pipe(response, { end: false });
    body.on('end', () => then(response));
  };

const FAULTS: [string, () => Answer, string][] = [
  ['errors', () => half({}, (response) => response.socket?.resetAndDestroy()), 'broke'],
  [
    'ends before its Content-Length',
    () => half({ 'content-length': statSync(bench.file).size }, (response) => response.socket?.end()),
    'broke',
  ],
  ['stalls', () => half({ 'content-length': statSync(bench.file).size }, () => {}), 'no byte for 1 s'],
  [
    // Neither length nor chunks: the end of the connection is the end of the data, so only the plan knows better.
    'closes without a word',
    () => (response) => {
      response.useChunkedEncodingByDefault = false;
      half({ connection: 'close' }, () => response.socket?.end())(response);
    },
    'announced',
  ],
  [
    'is cut inside its compressed data',
    () => (response) => {
      response.writeHead(200).end(packed.subarray(0, packed.length / 2));
    },
    'gzip',
  ],
];

test.each(FAULTS)('a source that %s', async (name, answer, said) => {
  const unit = await bench.newUnit();
  let sick = true;
  const url = bench.http.on(`/${encodeURIComponent(name)}`, (_, response) => {
    if (sick) answer()(response);
    else createReadStream(bench.file).pipe(response);
  });
  const compressed = said === 'gzip';
  const planned = { bytes: statSync(bench.file).size };
  const source = plainSource(url, compressed ? { compression: 'gzip' } : { expect: planned });
  // Only where it is what is waited for: on a busy machine any source may be silent for a second.
  const worker = name === 'stalls' ? bench.newWorker(undefined, 1) : bench.newWorker();
  try {
    const failed = worker.load(bench.request(unit, source));
    await expect(failed).rejects.toMatchObject({
      code: 'SOURCE_BROKEN',
      message: expect.stringContaining(said),
      details: { retryAllowed: true },
    });
  } finally {
    await worker.close();
  }
  expect((await bench.catalog.contents(unit))?.rows ?? 0).toBe(0);
  // Dropped by the attempt itself, without a sweep.
  expect(await bench.catalog.stagingTables()).toEqual([]);
  expect(await bench.catalog.contributions(unit.transactionId)).toMatchObject([
    { status: 'READ_FAILED', retry_allowed: true, error: expect.stringContaining(said) },
  ]);
  sick = false;
  await bench.worker.load(bench.request(unit, compressed ? plainSource(url) : source));
  await bench.expectWhole(unit, { large: true, contributions: compressed ? 2 : 1 });
});

test('a load is cancelled in its middle, by signal and by a progress listener that throws', async () => {
  for (const how of ['signal', 'listener'] as const) {
    const unit = await bench.newUnit();
    const abort = new AbortController();
    const source = bench.serve(() => abort.abort());
    const failed =
      how === 'signal'
        ? bench.worker.load(bench.request(unit, source), { signal: abort.signal })
        : bench.worker.load(bench.request(unit, plainSource('root://faults/objects.csv')), {
            onProgress: ({ bytes }) => {
              if (bytes > 0) throw new Error('no more');
            },
          });
    await expect(failed).rejects.toMatchObject({ code: 'CANCELLED', details: { retryAllowed: true } });
    expect((await bench.catalog.contents(unit))?.rows ?? 0).toBe(0);
    expect(await bench.catalog.stagingTables()).toEqual([]);
    expect(await bench.catalog.contributions(unit.transactionId)).toMatchObject([{ status: 'CANCELLED' }]);
    await bench.worker.load(bench.request(unit));
    await bench.expectWhole(unit, { contributions: 2 });
  }
});

test("a signed URL's signature is in no error and in no result", async () => {
  const unit = await bench.newUnit();
  let bad = true;
  const url = bench.http.on('/signed?sig=hidden', (_, response) => {
    if (bad) response.writeHead(200).end('1\n');
    else createReadStream(bench.file).pipe(response);
  });
  const request = bench.request(unit, plainSource(url));
  const error = await bench.worker.load(request).catch((e) => e);
  expect(error).toMatchObject({ code: 'BAD_ROWS', message: expect.stringContaining('/signed?…: ') });
  expect(JSON.stringify(error.details)).not.toContain('hidden');
  bad = false;
  const { contributions } = await bench.worker.load(request);
  expect(contributions).toMatchObject([{ url: expect.stringMatching(/\/signed\?…$/) }]);
});
