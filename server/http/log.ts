import { type FastifyInstance, type FastifyRequest, type FastifyServerOptions, LogController } from 'fastify';

export interface LogOptions {
  /** Of pino: trace, debug, info, warn, error, fatal. */
  level: string;
  /** Where lines of JSON go. Default: standard output. */
  stream?: { write(line: string): void };
}

/** An error without what drivers and parsers hang on to it: packets, requests, values. */
const shown = ({ name, message, stack }: Error) => ({ type: name, message, stack: stack ?? '' });

/** Bodies, headers and queries hold keys and secrets of sources: nothing logs them, and what looks like them is cut out. */
export function logging(log: LogOptions | undefined): FastifyServerOptions {
  if (log === undefined) return { logger: false };
  const { level, stream } = log;
  return {
    // Fastify's own lines have the whole URL.
    logController: new LogController({ disableRequestLogging: true }),
    logger: {
      level,
      ...(stream ? { stream } : {}),
      redact: { paths: ['*.headers', '*.body', '*.query', '*.rawPacket', 'headers', 'body', 'query'], remove: true },
      serializers: { err: shown, req: described, res: ({ statusCode }) => ({ statusCode }) },
    },
  };
}

/** One line for each request that was answered. `failed` is the class of its refusal. */
export function logRequests(app: FastifyInstance, failed: WeakMap<FastifyRequest, string>): void {
  app.addHook('onResponse', (request, reply, done) => {
    const ms = Math.round(reply.elapsedTime);
    request.log.info({ ...described(request), status: reply.statusCode, ms, failed: failed.get(request) }, 'request');
    done();
  });
}

function described({ method, url, ip }: { method?: string; url?: string; ip?: string }) {
  return { method, path: url?.split('?', 1)[0]?.slice(0, 256), client: ip };
}
