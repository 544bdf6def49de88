import fc from 'fast-check';
import type { Controller } from '../../ingest/controller/controller';
import { ERROR_CODES, type ErrorCode, IngestError } from '../../ingest/core/errors';
import { ControllerService, KEYS } from '../../test/support/controller-service';
import { hostileName, hostileText, newSeed } from '../../test/support/hostile';
import { createHttpServer } from '../http/server';
import { controllerRoutes } from './routes';

const codes = Object.keys(ERROR_CODES) as ErrorCode[];
const details = { database: 'd', table: 't', family: 'f', id: 1, databases: [], faults: [], worker: 'w', chunks: [1] };
/** What the next operation fails with. */
let code: ErrorCode = 'UNKNOWN_DATABASE';
/** Every operation fails: what is asked here is what the face makes of requests and of failures. */
const failing = new Proxy({} as Controller, {
  get: (_, name) => (name === 'capabilities' ? {} : async () => Promise.reject(new IngestError(code, 'said', details))),
});
const routes = controllerRoutes({ controller: failing, identity: { id: 'x', instanceId: 'y' } });
const app = createHttpServer({ service: 'controller', routes, keys: KEYS });
afterAll(() => app.close());

const value = fc.oneof(
  fc.constantFrom<unknown>(0, 1, -1, 1.5, 1e300, 4294967296, true, false, null, '', '0', [], {}, [1], [{}]),
  hostileName,
  hostileText,
  fc.jsonValue({ maxDepth: 2 }),
  fc.array(fc.record({ name: hostileName, type: hostileText, column: hostileName, length: fc.nat() }), {
    maxLength: 2,
  }),
);
const some = <T>(names: string[], of: fc.Arbitrary<T>) =>
  fc.dictionary(fc.constantFrom('version', '__proto__', 'constructor', ...names), of, { maxKeys: 12 });
const words = fc.oneof(
  hostileText,
  hostileName,
  fc.integer().map(String),
  fc.constantFrom('', 'true', '0', '!STARTED'),
);
const whole = (names: string[]) =>
  fc.record(Object.fromEntries(names.map((name) => [name, value])), { requiredKeys: names });
const text = (of: string) => encodeURIComponent(Buffer.from(of).toString());
/** As a part of a path; empty ones and dots lead elsewhere. */
const segment = (name = '') => (/^\.{0,2}$/.test(name) ? 'x' : text(name));

const request = fc.constantFrom(...routes).chain(({ endpoint }) => {
  const { method, path, params, query, body } = endpoint;
  const names = Object.keys(body?.shape ?? {});
  return fc.record({
    method: fc.constant(method),
    path: fc
      .array(hostileName, { minLength: 3, maxLength: 3 })
      .map((given) =>
        Object.keys(params?.shape ?? {}).reduce((all, name, i) => all.replace(`:${name}`, segment(given[i])), path),
      ),
    query: some(Object.keys(query?.shape ?? {}), words).map((all) =>
      Object.entries(all).map(([k, v]) => `${text(k)}=${text(v)}`),
    ),
    body: fc.oneof(some(names, value), whole(names)),
    keys: fc.constantFrom({ auth_key: KEYS.auth }, { admin_auth_key: KEYS.admin }, {}),
    code: fc.constantFrom(...codes),
  });
});

test('any JSON body, any name, any query is answered in the envelope', async () => {
  const seed = newSeed('controller requests');
  await fc.assert(
    fc.asyncProperty(request, async ({ method, path, query, body, keys, code: next }) => {
      code = next;
      const reply = await app.inject({
        method,
        url: `${path}?${query.join('&')}`,
        headers: { 'content-type': 'application/json' },
        payload: JSON.stringify({ ...body, ...keys }),
      });
      expect(reply.statusCode).toBe(200);
      const { success, error, error_ext, warning } = reply.json();
      expect([typeof error, typeof error_ext, typeof warning]).toEqual(['string', 'object', 'string']);
      expect(success).toBe(error === '' ? 1 : 0);
      expect(error).not.toContain('internal error');
    }),
    { numRuns: 10_000, seed },
  );
}, 300_000);

test('any bytes as a body', async () => {
  const seed = newSeed('controller bodies');
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.uint8Array(), fc.string(), fc.json(), hostileText), async (bytes) => {
      const payload = Buffer.from(bytes as string);
      const headers = { 'content-type': 'application/json' };
      const reply = await app.inject({ method: 'POST', url: '/ingest/table', headers, payload });
      expect(reply.statusCode).toBe(200);
      expect(reply.json()).toMatchObject({ success: 0, error: expect.not.stringContaining('internal error') });
    }),
    { numRuns: 2000, seed },
  );
});

test('hostile names meet the records and the servers as values', async () => {
  const seed = newSeed('controller names');
  const service = await ControllerService.start();
  const names = ['a\0b', ...fc.sample(hostileName, { numRuns: 25, seed })];
  for (const name of names) {
    const part = segment(name);
    const body = { database: name, table: name, family: name, all: 0, published: 1 };
    for (const [method, path] of [
      ['GET', `/ingest/table/${part}`],
      ['GET', '/ingest/database'],
      ['PUT', `/ingest/database/${part}`],
      ['DELETE', `/ingest/table/${part}/${part}`],
      ['DELETE', `/replication/config/family/${part}`],
    ] as const) {
      const { success, error } = await service.call(method, path, { body });
      if (success) continue;
      expect(error).toMatch(/no such database|cannot be recorded|_databaseFamilyInfo/);
    }
  }
  await service.close();
});
