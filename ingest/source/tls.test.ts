import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Certificate, selfSigned } from '../../test/support/certificates';
import { DataHttpServer } from '../../test/support/data-server';
import { listening } from '../../test/support/listening';
import { readText } from '../../test/support/read-source';
import type { IngestConfig } from '../core/ingest-config';
import { isLasting, readFailure } from './index';

const UNTRUSTED = " error: 'SSL peer certificate or SSH remote key was not OK', errnum: 60";

let folder: string;
let right: Certificate;
let other: Certificate;
/** Its certificate names its address, respectively another host. */
let server: DataHttpServer;
let misnamed: DataHttpServer;
let silent: Server;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'tls-'));
  right = selfSigned('DNS:localhost', 'IP:127.0.0.1');
  other = selfSigned('DNS:elsewhere.example');
  server = await new DataHttpServer(right).start();
  misnamed = await new DataHttpServer(other).start();
  for (const each of [server, misnamed]) each.on('/a.csv', (_, response) => response.end('1\n2\n'));
  silent = createServer((socket) => socket.resume());
  await listening(silent);
  await mkdir(path.join(folder, 'certs'));
  await writeFile(path.join(folder, 'certs', 'readme'), 'no certificate');
  await writeFile(path.join(folder, 'certs', '0a0a0a0a.0'), right.cert);
  await writeFile(path.join(folder, 'ca.pem'), `# ours\n${other.cert}\n${right.cert}`);
});

afterAll(async () => {
  await Promise.all([server.stop(), misnamed.stop(), new Promise((resolve) => silent.close(resolve))]);
  await rm(folder, { recursive: true });
});

const at = (name: string) => path.join(folder, name);
const read = (url: string, transfer: IngestConfig = {}) => readText({ url }, { transfer });

describe('whom an ingest configuration trusts', () => {
  test('nobody but the common authorities by default', async () => {
    const error = await read(server.url('/a.csv')).catch((e) => e);
    expect(error).toMatchObject({
      code: 'SOURCE_BROKEN',
      details: { cause: 'DEPTH_ZERO_SELF_SIGNED_CERT', curl: { code: 60 } },
    });
    expect(isLasting(error)).toBe(true);
    expect(readFailure(error)).toEqual({ error: UNTRUSTED, httpError: 0, systemError: 0 });
  });

  test.each<[string, () => IngestConfig]>([
    ['SSL_VERIFYPEER 0', () => ({ SSL_VERIFYPEER: 0 })],
    ['CAINFO', () => ({ CAINFO: at('ca.pem') })],
    ['CAINFO_VAL, in place of CAINFO', () => ({ CAINFO_VAL: right.cert, CAINFO: at('none.pem') })],
    ['CAPATH', () => ({ CAPATH: at('certs') })],
    ['CAPATH beside CAINFO_VAL', () => ({ CAPATH: at('certs'), CAINFO_VAL: other.cert })],
    ['no file at all while the peer is not verified', () => ({ SSL_VERIFYPEER: 0, CAINFO: at('none.pem') })],
  ])('%s', async (_, config) => {
    await expect(read(server.url('/a.csv'), config())).resolves.toBe('1\n2\n');
    await expect(read(server.url('/a.csv').replace('127.0.0.1', 'localhost'), config())).resolves.toBe('1\n2\n');
  });

  test('the certificates of another server are of no use', async () => {
    const error = await read(server.url('/a.csv'), { CAINFO_VAL: other.cert }).catch((e) => e);
    expect(readFailure(error).error).toBe(UNTRUSTED);
    // What one configuration trusts, another one does not come to use.
    await expect(read(server.url('/a.csv'), { CAINFO_VAL: right.cert })).resolves.toBe('1\n2\n');
    await expect(read(server.url('/a.csv'))).rejects.toMatchObject({ code: 'SOURCE_BROKEN' });
  });

  test.each<[string, () => IngestConfig, boolean]>([
    ['checked with the certificate', () => ({ CAINFO_VAL: other.cert }), false],
    ['checked without it', () => ({ SSL_VERIFYPEER: 0 }), false],
    ['SSL_VERIFYHOST 0', () => ({ CAINFO_VAL: other.cert, SSL_VERIFYHOST: 0 }), true],
    ['nothing checked', () => ({ SSL_VERIFYPEER: 0, SSL_VERIFYHOST: 0 }), true],
    ['SSL_VERIFYHOST 0 spares no certificate', () => ({ SSL_VERIFYHOST: 0 }), false],
  ])('names: %s', async (_, config, works) => {
    const outcome = await read(misnamed.url('/a.csv'), config()).catch((error) => readFailure(error).error);
    expect(outcome).toBe(works ? '1\n2\n' : UNTRUSTED);
  });

  test.each<[string, () => IngestConfig]>([
    ['CAINFO', () => ({ CAINFO: at('none.pem') })],
    ['CAINFO', () => ({ CAINFO: at('certs') })],
    ['CAINFO', () => ({ CAINFO: '/dev/zero' })],
    ['CAINFO_VAL', () => ({ CAINFO_VAL: 'hidden' })],
    ['CAINFO_VAL', () => ({ CAINFO_VAL: right.cert.replace(/[A-Z]/g, 'A') })],
    ['CAPATH', () => ({ CAPATH: at('none') })],
  ])('what holds no certificate is refused: %s', async (parameter, config) => {
    const error = await read(server.url('/a.csv'), config()).catch((e) => e);
    expect(error).toMatchObject({ code: 'INVALID_INPUT', message: expect.stringContaining(parameter) });
    expect(JSON.stringify([error, error.message])).not.toContain('hidden');
    expect(readFailure(error).error).toBe(" error: 'Problem with the SSL CA cert (path? access rights?)', errnum: 77");
  });

  test('a server that speaks no TLS', async () => {
    const plain = await new DataHttpServer().start();
    const error = await read(plain.url('/').replace('http:', 'https:')).catch((e) => e);
    await plain.stop();
    expect(readFailure(error).error).toBe(" error: 'SSL connect error', errnum: 35");
  });

  test('CONNECTTIMEOUT ends a connection that does not come about', async () => {
    const { port } = silent.address() as { port: number };
    const error = await read(`https://127.0.0.1:${port}/`, { CONNECTTIMEOUT: 0.2 }).catch((e) => e);
    expect(error).toMatchObject({ code: 'SOURCE_BROKEN', message: expect.stringContaining('within 0.2 s') });
    expect(readFailure(error).error).toBe(" error: 'Timeout was reached', errnum: 28");
  });
});
