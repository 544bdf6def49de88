import type { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

/** As Node says it of headers that do not come. */
const TIMEOUT = 'HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n';

/**
 * Breaks off requests that do not come: whole within `ms`, or, once `streamed` was said of one, some byte of it within `ms`. The
 * time in which this side does not read is not the client's. Node's own limit knows no difference between the two.
 */
export function limitArrival(app: FastifyInstance, ms: number): { streamed(request: IncomingMessage): void } {
  const streamed = new WeakSet<IncomingMessage>();
  app.server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    let seen = -1;
    const timer = setInterval(() => {
      if (request.complete) return clearInterval(timer);
      const moves = request.socket.bytesRead !== seen || request.readableLength > 0;
      seen = request.socket.bytesRead;
      if (streamed.has(request) && moves) return;
      if (!response.headersSent) request.socket.write(TIMEOUT);
      request.socket.destroySoon();
    }, ms);
    timer.unref();
    response.once('close', () => clearInterval(timer));
  });
  return { streamed: (request) => streamed.add(request) };
}

/** Does not keep a reply for a client who takes nothing of it for `ms`: it may be large, and is in memory until then. */
export function limitTaking(app: FastifyInstance, ms: number): void {
  app.addHook('onSend', (request, _, payload, done) => {
    const { socket } = request.raw;
    // Node ends a connection of which this time is over, and sets another one when the reply is taken.
    if (socket instanceof Socket) socket.setTimeout(ms);
    done(null, payload);
  });
}
