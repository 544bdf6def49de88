import { createServer, type Server } from 'node:net';
import { DataHttpServer } from '../../test/support/data-server';
import { listening } from '../../test/support/listening';
import { readText } from '../../test/support/read-source';
import { DEFAULT_DIALECT } from '../core/dialect';
import { inspectSource, readFailure } from './index';
import type { SourceRules } from './rules';

let server: DataHttpServer;
let echo: string;

beforeAll(async () => {
  server = await new DataHttpServer().start();
  echo = server.on('/echo', async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    response.end(
      JSON.stringify({ method: request.method, lines: request.rawHeaders, body: Buffer.concat(chunks).toString() }),
    );
  });
});
afterAll(() => server.stop());

type Http = { method?: string; data?: string; headers?: string[] };
const read = (url: string, http: Http = {}, rules: Partial<SourceRules> = {}) => readText({ url, http }, rules);

async function asked(http: Http): Promise<{ method: string; headers: Record<string, string[]>; body: string }> {
  const { method, lines, body } = JSON.parse(await read(echo, http)) as {
    method: string;
    lines: string[];
    body: string;
  };
  const headers: Record<string, string[]> = {};
  for (let i = 0; i < lines.length; i += 2) {
    const name = String(lines[i]).toLowerCase();
    headers[name] = [...(headers[name] ?? []), String(lines[i + 1])];
  }
  return { method, headers, body };
}

describe('what is sent (libcurl as lsst/qserv uses it)', () => {
  const form = { 'content-type': ['application/x-www-form-urlencoded'] };

  test.each<[Http, string, string]>([
    [{}, 'GET', ''],
    [{ method: 'GET', data: 'q=1' }, 'POST', 'q=1'],
    [{ method: 'POST', data: 'é' }, 'POST', 'é'],
    [{ method: 'POST', data: '' }, 'POST', ''],
    [{ method: 'PUT', data: '{}' }, 'PUT', '{}'],
    [{ method: 'DELETE', data: 'q=1' }, 'DELETE', 'q=1'],
    [{ method: 'DELETE' }, 'DELETE', ''],
  ])('%j', async (http, method, body) => {
    const got = await asked(http);
    expect(got).toMatchObject({ method, body, headers: { accept: ['*/*'], ...(body === '' ? {} : form) } });
    if (body === '') expect(got.headers).not.toHaveProperty('content-type');
  });

  test('headers as given: of one name several, empty ones, those that are not to be sent, and a host', async () => {
    const headers = [
      'X-A: 1',
      'x-a:2',
      'X-Empty;',
      'Accept:',
      'Content-Type: text/plain',
      'Host: other.example',
      'X-B: a: b ; c',
    ];
    const got = await asked({ method: 'POST', data: 'x', headers });
    expect(got.headers).toMatchObject({
      'x-a': ['1', '2'],
      'x-empty': [''],
      'content-type': ['text/plain'],
      host: ['other.example'],
      'x-b': ['a: b ; c'],
    });
    expect(got.headers).not.toHaveProperty('accept');
  });

  test.each<[string, string[], string]>([
    ['no name', ['hidden'], 'not of the form "Name: value"'],
    ['an empty name', [': hidden'], 'not of the form "Name: value"'],
    ['a space in the name', ['X Y: hidden'], 'not of the form "Name: value"'],
    ['a line of its own', ['X-A: hidden\r\nX-B: 1'], 'header X-A holds a character'],
    ['a NUL', ['X-A: hidden\0'], 'header X-A holds a character'],
    ['beyond latin1', ['X-A: hidden\u2026'], 'header X-A holds a character'],
    ['framing', ['Transfer-Encoding: hidden'], 'the request cannot be sent'],
    ['a wrong length', ['Content-Length: 17'], 'the request cannot be sent'],
    ['too many', Array.from({ length: 101 }, () => 'X-A: hidden'), 'more than 100'],
    ['too long', [`X-A: hidden${'x'.repeat(70_000)}`], 'longer than 65536 bytes'],
  ])('refused: %s', async (_, headers, message) => {
    const error = await read(echo, { method: 'POST', data: 'x', headers }).catch((e) => e);
    expect(error).toMatchObject({ code: 'INVALID_INPUT', message: expect.stringContaining(message) });
    expect(error.message + JSON.stringify(error)).not.toContain('hidden');
  });

  test('a method that libcurl does not have there', async () => {
    await expect(read(echo, { method: 'MIMEPOST' })).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringContaining('http::Client::Client:  method MIMEPOST is not allowed in this constructor'),
    });
  });

  test('a body goes to no other server; after 303 it is not sent again', async () => {
    const other = await new DataHttpServer().start();
    try {
      other.on('/x', (_, response) => response.end('1\n'));
      const away = server.on('/away', (_, response) => response.writeHead(307, { location: other.url('/x') }).end());
      await expect(read(away, { method: 'POST', data: 'hidden' })).rejects.toMatchObject({ code: 'SOURCE_DENIED' });
      expect(other.requests).toEqual([]);
    } finally {
      await other.stop();
    }
    const see = server.on('/see', (_, response) => response.writeHead(303, { location: '/echo' }).end());
    const got = JSON.parse(await read(see, { method: 'POST', data: 'x' }));
    expect(got).toMatchObject({ method: 'GET', body: '' });
  });
});

describe('failures in the words of Qserv', () => {
  let broken: Server;
  let answer: string;

  beforeAll(async () => {
    broken = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => {
        if (answer === 'reset') socket.resetAndDestroy();
        else socket.end(answer);
      });
    });
    await listening(broken);
  });
  afterAll(() => new Promise((resolve) => broken.close(resolve)));

  const failure = (url: string, rules?: Partial<SourceRules>) => read(url, {}, rules).then(String, readFailure);

  test.each([404, 400, 403, 429, 500, 503])('status %i', async (status) => {
    const url = server.on(`/s${status}`, (_, response) => response.writeHead(status).end());
    await expect(failure(url)).resolves.toEqual({
      error: " error: 'HTTP response code said error (on HTTP error codes 400 or greater)', errnum: 22",
      httpError: status,
      systemError: 0,
    });
  });

  test.each([200, 201, 203])('status %i is an answer', async (status) => {
    const url = server.on(`/s${status}`, (_, response) => response.writeHead(status).end('1\n'));
    await expect(read(url)).resolves.toBe('1\n');
  });

  test('a part of the whole is none', async () => {
    const url = server.on('/part', (_, response) => response.writeHead(206).end('1\n'));
    await expect(read(url)).rejects.toMatchObject({ code: 'SOURCE_MISSING', details: { httpError: 206 } });
  });

  test.each<[string, string, number]>([
    ['', 'Server returned nothing (no headers, no data)', 52],
    ['reset', 'Failure when receiving data from the peer', 56],
    ['SSH-2.0-OpenSSH\r\n', 'Weird server reply', 8],
    ['HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n1\n', 'Transferred a partial file', 18],
    ['HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n1\n', 'Transferred a partial file', 18],
  ])('a server that says %j', async (said, text, errnum) => {
    answer = said;
    const { port } = broken.address() as { port: number };
    await expect(failure(`http://127.0.0.1:${port}/`)).resolves.toMatchObject({
      error: ` error: '${text}', errnum: ${errnum}`,
    });
  });

  test('no server, no name', async () => {
    await expect(failure('http://127.0.0.1:1/')).resolves.toEqual({
      error: " error: 'Couldn't connect to server', errnum: 7",
      httpError: 0,
      systemError: 111,
    });
    await expect(failure('http://no-such-host.invalid/')).resolves.toMatchObject({
      error: " error: 'Couldn't resolve host name', errnum: 6",
    });
  });

  test('files', async () => {
    const rules = { roots: { here: __dirname } };
    await expect(failure(`file://host${__dirname}/none.csv`, rules)).resolves.toEqual({
      error: `failed to open the file '${__dirname}/none.csv', error: 'No such file or directory', errno: 2`,
      httpError: 0,
      systemError: 2,
    });
    await expect(failure('file:///etc/passwd', rules)).resolves.toMatchObject({
      error: expect.stringContaining('lies outside the source roots'),
    });
  });

  test.each([
    ['TIMEOUT', { TIMEOUT: 0.3 }, 'took longer than 0.3 s (TIMEOUT'],
    [
      'LOW_SPEED_LIMIT, LOW_SPEED_TIME',
      { LOW_SPEED_LIMIT: 1000, LOW_SPEED_TIME: 0.3 },
      'slower than 1000 bytes a second for 0.3 s',
    ],
  ])('%s', async (name, transfer, message) => {
    const at = encodeURIComponent(name);
    const slow = server.on(`/slow-${at}`, (_, response) => {
      const timer = setInterval(() => response.write('1\n'), 20);
      response.on('close', () => clearInterval(timer));
    });
    const mute = server.on(`/mute-${at}`, () => {});
    for (const url of [slow, mute]) {
      const error = await read(url, {}, { transfer }).catch((e) => e);
      expect(error).toMatchObject({ code: 'SOURCE_BROKEN', message: expect.stringContaining(message) });
      expect(readFailure(error).error).toBe(" error: 'Timeout was reached', errnum: 28");
    }
  });

  test('what is fast enough goes on; limits of 0 and times beyond all timers are none', async () => {
    const url = server.on('/steady', (_, response) => {
      let left = 30;
      const timer = setInterval(() => {
        response.write('1234567\n');
        if (--left === 0) {
          clearInterval(timer);
          response.end();
        }
      }, 10);
    });
    const fast = { LOW_SPEED_LIMIT: 10, LOW_SPEED_TIME: 0.1, TIMEOUT: 2 ** 40, CONNECTTIMEOUT: 2 ** 40 };
    await expect(read(url, {}, { transfer: fast })).resolves.toHaveLength(240);
    const none = { LOW_SPEED_LIMIT: 1_000_000, LOW_SPEED_TIME: 0, TIMEOUT: -1, CONNECTTIMEOUT: 0 };
    await expect(read(url, {}, { transfer: none })).resolves.toHaveLength(240);
  });
});

test('inspecting: a source that is asked by a body is not tried out', async () => {
  const before = server.requests.length;
  const source = { url: echo, dialect: DEFAULT_DIALECT, charset: '', http: { data: 'q=1' } };
  await expect(inspectSource(source, { roots: {}, stallSeconds: 5 })).resolves.toEqual({});
  expect(server.requests).toHaveLength(before);
});
