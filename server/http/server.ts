import { type FastifyBaseLogger, type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { Refusal } from '../../api/qserv/refusal';
import type { ServiceKeys } from './keys';
import { answer, envelope } from './pipeline';
import { asRefusal } from './refusals';
import type { Route } from './route';

/** A context of a super-transaction may have 16 MB, docs/contract/controller.md §6.1. */
const BODY_BYTES = 64 * 1024 * 1024;
/** Within which a request's body must have come, docs/contract/README.md §3. */
const REQUEST_MS = 5 * 60_000;

export interface HttpOptions {
  service: 'controller' | 'worker';
  routes: Route[];
  keys: ServiceKeys;
  /** Bytes of a body that is read as a whole; default 64 MiB. */
  bodyBytes?: number;
  /** Default: silent. */
  logger?: FastifyBaseLogger;
}

/** A service over HTTP as Qserv's clients expect it. Not listening yet. */
export function createHttpServer(options: HttpOptions): FastifyInstance {
  const { service, routes, keys, logger } = options;
  const app: FastifyInstance = fastify({
    ...(logger ? { loggerInstance: logger } : {}),
    bodyLimit: options.bodyBytes ?? BODY_BYTES,
    requestTimeout: REQUEST_MS,
    forceCloseConnections: 'idle',
    routerOptions: { ignoreTrailingSlash: service === 'controller', caseSensitive: true, querystringParser: lastWins },
  });
  app.addHttpMethod('GET', { hasBody: true, overrideExisting: true });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(/^application\/json(\s*;|$)/i, { parseAs: 'string' }, (_, text, done) => {
    parseJson(text as string).then((body) => done(null, body), done);
  });
  // A real server does not look at other bodies; then the keys are missing.
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_, _body, done) => done(null, undefined));
  app.setErrorHandler((error, request, reply) => refuse(error, request, reply));
  app.setNotFoundHandler((_, reply) =>
    service === 'worker'
      ? reply.code(404).send('')
      : reply.code(404).type('text/html').send('<html><body>404 Not Found</body></html>\n'),
  );
  for (const route of routes.filter((r) => r.endpoint.streamed === undefined)) add(app, route, keys);
  const streamed = routes.filter((r) => r.endpoint.streamed !== undefined);
  app.register(async (own) => {
    own.removeAllContentTypeParsers();
    own.addContentTypeParser('*', (_, payload, done) => done(null, payload));
    for (const route of streamed) add(own, route, keys);
  });
  return app;
}

function add(app: FastifyInstance, route: Route, keys: ServiceKeys): void {
  const { method, path } = route.endpoint;
  app.route({
    method,
    url: path,
    handler: async (request, reply) => sendJson(reply, await answer(route, request, keys)),
    // What is read as it comes has limits of its own.
    ...(route.endpoint.streamed ? { bodyLimit: Number.MAX_SAFE_INTEGER } : {}),
  });
}

/** Every failure of a handled request has status 200, docs/contract/README.md §2. */
function refuse(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const refusal = asRefusal(error) ?? transportRefusal(error);
  if (refusal !== undefined) return sendJson(reply, envelope(refusal));
  request.log.error({ err: error }, 'request failed');
  return sendJson(reply, envelope(new Refusal('F', 'internal error, see the log of the service')));
}

/** As bytes: to a text Fastify would add a charset, which clients that compare the type do not expect. */
function sendJson(reply: FastifyReply, fields: Record<string, unknown>): FastifyReply {
  return reply
    .code(200)
    .type('application/json')
    .send(Buffer.from(JSON.stringify(fields)));
}

function transportRefusal(error: unknown): Refusal | undefined {
  const { code, message } = error as { code?: string; message?: string };
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return new Refusal('P', `the body of the request is too large: ${message}`);
  return undefined;
}

async function parseJson(text: string): Promise<unknown> {
  if (text.trim() === '') return {};
  try {
    return JSON.parse(text);
  } catch {
    throw new Refusal('P', 'invalid format of the request body. A simple JSON object was expected');
  }
}

function lastWins(text: string): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(text.replaceAll('+', '%2B')));
}
