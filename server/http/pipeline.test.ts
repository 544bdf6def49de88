import { z } from 'zod';
import { endpoint } from '../../api/qserv/endpoint';
import { flag, uint } from '../../api/qserv/fields';
import { pathId, queryBool } from '../../api/qserv/query-fields';
import { Refusal } from '../../api/qserv/refusal';
import { IngestError } from '../../ingest/core/errors';
import { route } from './route';
import { createHttpServer } from './server';

const echo = endpoint({
  service: 'controller',
  method: 'PUT',
  path: '/echo/:id',
  component: 'HTTP-PROCESSOR',
  floor: 12,
  floors: (body) => ('late' in body ? [{ floor: 30, warning: "'late' requires API version 30 or newer." }] : []),
  summary: 'Says what it got',
  tag: 'test',
  params: z.object({ id: pathId }),
  query: z.object({ abort: queryBool }),
  body: z.object({ name: z.string(), count: uint.default(7), all: flag.default(true) }),
  reply: z.object({ got: z.unknown() }),
});
const failing = endpoint({
  service: 'controller',
  method: 'GET',
  path: '/failing/:id',
  component: 'HTTP-PROCESSOR',
  summary: 'Fails',
  tag: 'test',
  params: z.object({ id: z.string() }),
  reply: z.object({}),
});

const errors: Record<string, Error> = {
  known: new IngestError('UNKNOWN_DATABASE', 'no such database', { database: 'D' }),
  said: new Refusal('E', 'said so', { a: 1 }, 'beware'),
  defect: new Error('canary'),
};
const app = createHttpServer({
  service: 'controller',
  keys: { auth: 'k', admin: 'a' },
  routes: [
    route(echo, async ({ params, query, body, isAdmin, warn }) => {
      if (body.count === 9) warn('nine');
      if (body.name === 'unknown') throw errors.known;
      return { got: { ...params, ...query, ...body, isAdmin } };
    }),
    route(failing, async ({ params }) => {
      throw errors[params.id] as Error;
    }),
  ],
});
afterAll(() => app.close());

const put = async (body: unknown, url = '/echo/5?abort=TRUE', type = 'application/json') => {
  const payload = typeof body === 'string' ? body : JSON.stringify(body);
  const reply = await app.inject({ method: 'PUT', url, payload, headers: { 'content-type': type } });
  expect(reply.statusCode).toBe(200);
  return reply.json();
};
const ok = { success: 1, error: '', error_ext: {}, warning: '' };

test('parameters come coerced, in the envelope; a missing version is a warning', async () => {
  expect(await put({ auth_key: 'k', version: 55, name: 'n', count: -1, all: 0 })).toEqual({
    ...ok,
    got: { id: 5, abort: true, name: 'n', count: 4294967295, all: false, isAdmin: false },
  });
  expect(await put({ admin_auth_key: 'a', name: 'n', count: 9.9 }, '/echo/5/?abort=0')).toEqual({
    ...ok,
    warning: 'No version number was provided in the request.; nine',
    got: { id: 5, abort: false, name: 'n', count: 9, all: true, isAdmin: true },
  });
});

test.each([
  [
    { version: 55 },
    "failed to pass authorization requirements, ex: HTTP-PROCESSOR none of the authorization keys 'auth_key' or 'admin_auth_key' was found in the request. Please, provide one.",
  ],
  [
    { auth_key: 'x' },
    "failed to pass authorization requirements, ex: HTTP-PROCESSOR authorization key 'auth_key' in the request doesn't match the one in server configuration",
  ],
  [
    { auth_key: 'k', admin_auth_key: 'k' },
    "failed to pass authorization requirements, ex: HTTP-PROCESSOR administrator's authorization key 'admin_auth_key' in the request doesn't match the one in server configuration",
  ],
  [{ auth_key: 5 }, 'operation failed due to: [json.exception.type_error.302] type must be string, but is number'],
  [
    { auth_key: 'k', admin_auth_key: null },
    'operation failed due to: [json.exception.type_error.302] type must be string, but is null',
  ],
  [
    { auth_key: 'k', version: 55 },
    'invalid parameters of the request, ex: RequestBodyJSON::required<T>[static] required parameter name is missing in the request body',
  ],
  [
    { auth_key: 'k', version: 55, name: null },
    'operation failed due to: [json.exception.type_error.302] type must be string, but is null',
  ],
  [
    { auth_key: 'k', version: 55, name: 'n', count: '3' },
    'operation failed due to: [json.exception.type_error.302] type must be number, but is string',
  ],
  [
    { auth_key: 'k', version: 55, name: 'n', count: 4294967299 },
    'invalid parameters of the request, ex: the number 4294967299 is beyond an unsigned integer of 32 bits',
  ],
  [
    { auth_key: 'k', version: 55, name: 'n', count: -1e300 },
    'invalid parameters of the request, ex: the number -1e+300 is beyond an unsigned integer of 32 bits',
  ],
  [
    'null',
    'invalid parameters of the request, ex: invalid format of the request body. A simple JSON object was expected',
  ],
  [
    '[1',
    'invalid parameters of the request, ex: invalid format of the request body. A simple JSON object was expected',
  ],
])('refuses %j', async (body, error) => {
  expect(await put(body)).toMatchObject({ success: 0, error });
});

test.each([
  ['/echo/x?abort=1', 'stoul'],
  // Real servers take these for 5.
  ['/echo/4294967301?abort=1', 'stoul'],
  ['/echo/-4294967291?abort=1', 'stoul'],
  ['/echo/5', "RequestQuery::requiredBool mandatory parameter 'abort' is missing"],
  ['/echo/5?abort=maybe', 'stoull'],
])('refuses %s', async (url, tail) => {
  expect(await put({ auth_key: 'k', version: 55, name: 'n' }, url)).toMatchObject({
    error: `invalid parameters of the request, ex: ${tail}`,
  });
});

test('a body that is nested too deeply is refused before anybody reads it', async () => {
  const body = (depth: number) =>
    `{"auth_key":"k","version":55,"name":"n","x":${'['.repeat(depth)}${']'.repeat(depth)}}`;
  expect(await put(body(499))).toMatchObject({ success: 1 });
  const error =
    'invalid parameters of the request, ex: the request body has more than 500 objects or arrays within each other';
  for (const depth of [500, 100_000]) expect(await put(body(depth))).toMatchObject({ success: 0, error });
});

test.each([
  [11, 'The requested version 11 of the API is not in the range supported by the service.'],
  [56, 'The requested version 56 of the API is not in the range supported by the service.'],
  ['x', 'The optional parameter version is not a number.'],
  [true, 'The optional parameter version is not a number.'],
  [null, 'The optional parameter version is not a number.'],
  ['', 'The optional parameter version is not a number.'],
  [12.5, 'The optional parameter version is not a number.'],
  // Real servers read an unsigned integer of 32 bits.
  [-1, 'The optional parameter version is not a number.'],
  ['99999999999999999999999', 'The optional parameter version is not a number.'],
  [{}, 'The optional parameter version is not a number.'],
])('version %j', async (version, error) => {
  const range = { min_version: 12, max_version: 55 };
  expect(await put({ auth_key: 'k', version })).toEqual({ success: 0, error, error_ext: range, warning: '' });
});

test('fields that came later ask for a higher version', async () => {
  const late = { auth_key: 'k', name: 'n', late: 0 };
  expect(await put({ ...late, version: 29 })).toEqual({
    success: 0,
    error: 'The requested version 29 of the API is not in the range supported by the service.',
    error_ext: { min_version: 30, max_version: 55 },
    warning: "'late' requires API version 30 or newer.",
  });
  expect(await put({ ...late, version: 11 })).toMatchObject({ error_ext: { min_version: 30 } });
  expect(await put({ ...late, version: 30 })).toMatchObject({ success: 1, warning: '' });
  expect(await put(late)).toMatchObject({ success: 1, warning: 'No version number was provided in the request.' });
});

test('the query has a version too, the body wins; the content type may have parameters', async () => {
  expect(await put({ auth_key: 'k', name: 'n' }, '/echo/5?abort=1&version=12')).toMatchObject({ warning: '' });
  expect(await put({ auth_key: 'k', name: 'n', version: 3 }, '/echo/5?abort=1&version=12')).toMatchObject({
    success: 0,
  });
  expect(await put({ auth_key: 'k', name: 'n' }, '/echo/5?abort=1', 'application/json; charset=utf-8')).toMatchObject({
    success: 1,
  });
  expect((await put({ auth_key: 'k', name: 'n' }, '/echo/5?abort=1', 'text/plain')).error).toContain(
    'none of the authorization keys',
  );
});

test('failures keep status 200; those of our own say nothing', async () => {
  const get = async (id: string) => (await app.inject(`/failing/${id}`)).json();
  expect(await put({ auth_key: 'k', name: 'unknown' })).toEqual({
    success: 0,
    error: "operation failed due to: CONFIG  _databaseInfo no such database 'D'.",
    error_ext: {},
    warning: 'No version number was provided in the request.',
  });
  expect(await get('known')).toEqual({
    success: 0,
    error: "operation failed due to: CONFIG  _databaseInfo no such database 'D'.",
    error_ext: {},
    warning: '',
  });
  expect(await get('said')).toEqual({ success: 0, error: 'said so', error_ext: { a: 1 }, warning: 'beware' });
  expect(await get('defect')).toMatchObject({
    success: 0,
    error: 'operation failed due to: internal error, see the log of the service',
  });
});

test.each(['', '{"version":55}', 'no JSON', 'x'.repeat(1000)])(
  'unknown paths are 404, whatever is sent: %j',
  async (payload) => {
    const headers = { 'content-type': 'application/json' };
    const reply = await app.inject({ method: 'POST', url: '/nothing', payload, headers });
    expect([reply.statusCode, reply.headers['content-type']]).toEqual([404, 'text/html']);
  },
);
