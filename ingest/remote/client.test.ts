import { createServer, type IncomingMessage, type Server } from 'node:http';
import { Readable } from 'node:stream';
import { z } from 'zod';
import { endpoint } from '../../api/qserv/endpoint';
import { listening } from '../../test/support/listening';
import { IngestError } from '../core/errors';
import { QservClient } from './client';

const common = { service: 'controller', component: 'HTTP-PROCESSOR', summary: '', tag: 't' } as const;
const put = endpoint({
  ...common,
  method: 'PUT',
  path: '/things/:name',
  floor: 12,
  params: z.object({ name: z.string() }),
  query: z.object({ abort: z.string() }),
  body: z.object({ count: z.number() }),
  reply: z.object({ got: z.number() }),
});
const get = endpoint({
  ...common,
  method: 'GET',
  path: '/things',
  floor: 12,
  query: z.object({ a: z.string().optional() }),
  reply: z.object({ got: z.number() }),
});
const getWithBody = endpoint({ ...get, body: z.object({ family: z.string() }) });
const newer = endpoint({ ...get, floor: 54 });
const form = endpoint({ ...put, method: 'POST', path: '/form', streamed: 'multipart/form-data' });

interface Seen {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  text: string;
}

let server: Server;
let url: string;
let seen: Seen[] = [];
let version = 55;
/** What the next requests get; undefined is a connection that breaks, `later` none at all. */
let reply: (request: Seen) => { status?: number; text: string } | 'later' | undefined;

const success = (fields: object) => JSON.stringify({ success: 1, error: '', error_ext: {}, warning: '', ...fields });
const refusal = (error: string, error_ext = {}) => JSON.stringify({ success: 0, error, error_ext, warning: '' });

beforeAll(async () => {
  server = createServer(async (request, response) => {
    let text = '';
    try {
      for await (const chunk of request) text += chunk;
    } catch {
      return;
    }
    const one = { method: request.method ?? '', url: request.url ?? '', headers: request.headers, text };
    if (one.url === '/meta/version') {
      const known = { kind: 'replication-controller', id: 'a', instance_id: 'q', version, database_schema_version: 15 };
      response.end(success(known));
      return;
    }
    seen.push(one);
    const answer = reply(one);
    if (answer === 'later') return;
    if (answer === undefined) request.socket.destroy();
    else response.writeHead(answer.status ?? 200, { 'content-type': 'application/json' }).end(answer.text);
  });
  url = `http://127.0.0.1:${await listening(server)}`;
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

let client: QservClient;
const connect = (urls = [url], adminAuthKey: string | undefined = 'the-admin-key') =>
  new QservClient({ service: 'controller', urls, authKey: 'the-key', adminAuthKey });
beforeEach(() => {
  seen = [];
  version = 55;
  reply = () => ({ text: success({ got: 1 }) });
  client = connect();
});
afterEach(() => client.close());

const sent = { params: { name: 'a/b' }, query: { abort: '1' }, body: { count: 3 } };

test('a body has keys, version, exact content type and length', async () => {
  expect(await client.call(put, sent)).toEqual({ got: 1 });
  const [one] = seen;
  expect(one).toMatchObject({ method: 'PUT', url: '/things/a%2Fb?abort=1' });
  expect(JSON.parse(one?.text ?? '')).toEqual({ auth_key: 'the-key', version: 55, count: 3 });
  expect(one?.headers).toMatchObject({
    'content-type': 'application/json',
    'content-length': String(one?.text.length),
  });
  expect(one?.headers['transfer-encoding']).toBeUndefined();
});

test("the administrator's key goes alone", async () => {
  await client.call(put, sent, { admin: true });
  expect(JSON.parse(seen[0]?.text ?? '')).toEqual({ admin_auth_key: 'the-admin-key', version: 55, count: 3 });
  const plain = new QservClient({ service: 'controller', urls: [url], authKey: 'the-key' });
  await expect(plain.call(put, sent, { admin: true })).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
  expect(seen).toHaveLength(1);
  await plain.close();
});

test('GET: no keys, the version in the query; a body where the service reads one', async () => {
  await client.call(get, { query: { a: 'x' } });
  expect(seen[0]).toMatchObject({ url: '/things?version=55&a=x', text: '' });
  await client.call(getWithBody, { query: {}, body: { family: 'f' } });
  expect(seen[1]).toMatchObject({ url: '/things?version=55', text: '{"family":"f"}' });
  expect(seen[1]?.headers).toMatchObject({ 'content-type': 'application/json', 'content-length': '14' });
});

test('an older service is spoken to in its version, as far as its version goes', async () => {
  version = 40;
  await client.call(get, { query: {} });
  expect(seen[0]?.url).toBe('/things?version=40');
  await expect(client.call(newer, { query: {} })).rejects.toMatchObject({
    code: 'INVALID_INPUT',
    details: { version: 40, floor: 54 },
  });
  const later = { ...put, floors: ({ count }: Record<string, unknown>) => (count === 4 ? [{ floor: 49 }] : []) };
  await expect(client.call(later, { ...sent, body: { count: 4 } })).rejects.toMatchObject({
    code: 'INVALID_INPUT',
    details: { version: 40, floor: 49 },
  });
  expect(seen).toHaveLength(1);
});

test('a service that changed its version is asked for it again', async () => {
  await client.call(get, { query: {} });
  version = 54;
  reply = () => ({
    text: refusal('The requested version 55 of the API is not in the range supported by the service.', {
      min_version: 12,
      max_version: 54,
    }),
  });
  await expect(client.call(get, { query: {} })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  reply = () => ({ text: success({ got: 1 }) });
  await client.call(get, { query: {} });
  expect(seen.at(-1)?.url).toBe('/things?version=54');
});

test('nobody there: the request was not sent, and the next address is tried', async () => {
  const nobody = connect(['http://127.0.0.1:1']);
  await expect(nobody.call(put, sent)).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    details: { outcome: 'not sent', cause: 'ECONNREFUSED' },
  });
  await nobody.close();
  const two = connect(['http://127.0.0.1:1', url]);
  expect(await two.call(put, sent)).toEqual({ got: 1 });
  await two.close();
});

test('whatever connecting says, the request was not sent', async () => {
  // An address of a link that is not named.
  const nowhere = connect(['http://[fe80::1]:9', url]);
  expect(await nowhere.call(put, sent)).toEqual({ got: 1 });
  await nowhere.close();
});

test('a connection that breaks while the version is asked for: the request itself was not sent', async () => {
  const broken = createServer((request) => request.socket.destroy());
  const other = connect([`http://127.0.0.1:${await listening(broken)}`]);
  await expect(other.call(put, sent)).rejects.toMatchObject({ code: 'UNAVAILABLE', details: { outcome: 'not sent' } });
  await other.close();
  await new Promise((resolve) => broken.close(resolve));
});

test('a broken connection: the request may have arrived, and is not sent again', async () => {
  reply = () => undefined;
  const two = connect([url, url]);
  await expect(two.call(put, sent)).rejects.toMatchObject({ code: 'UNAVAILABLE', details: { outcome: 'unknown' } });
  expect(seen).toHaveLength(1);
  await two.close();
});

test('long requests leave the connections to those that are answered at once', async () => {
  const one = new QservClient({ service: 'controller', urls: [url], authKey: 'the-key', connections: 1 });
  await one.identity();
  let begun = () => {};
  const isBegun = new Promise<void>((resolve) => {
    begun = resolve;
  });
  reply = ({ method }) => {
    if (method === 'GET') return { text: success({ got: 2 }) };
    begun();
    return 'later';
  };
  const long = [1, 2].map(() => one.call(put, sent, { long: true }).catch((error) => error));
  await isBegun;
  expect(await one.call(get, { query: {} })).toEqual({ got: 2 });
  await one.close();
  expect(await Promise.all(long)).toMatchObject([{ code: 'CANCELLED' }, { code: 'CANCELLED' }]);
});

test('cancelled by the signal, or by close', async () => {
  const stop = new AbortController();
  reply = () => {
    stop.abort();
    return { text: '' };
  };
  await expect(client.call(put, sent, { signal: stop.signal })).rejects.toMatchObject({ code: 'CANCELLED' });
  const closed = connect();
  reply = () => {
    void closed.close();
    return { text: '' };
  };
  await expect(closed.call(put, sent)).rejects.toMatchObject({ code: 'CANCELLED' });
});

test('whoever is cancelled while the version is asked for does not take others with it', async () => {
  const stop = new AbortController();
  const first = client.call(put, sent, { signal: stop.signal }).catch((e) => e);
  const second = client.call(put, sent);
  stop.abort();
  expect(await first).toMatchObject({ code: 'CANCELLED', details: { outcome: 'not sent' } });
  expect(await second).toEqual({ got: 1 });
  expect(seen).toHaveLength(1);
});

test.each([
  ['a page', '<html>', 200, 'INTERNAL', /^the reply to PUT \/things\/:name at http:\/\/127.* is not one of Qserv/],
  ['no envelope', '{"got":1}', 200, 'INTERNAL', /is not one of Qserv/],
  ['another reply', success({ got: 'x' }), 200, 'INTERNAL', /PUT \/things\/:name .* does not fit: got/],
  ['an unknown path', '', 404, 'INTERNAL', /status 404; is it the URL/],
  ['a defect there', '', 500, 'UNAVAILABLE', /status 500/],
])('%s', async (_, text, status, code, message) => {
  reply = () => ({ status, text });
  await expect(client.call(put, sent)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
});

test('a refusal shows no key, and no other secret of the request', async () => {
  reply = ({ text }) => ({
    text: refusal(`operation failed due to: ${text} s=signature`, { url: 's=signature', n: [text] }),
  });
  const error = await client.call(put, sent, { secrets: ['signature'] }).catch((e) => e);
  expect(error.message).toContain('"auth_key":"***"');
  expect(JSON.stringify([error.message, error.details])).not.toMatch(/the-key|signature/);
});

test('a form: keys, version, fields and the file, which comes last and as a stream', async () => {
  const content = Readable.from([Buffer.from('1\t2\n'), Buffer.from('3\t4\n')]);
  await client.upload(form, { table: 'T' }, { name: 'a "b".csv', content });
  const type = seen[0]?.headers['content-type'] ?? '';
  const boundary = /^multipart\/form-data; boundary=(.*)$/.exec(type)?.[1];
  const parts = (seen[0]?.text ?? '').split(`--${boundary}`).map((part) => part.trim());
  expect(parts).toEqual([
    '',
    'Content-Disposition: form-data; name="auth_key"\r\n\r\nthe-key',
    'Content-Disposition: form-data; name="version"\r\n\r\n55',
    'Content-Disposition: form-data; name="table"\r\n\r\nT',
    'Content-Disposition: form-data; name="file"; filename="a %22b%22.csv"\r\nContent-Type: application/octet-stream\r\n\r\n1\t2\n3\t4',
    '--',
  ]);
});

test('a file that fails in mid-stream fails the call with its own error', async () => {
  const content = new Readable({
    read() {
      this.push('1\t2\n');
      this.destroy(new IngestError('SOURCE_BROKEN', 'no more'));
    },
  });
  await expect(client.upload(form, {}, { name: 'f', content })).rejects.toMatchObject({ code: 'SOURCE_BROKEN' });
  expect(seen).toEqual([]);
});
