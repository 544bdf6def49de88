import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { DataHttpServer } from '../../test/support/data-server';
import { readText } from '../../test/support/read-source';
import { DEFAULT_DIALECT } from '../core/dialect';
import { openSource, readFailure, type SourceRules } from './index';

const MIB = 1024 * 1024;
let folder: string;
let rules: Partial<SourceRules>;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'limits-'));
  rules = { roots: { here: folder } };
});
afterAll(() => rm(folder, { recursive: true }));

async function file(name: string, content: Buffer | string): Promise<string> {
  await writeFile(path.join(folder, name), content);
  return `root://here/${name}`;
}

const rows = (bytes: number) => Buffer.alloc(bytes, `${'x'.repeat(1023)}\n`);

describe('decompression', () => {
  const { compress } = require('zstd-napi') as { compress(data: Buffer): Buffer };

  test.each([
    ['bomb.gz', gzipSync],
    ['bomb.zst', compress],
  ])('%s is stopped early', async (name, pack) => {
    const packed = pack(rows(200 * MIB));
    const source = { url: await file(name, packed), dialect: DEFAULT_DIALECT, charset: '' };
    const opened = await openSource(source, { roots: {}, stallSeconds: 5, ...rules });
    const error = await (async () => {
      for await (const _ of opened.stream);
    })().catch((e) => e);
    await opened.close();
    expect(error).toMatchObject({
      code: 'SOURCE_DENIED',
      message: expect.stringContaining('sources.limits.ratio is 200'),
      details: { ratio: 200, storedBytes: expect.any(Number), bytes: expect.any(Number) },
    });
    expect(opened.counts().bytes).toBeLessThan(Math.max(64 * MIB, 200 * packed.length) + MIB);
    expect(opened.counts().bytes).toBeLessThan(150 * MIB);
  });

  test('an honest file of few values passes, and so does what the configuration takes', async () => {
    const small = await file('small.gz', gzipSync(rows(8 * MIB)));
    await expect(readText({ url: small }, rules)).resolves.toHaveLength(8 * MIB);
    const large = await file('large.zst', compress(rows(70 * MIB)));
    await expect(readText({ url: large }, { ...rules, limits: { ratio: 1e6 } })).resolves.toHaveLength(70 * MIB);
  });

  test.each(['cut.zst', 'none.zst'])('zstd data that are %s fail', async (name) => {
    const packed = compress(rows(MIB));
    const url = await file(name, name === 'cut.zst' ? packed.subarray(0, packed.length - 4) : Buffer.from('no zstd\n'));
    await expect(readText({ url }, rules)).rejects.toMatchObject({
      code: 'SOURCE_BROKEN',
      message: /zstd data are damaged/,
    });
  });

  test('zstd of several frames', async () => {
    const url = await file(
      'frames.zst',
      Buffer.concat([compress(Buffer.from('1\n')), compress(rows(MIB)), compress(Buffer.from('2\n'))]),
    );
    await expect(readText({ url }, rules)).resolves.toHaveLength(MIB + 4);
  });
});

test('bytes of a source: by what is announced, and by what comes', async () => {
  const limits = { bodyBytes: 1000 };
  const url = await file('a.csv', 'x\n'.repeat(501));
  const message = /larger than 1000 bytes \(sources.limits.bodyBytes\)/;
  await expect(readText({ url }, { ...rules, limits })).rejects.toMatchObject({ code: 'SOURCE_DENIED', message });
  const server = await new DataHttpServer().start();
  const endless = server.on('/endless', (_, response) => {
    const timer = setInterval(() => response.write('x\n'.repeat(100)), 1);
    response.on('close', () => clearInterval(timer));
  });
  await expect(readText({ url: endless }, { limits })).rejects.toMatchObject({ code: 'SOURCE_DENIED', message });
  await server.stop();
});

test('headers of a reply', async () => {
  const server = await new DataHttpServer().start();
  const at = (bytes: number) =>
    server.on(`/${bytes}`, (_, response) => {
      for (let i = 0; i < bytes / 1000; i++) response.setHeader(`x-${i}`, 'x'.repeat(990));
      response.end('1\n');
    });
  await expect(readText({ url: at(50_000) })).resolves.toBe('1\n');
  await expect(readText({ url: at(70_000) })).rejects.toMatchObject({
    code: 'SOURCE_DENIED',
    message: expect.stringContaining('sources.limits.headerBytes'),
  });
  await expect(readText({ url: at(50_000) }, { limits: { headerBytes: 10_000 } })).rejects.toThrow('headerBytes');
  await server.stop();
});

test('a row that is too long, in the words of Qserv', async () => {
  const url = await file(
    'wide.csv',
    Buffer.concat([Buffer.from('a\n'), Buffer.alloc(16 * MIB, 'x'), Buffer.from('\n')]),
  );
  const error = await readText({ url }, rules).catch((e) => e);
  expect(readFailure(error).error).toBe('Csv::Parser: input line 2 exceeds the limit of 16777216 bytes.');
});
