import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

/**
 * Lets the service close within `closeMs`, whatever its clients do. What has not arrived whole is not waited for; replies that are
 * owed have until then. Work that was begun goes on in any case: it outlives its caller.
 */
export function closeWithin(app: FastifyInstance, closeMs: number): void {
  const sockets = new Set<Socket>();
  /** Requests without a reply so far. */
  const owed = new Set<IncomingMessage>();
  let closing = false;
  app.server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  app.server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    owed.add(request);
    response.once('close', () => {
      owed.delete(request);
      // Kept alive it would have to be waited for.
      if (closing) request.socket.end();
    });
  });
  app.addHook('preClose', (done) => {
    closing = true;
    const whole = new Set([...owed].filter(({ complete }) => complete).map(({ socket }) => socket));
    for (const socket of sockets) if (!whole.has(socket)) socket.destroy();
    const timer = setTimeout(() => app.server.closeAllConnections(), closeMs);
    app.server.once('close', () => clearTimeout(timer));
    done();
  });
}
