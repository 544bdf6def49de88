import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { DataHttpServer } from '../../test/support/data-server';
import { DEFAULT_DIALECT } from '../core/dialect';
import type { ContributionSource } from '../worker/worker';
import { broken } from './errors';
import { openFile } from './file';
import { inspectSource, isLasting, openSource, resolveSourceUrl, type SourceRules } from './index';

const CSV = Array.from({ length: 50_000 }, (_, i) => `${i}\tname ${i}\t${i / 7}\n`).join('');
let folder: string;
let rules: SourceRules;
let http: DataHttpServer;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'source-'));
  await mkdir(path.join(folder, 'in'));
  rules = {
    roots: { survey: path.join(folder, 'in') },
    stallSeconds: 5,
    resolveSecret: (n) => ({ TOKEN: 's3cret' })[n],
  };
  http = await new DataHttpServer().start();
});

afterAll(async () => {
  await http.stop();
  await rm(folder, { recursive: true });
});

async function file(name: string, content: string | Buffer): Promise<string> {
  await writeFile(path.join(folder, 'in', name), content);
  return `file://${folder}/in/${name}`;
}

const source = (url: string, more: Partial<ContributionSource> = {}): ContributionSource => ({
  url,
  dialect: DEFAULT_DIALECT,
  charset: '',
  ...more,
});

async function read(what: ContributionSource, signal?: AbortSignal, using = rules) {
  const opened = await openSource(what, using, signal);
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of opened.stream) chunks.push(chunk as Buffer);
  } finally {
    await opened.close();
  }
  return { text: Buffer.concat(chunks).toString(), ...opened.counts(), sha256: opened.sha256() };
}

const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest('hex');

describe('files', () => {
  test('plain: bytes, rows and sha256 in one pass', async () => {
    const url = await file('a.csv', CSV);
    await expect(read(source(url))).resolves.toEqual({
      text: CSV,
      bytes: CSV.length,
      storedBytes: CSV.length,
      rows: 50_000,
      sha256: sha256(CSV),
    });
  });

  test('an empty file has no rows', async () => {
    await expect(read(source(await file('empty.csv', '')))).resolves.toMatchObject({ text: '', rows: 0, bytes: 0 });
  });

  test('gzip by suffix, also of several members; zstd on request', async () => {
    const packed = Buffer.concat([gzipSync(CSV), gzipSync('x\n')]);
    await expect(read(source(await file('a.csv.gz', packed)))).resolves.toEqual({
      text: `${CSV}x\n`,
      bytes: CSV.length + 2,
      storedBytes: packed.length,
      rows: 50_001,
      sha256: sha256(packed),
    });
    const { compress } = require('zstd-napi') as { compress(data: Buffer): Buffer };
    const url = await file('a.zipped', compress(Buffer.from(CSV)));
    await expect(read(source(url, { compression: 'zstd' }))).resolves.toMatchObject({ rows: 50_000, text: CSV });
  });

  test.each([
    ['cut', (packed: Buffer) => packed.subarray(0, packed.length - 20)],
    [
      'damaged',
      (packed: Buffer) => Buffer.concat([packed.subarray(0, 2000), Buffer.alloc(3000), packed.subarray(5000)]),
    ],
  ])('gzip data that are %s fail', async (_, harm) => {
    const url = await file('harmed.csv.gz', harm(gzipSync(CSV)));
    await expect(read(source(url))).rejects.toMatchObject({
      code: 'SOURCE_BROKEN',
      message: expect.stringContaining('gzip'),
    });
  });

  test('names: roots, links out of them, missing files, other schemes', async () => {
    const url = await file('b.csv', 'x\n');
    await writeFile(path.join(folder, 'outside.csv'), 'secret\n');
    await symlink(path.join(folder, 'outside.csv'), path.join(folder, 'in', 'link.csv'));
    await expect(resolveSourceUrl('root://survey/b.csv', rules)).resolves.toEqual(await resolveSourceUrl(url, rules));
    const refusals: [string, string][] = [
      ['root://other/b.csv', 'SOURCE_DENIED'],
      ['root://survey/../outside.csv', 'SOURCE_MISSING'],
      ['root://survey/%2e%2e%2foutside.csv', 'SOURCE_DENIED'],
      ['root://survey/link.csv', 'SOURCE_DENIED'],
      [`file://${folder}/outside.csv`, 'SOURCE_DENIED'],
      ['file:///etc/no-such-file', 'SOURCE_DENIED'],
      ['root://survey/none.csv', 'SOURCE_MISSING'],
      ['root://survey/', 'SOURCE_DENIED'],
      ['s3://bucket/x', 'INVALID_INPUT'],
      ['b.csv', 'INVALID_INPUT'],
    ];
    for (const [at, code] of refusals)
      await expect([at, await code0(inspectSource(source(at), rules))]).toEqual([at, code]);
    await expect(inspectSource(source('root://other/b.csv'), rules)).rejects.toThrow(`survey=${folder}/in`);
  });

  test.each(['a#b.csv', 'a?b.csv', '100%.csv', 'a%20b.csv', 'a%2Fb.csv', 'é\\ b.csv', 'c.csv?d.gz'])(
    'paths are taken as they are, as Qserv takes them: %s',
    async (name) => {
      // What a path would be if something were cut off.
      for (const wrong of ['a', 'c.csv', '100']) await file(wrong, 'wrong\n');
      const content = name.endsWith('.gz') ? gzipSync(`${name}\n`) : Buffer.from(`${name}\n`);
      const url = await file(name, content);
      const elsewhere = url.replace('file://', 'file://some_host.example:x y');
      const encoded = `root://survey/${encodeURIComponent(name)}`;
      for (const at of [url, elsewhere, `root://survey/${name}`, encoded]) {
        expect([at, (await read(source(at))).text]).toEqual([at, `${name}\n`]);
        await expect(inspectSource(source(at), rules)).resolves.toMatchObject({ bytes: content.length });
      }
    },
  );

  test('what no file is called is missing', async () => {
    for (const name of ['none%00', 'none\0', 'x'.repeat(300), 'none%zz']) {
      const url = `file://${folder}/in/${name}`;
      expect([url, await code0(inspectSource(source(url), rules))]).toEqual([url, 'SOURCE_MISSING']);
    }
    expect(await code0(inspectSource(source('file:relative.csv'), rules))).toBe('INVALID_INPUT');
  });

  test('what is put in the way after the check is not read, a pipe is not waited for', async () => {
    await file('real.csv', 'x\n');
    const real = path.join(folder, 'in', 'real.csv');
    const link = path.join(folder, 'in', 'late.csv');
    await writeFile(path.join(folder, 'late.csv'), 'secret\n');
    await symlink(path.join(folder, 'late.csv'), link);
    await expect(openFile('file:///late.csv', link, rules)).rejects.toMatchObject({ code: 'SOURCE_DENIED' });
    const opened = await openFile('file:///real.csv', real, rules);
    await opened.close();
    execFileSync('mkfifo', [path.join(folder, 'in', 'pipe.csv')]);
    await expect(read(source('root://survey/pipe.csv'))).rejects.toMatchObject({ code: 'SOURCE_DENIED' });
  });

  test('what differs from the plan is SOURCE_CHANGED, what is shorter than declared INVALID_INPUT', async () => {
    const url = await file('c.csv', 'abc\n');
    const facts = await inspectSource(source(url), rules);
    expect(facts).toEqual({ bytes: 4, mtimeMs: expect.any(Number) });
    await expect(read(source(url, { expect: facts }))).resolves.toMatchObject({ rows: 1 });
    await expect(read(source(url, { expect: { bytes: 5 } }))).rejects.toMatchObject({
      code: 'SOURCE_CHANGED',
      message: expect.stringContaining('bytes was 5, is 4'),
      details: { expected: { bytes: 5 }, found: facts },
    });
    await expect(read(source(url, { expect: { mtimeMs: 1 } }))).rejects.toMatchObject({ code: 'SOURCE_CHANGED' });
    await expect(inspectSource(source(url, { expect: { bytes: 5 } }), rules)).rejects.toMatchObject({
      code: 'INVALID_INPUT',
    });
  });

  test('a row above 16 MiB is refused by its number', async () => {
    const url = await file('wide.csv', `a\n${'x'.repeat(16 * 1024 * 1024)}\n`);
    await expect(read(source(url))).rejects.toMatchObject({ code: 'BAD_ROWS', details: { line: 2 } });
  });

  test('an abort ends it', async () => {
    const url = await file('d.csv', CSV);
    const reason = new Error('enough');
    await expect(read(source(url), AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});

async function code0(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'none',
    (error) => String((error as { code?: string }).code),
  );
}

// biome-ignore lint/suspicious/noTemplateCurlyInString: the syntax of a reference
const REFERENCE = '${env:TOKEN}';

describe('HTTP', () => {
  test('one pass, with facts, header references and redirects', async () => {
    const seen: unknown[] = [];
    const url = http.on('/data', (request, response) => {
      seen.push(request.headers['x-token']);
      response.writeHead(200, { etag: '"v1"', 'content-length': CSV.length }).end(request.method === 'HEAD' ? '' : CSV);
    });
    const moved = http.on('/moved', (_, response) => response.writeHead(302, { location: '/data' }).end());
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the syntax of a reference
    const at = source(moved, { http: { headers: ['X-Token: Bearer ${env:TOKEN}'] } });
    await expect(inspectSource(at, rules)).resolves.toEqual({ bytes: CSV.length, etag: '"v1"' });
    await expect(read(at)).resolves.toMatchObject({ rows: 50_000, sha256: sha256(CSV), text: CSV });
    expect(new Set(seen)).toEqual(new Set(['Bearer s3cret']));
    await expect(read({ ...at, url, expect: { etag: '"v0"' } })).rejects.toMatchObject({ code: 'SOURCE_CHANGED' });
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the syntax of a reference
    await expect(read(source(url, { http: { headers: ['X: ${env:NONE}'] } }))).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringContaining('NONE'),
    });
  });

  test('signatures in queries are named, not written', async () => {
    const url = http.on('/signed?sig=s3cret', (_, response) => response.end('1\n')).replace('s3cret', REFERENCE);
    await expect(read(source(url))).resolves.toMatchObject({ rows: 1 });
    await expect(read(source(url.replace('TOKEN', 'NONE')))).rejects.toMatchObject({ message: /NONE/ });
    const inPath = http.url(`/${REFERENCE}/x?y`);
    await expect(read(source(inPath))).rejects.toMatchObject({ code: 'INVALID_INPUT', message: /only the query/ });
    const { resolveSecret, ...outside } = rules;
    const sent = http.on(`/asis?sig=${encodeURI(REFERENCE)}`, (_, response) => response.end('2\n'));
    await expect(inspectSource(source(sent), outside)).resolves.toEqual({});
  });

  test('headers do not follow a redirect to another server', async () => {
    const other = await new DataHttpServer().start();
    try {
      const target = other.on('/x', (_, response) => response.end('1\n'));
      const url = http.on('/away', (_, response) => response.writeHead(307, { location: target }).end());
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the syntax of a reference
      await expect(read(source(url, { http: { headers: ['X-Token: ${env:TOKEN}'] } }))).resolves.toMatchObject({
        rows: 1,
      });
      expect(other.requests[0]?.headers).not.toHaveProperty('x-token');
    } finally {
      await other.stop();
    }
  });

  test.each([
    [404, 'SOURCE_MISSING'],
    [403, 'SOURCE_DENIED'],
    [503, 'SOURCE_BROKEN'],
    [304, 'SOURCE_MISSING'],
  ])('status %i is %s, and no query string is shown', async (status, code) => {
    http.on(`/s${status}?sig=hidden`, (_, response) => response.writeHead(status).end());
    for (const attempt of [read, (s: ContributionSource) => inspectSource(s, rules)]) {
      const error = await attempt(source(http.url(`/s${status}?sig=hidden`))).catch((e) => e);
      expect(error).toMatchObject({ code, details: { httpError: status } });
      expect(JSON.stringify(error) + error.message).not.toContain('hidden');
    }
  });

  test.each([
    ['ENOTFOUND', true],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', true],
    ['ERR_TLS_CERT_ALTNAME_INVALID', true],
    ['EAI_AGAIN', false],
    ['ECONNRESET', false],
  ])('a connection that broke with %s, for good: %s', (cause, lasting) => {
    expect(isLasting(broken('http://host/a', 'the connection broke', { cause }))).toBe(lasting);
  });

  test('the reason why a connection broke is told', async () => {
    await expect(inspectSource(source('http://127.0.0.1:1/a'), rules)).rejects.toMatchObject({
      code: 'SOURCE_BROKEN',
      details: { cause: 'ECONNREFUSED' },
    });
  });

  test('HEAD refused: a GET tells the facts', async () => {
    const url = http.on('/get-only', (request, response) => {
      if (request.method === 'HEAD') response.writeHead(405).end();
      else response.writeHead(200, { 'content-length': 4 }).end('1\n2\n');
    });
    await expect(inspectSource(source(url), rules)).resolves.toEqual({ bytes: 4 });
  });

  test('ends early, resets, stalls, closes without a word', async () => {
    const early = http.on('/early', (_, response) => {
      response.writeHead(200, { 'content-length': 100_000 });
      response.write(CSV.slice(0, 50_000), () => response.socket?.end());
    });
    const reset = http.on('/reset', (_, response) => {
      response.writeHead(200);
      response.write(CSV.slice(0, 50_000), () => response.socket?.resetAndDestroy());
    });
    const silent = http.on('/silent', (_, response) => {
      response.writeHead(200, { connection: 'close' });
      response.useChunkedEncodingByDefault = false;
      response.write(CSV.slice(0, 50_000), () => response.socket?.destroy());
    });
    const stall = http.on('/stall', (_, response) => {
      response.writeHead(200, { 'content-length': 100_000 }).write(CSV.slice(0, 50_000));
    });
    const hung = http.on('/hung', () => {});
    const impatient = { ...rules, stallSeconds: 0.3 };
    for (const url of [early, reset, silent, stall, hung]) {
      expect([url, await code0(read(source(url, { expect: { bytes: 100_000 } }), undefined, impatient))]).toEqual([
        url,
        'SOURCE_BROKEN',
      ]);
    }
  });

  test('no such server', async () => {
    await expect(read(source('http://127.0.0.1:1/x'))).rejects.toMatchObject({ code: 'SOURCE_BROKEN' });
  });
});
