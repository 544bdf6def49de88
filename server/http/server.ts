import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { Refusal } from '../../api/qserv/refusal';
import { IngestError } from '../../ingest/core/errors';
import { registerOpenApi } from '../openapi/register';
import { limitArrival, limitTaking } from './arrival';
import { drained, parseJson } from './body';
import { closeWithin } from './connections';
import type { ServiceKeys } from './keys';
import { limitLargeBodies } from './large-bodies';
import { type LogOptions, logging, logRequests } from './log';
import { answer, envelope } from './pipeline';
import { asRefusal } from './refusals';
import type { Route } from './route';

/** A context of a super-transaction may have 16 MB, docs/contract/controller.md §6.1. */
const BODY_BYTES = 32 * 1024 * 1024;
/** Of all large bodies at once. */
const ROOM_BYTES = 256 * 1024 * 1024;
/** Within which a request must have come, docs/contract/README.md §3. */
const REQUEST_MS = 5 * 60_000;
const CLOSE_MS = 10_000;
/** For the rest of a body that nobody reads, before its request is answered. */
const DRAIN_MS = 60_000;
/** Request line and headers together; beyond: status 431. */
const HEADER_BYTES = 16 * 1024;

export interface HttpOptions {
  service: 'controller' | 'worker';
  routes: Route[];
  keys: ServiceKeys;
  /** Bytes of a body that is read as a whole; default 32 MiB. */
  bodyBytes?: number;
  /** Bytes of all larger bodies that are read as a whole, at once; default 256 MiB. */
  roomBytes?: number;
  /** Milliseconds within which a whole request must have come, or the next byte of an upload that is read as it comes, and within which more of a reply must be taken; default 5 minutes. */
  requestMs?: number;
  /** Milliseconds that `close` waits for replies that are owed; default 10 000. */
  closeMs?: number;
  /** Default: silent. */
  log?: LogOptions;
}

/** A service over HTTP as Qserv's clients expect it, with its description for readers (server/openapi). Not listening yet. */
export function createHttpServer(options: HttpOptions): FastifyInstance {
  const { service, routes, keys, bodyBytes = BODY_BYTES } = options;
  const app: FastifyInstance = fastify({
    ...logging(options.log),
    bodyLimit: bodyBytes,
    forceCloseConnections: 'idle',
    http: { maxHeaderSize: HEADER_BYTES, requireHostHeader: false },
    routerOptions: {
      ignoreTrailingSlash: service === 'controller',
      caseSensitive: true,
      querystringParser: lastWins,
      maxParamLength: HEADER_BYTES,
    },
  });
  closeWithin(app, options.closeMs ?? CLOSE_MS);
  const arrival = limitArrival(app, options.requestMs ?? REQUEST_MS);
  limitLargeBodies(app, bodyBytes, options.roomBytes ?? ROOM_BYTES);
  limitTaking(app, options.requestMs ?? REQUEST_MS);
  const failed = new WeakMap<FastifyRequest, string>();
  logRequests(app, failed);
  app.addHttpMethod('GET', { hasBody: true, overrideExisting: true });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(/^application\/json(\s*;|$)/i, { parseAs: 'string' }, (_, text, done) => {
    parseJson(text as string).then((body) => done(null, body), done);
  });
  // A real server does not look at other bodies; then the keys are missing.
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_, _body, done) => done(null, undefined));
  const notFound = (reply: FastifyReply) =>
    service === 'worker'
      ? reply.code(404).send('')
      : reply.code(404).type('text/html').send('<html><body>404 Not Found</body></html>\n');
  app.setErrorHandler((error, request, reply) => {
    if (request.is404) return notFound(reply);
    const refusal = refusalOf(error, request);
    failed.set(request, refusal.kind);
    return sendJson(reply, envelope(refusal));
  });
  app.setNotFoundHandler((_, reply) => notFound(reply));
  for (const route of routes.filter((r) => r.endpoint.streamed === undefined)) add(app, route, keys);
  const streamed = routes.filter((r) => r.endpoint.streamed !== undefined);
  app.register(async (own) => {
    own.removeAllContentTypeParsers();
    own.addContentTypeParser('*', (_, payload, done) => done(null, payload));
    own.addHook('onRequest', async ({ raw }) => arrival.streamed(raw));
    for (const route of streamed) add(own, route, keys);
  });
  registerOpenApi(
    app,
    service,
    routes.map((route) => route.endpoint),
  );
  return app;
}

function add(app: FastifyInstance, route: Route, keys: ServiceKeys): void {
  const { method, path } = route.endpoint;
  app.route({
    method,
    url: path,
    handler: async (request, reply) => {
      const fields = await answer(route, request, keys).finally(async () => {
        if (route.endpoint.streamed && !(await drained(request.raw, DRAIN_MS))) reply.header('connection', 'close');
      });
      return sendJson(reply, fields);
    },
    // What is read as it comes has limits of its own.
    ...(route.endpoint.streamed ? { bodyLimit: Number.MAX_SAFE_INTEGER } : {}),
  });
}

/** Every failure of a handled request has an envelope, docs/contract/README.md §2. What is a defect of ours is logged, not told. */
function refusalOf(error: unknown, request: FastifyRequest): Refusal {
  const refusal = asRefusal(error) ?? transportRefusal(error);
  const reason = error instanceof Refusal ? error.cause : error;
  if (refusal === undefined || (reason instanceof IngestError && reason.code === 'INTERNAL')) {
    request.log.error({ err: reason }, 'request failed');
  }
  return refusal ?? new Refusal('F', 'internal error, see the log of the service');
}

/** As bytes: to a text Fastify would add a charset, which clients that compare the type do not expect. */
function sendJson(reply: FastifyReply, fields: Record<string, unknown>): FastifyReply {
  return reply
    .code(200)
    .type('application/json')
    .send(Buffer.from(JSON.stringify(fields)));
}

/** What Fastify finds wrong with a request before a handler sees it: too large, cut off, of no content type. */
function transportRefusal(error: unknown): Refusal | undefined {
  const { code = '', message, statusCode = 500 } = error as { code?: string; message?: string; statusCode?: number };
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return new Refusal('P', `the body of the request is too large: ${message}`);
  }
  if (code === 'ECONNRESET') return new Refusal('P', 'the request was broken off');
  return code.startsWith('FST_ERR_') && statusCode < 500 ? new Refusal('P', message ?? code) : undefined;
}

function lastWins(text: string): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(text.replaceAll('+', '%2B')));
}
