import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { endpoint } from '../../api/qserv/endpoint';
import { IngestError } from '../../ingest/core/errors';
import { type Route, route } from './route';
import { createHttpServer, type HttpOptions } from './server';
import { Work } from './work';

const basics = { service: 'controller', component: 'HTTP-PROCESSOR', summary: '', tag: '' } as const;
const named = endpoint({
  ...basics,
  method: 'POST',
  path: '/named/:name',
  params: z.object({ name: z.string() }),
  body: z.object({ text: z.string().default('') }),
  reply: z.object({ name: z.string() }),
});
const long = endpoint({ ...basics, method: 'POST', path: '/long', reply: z.object({}) });
const failing = endpoint({ ...named, path: '/failing/:name', floor: 12, reply: z.object({}) });
const large = endpoint({ ...basics, method: 'POST', path: '/large', reply: z.object({ text: z.string() }) });
const upload = endpoint({
  ...basics,
  method: 'POST',
  path: '/upload',
  streamed: 'multipart/form-data',
  reply: z.object({ bytes: z.number() }),
});

/** What `long` waits for, and whether it came to its end. */
let release: () => void;
let ended: Promise<void>;
const routes: Route[] = [
  route(large, async () => ({ text: 'x'.repeat(32 * 1024 * 1024) })),
  route(named, async ({ params }) => params),
  route(long, async () => {
    let over: () => void = () => {};
    ended = new Promise((resolve) => {
      over = resolve;
    });
    begun();
    await new Promise<void>((resolve) => {
      release = resolve;
    });
    over();
    return {};
  }),
  route(failing, async ({ params: { name } }) => {
    if (name === 'defect') throw new Error(name);
    throw new IngestError(name === 'internal' ? 'INTERNAL' : 'BUSY', name);
  }),
  route(upload, async ({ raw }) => {
    let bytes = 0;
    for await (const chunk of raw.body as AsyncIterable<Buffer>) bytes += chunk.length;
    return { bytes };
  }),
];
let begun: () => void = () => {};
const whenBegun = () =>
  new Promise<void>((resolve) => {
    begun = resolve;
  });

let app: FastifyInstance;
const start = async (options: Partial<HttpOptions> = {}): Promise<() => Socket> => {
  app = createHttpServer({ service: 'controller', routes, keys: { auth: 'k', admin: 'a' }, ...options });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  return () => connect(port, '127.0.0.1').on('error', () => {});
};
afterEach(() => app.close());

const head = (path: string, length: number, type = 'application/json') =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: ${type}\r\nContent-Length: ${length}\r\n\r\n`;
const send = async (socket: Socket, request: string): Promise<{ status: number; body: string }> => {
  socket.write(request.replace('Host: x', 'Host: x\r\nConnection: close'));
  const reply = await text(socket);
  return { status: Number(reply.split(' ')[1]), body: reply.slice(reply.indexOf('\r\n\r\n') + 4) };
};
const post = (path: string, body: string) => head(path, body.length) + body;
const body = JSON.stringify({ auth_key: 'k' });

describe('requests that do not come whole', () => {
  test('are broken off after a time; uploads only when nothing comes any more', async () => {
    // Client and service are one process: what keeps the one from sending keeps the other from reading.
    const open = await start({ requestMs: 400 });
    const hanging = open();
    hanging.write(`${head('/named/a', 100)}{"auth`);
    const [refused] = await once(hanging, 'data');
    expect(String(refused)).toMatch(/^HTTP\/1\.1 408 /);
    await once(hanging, 'close');

    const uploading = open();
    uploading.write(head('/upload', 30, 'multipart/form-data'));
    // Longer than the time limit as a whole.
    for (let i = 0; i < 30; i++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      uploading.write('x');
    }
    const [reply] = await once(uploading, 'data');
    expect(String(reply)).toContain('"bytes":30');

    const stalled = open();
    stalled.write(`${head('/upload', 30, 'multipart/form-data')}x`);
    stalled.resume();
    await once(stalled, 'close');
  });

  test('do not hold the process', async () => {
    const open = await start({ closeMs: 3_600_000 });
    const half = [open(), open(), open()] as const;
    half[0].write('POST /named/a HT');
    half[1].write(`${head('/named/a', 100)}{"auth`);
    half[2].write(head('/upload', 30, 'multipart/form-data'));
    const whole = open();
    expect(await send(whole, post('/named/a', body))).toMatchObject({ status: 200 });
    const closed = Promise.all(half.map((socket) => once(socket, 'close')));
    await app.close();
    await closed;
  });

  test('neither do clients who keep a connection; a reply that is owed is still given', async () => {
    const open = await start();
    const socket = open();
    const reading = text(socket);
    const waiting = whenBegun();
    socket.write(post('/long', body));
    await waiting;
    const closing = app.close();
    release();
    await closing;
    expect(await reading).toContain('"success":1');
  });

  test('nor replies that are owed for too long, and the work goes on', async () => {
    const open = await start({ closeMs: 20 });
    const socket = open();
    const waiting = whenBegun();
    socket.write(post('/long', body));
    await waiting;
    await app.close();
    release();
    await ended;
  });
});

test('who closes what the work needs can wait for its end, although its client is gone', async () => {
  const work = new Work();
  const open = await start({ routes: work.of(routes), closeMs: 20 });
  const socket = open();
  const waiting = whenBegun();
  socket.write(post('/long', body));
  await waiting;
  await app.close();
  let isOver = false;
  const over = work.ended().then(() => {
    isOver = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(isOver).toBe(false);
  release();
  await over;
  await ended;
});

test('a request without a Host is taken, as by a real server', async () => {
  const open = await start();
  const request = post('/named/a', body).replace('Host: x', 'Connection: close');
  expect(await send(open(), request)).toMatchObject({ status: 200, body: expect.stringContaining('"name":"a"') });
});

test('work outlives the client who asked for it', async () => {
  const open = await start();
  const socket = open();
  const waiting = whenBegun();
  socket.write(post('/long', body));
  await waiting;
  socket.destroy();
  await once(socket, 'close');
  release();
  await ended;
});

test('a large reply is not kept for a client who does not read', async () => {
  const open = await start({ requestMs: 100 });
  const connected = once(app.server, 'connection');
  const idle = open();
  const [served] = (await connected) as [Socket];
  idle.write(post('/large', body));
  await once(served, 'close');
  idle.destroy();
});

test('a long request on a connection that has had replies is not cut short', async () => {
  const open = await start({ requestMs: 100 });
  const socket = open();
  socket.write(post('/named/a', body));
  await once(socket, 'data');
  const waiting = whenBegun();
  socket.write(post('/long', body));
  await waiting;
  await new Promise((resolve) => setTimeout(resolve, 300));
  release();
  expect(String(await once(socket, 'data'))).toContain('"success":1');
  socket.destroy();
});

describe('limits', () => {
  test('of headers and of the URL', async () => {
    const open = await start();
    expect((await send(open(), post(`/named/${'a'.repeat(20_000)}`, body))).status).toBe(431);
    expect(await send(open(), post(`/named/${'a'.repeat(10_000)}`, body))).toMatchObject({ status: 200 });
  });

  test('of bodies', async () => {
    const open = await start({ bodyBytes: 100 });
    const reply = await send(open(), post('/named/a', JSON.stringify({ auth_key: 'k', text: 'x'.repeat(200) })));
    expect(reply.status).toBe(200);
    expect(JSON.parse(reply.body)).toMatchObject({
      success: 0,
      error: expect.stringContaining('invalid parameters of the request, ex: the body of the request is too large'),
    });
  });

  test('of all large bodies at once; small ones pass, and so do large ones when there is room again', async () => {
    const dial = await start({ bodyBytes: 1024 * 1024, roomBytes: 2 * 1024 * 1024 });
    const body = (length: number) => JSON.stringify({ auth_key: 'k', text: 'x'.repeat(length) });
    const post = async (text: string) => (await send(dial(), head('/named/a', text.length) + text)).body;
    const waiting = [dial(), dial()];
    const arrived = new Promise<void>((resolve) => {
      let count = 0;
      app.server.on('request', () => {
        count += 1;
        if (count === 2) setImmediate(resolve);
      });
    });
    for (const socket of waiting) socket.write(`${head('/named/a', 1024 * 1024)}{`);
    await arrived;
    expect(await post(body(100_000))).toContain('too many requests with large bodies');
    expect(await post(body(10))).toContain('"success":1');
    for (const socket of waiting) socket.destroy();
    for (let reply = ''; !reply.includes('"success":1'); ) reply = await post(body(100_000));
  });

  test('what is no HTTP is 400', async () => {
    const open = await start();
    expect((await send(open(), 'hello\r\n\r\n')).status).toBe(400);
  });
});

test('names in paths: a slash that was written as %2f stays written so, other characters are decoded', async () => {
  const open = await start();
  const reply = await send(open(), post('/named/a%2Fb%20c', body));
  expect(JSON.parse(reply.body)).toMatchObject({ name: 'a%2fb c' });
});

test.each([
  ['no content type', 'POST /named/a HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nabcd'],
  ['another one', `${head('/named/a', 4, 'text/plain')}abcd`],
  ['no length', 'POST /named/a HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\r\n'],
  ['length 0', head('/named/a', 0)],
])('a body of %s is an empty object', async (_, request) => {
  const open = await start();
  const { status, body } = await send(open(), request);
  expect(status).toBe(200);
  expect(body).toContain('none of the authorization keys');
});

test('defects are logged, also where the reply has a warning; refusals are not', async () => {
  const lines: string[] = [];
  const open = await start({ log: { level: 'error', stream: { write: (line) => lines.push(line) } } });
  for (const name of ['known', 'internal', 'defect']) {
    expect((await send(open(), post(`/failing/${name}`, body))).body).toContain('"success":0');
  }
  expect(lines.map((line) => JSON.parse(line).err.message)).toEqual(['internal', 'defect']);
});

test('the log has a line for each request, and no key, header, query or body', async () => {
  const lines: string[] = [];
  const open = await start({ log: { level: 'trace', stream: { write: (line) => lines.push(line) } } });
  const canary = 'canary-5b1f';
  const secret = JSON.stringify({ auth_key: canary, text: canary });
  await send(open(), post(`/named/a?auth=${canary}`, secret));
  await send(open(), post(`/named/a?auth=${canary}`, JSON.stringify({ auth_key: 'k', text: canary })));
  await send(open(), post('/named/a', `{"auth_key": "${canary}`));
  await send(open(), post('/named/a', body).replace('Host: x', `Host: x\r\nAuthorization: ${canary}`));
  await send(open(), `POST /named/a HTTP/1.1\r\nHost: x\r\n${canary}\r\n\r\n`);
  await app.close();
  const requests = lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'request');
  expect(requests.map(({ method, path, status, failed }) => [method, path, status, failed])).toEqual([
    ['POST', '/named/a', 200, 'A'],
    ['POST', '/named/a', 200, undefined],
    ['POST', '/named/a', 200, 'P'],
    ['POST', '/named/a', 200, undefined],
  ]);
  expect(lines.join('')).not.toContain(canary);
});
