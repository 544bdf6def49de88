import type { FastifyInstance } from 'fastify';
import { Refusal } from '../../api/qserv/refusal';

/** A body of so many bytes is small: there may be as many as there are connections. */
const SMALL_BYTES = 64 * 1024;

/**
 * Bounds the memory of bodies that are read as a whole, whose keys are looked at only then: the larger ones, at once, announce no more
 * than `roomBytes`; what is more is refused unread. A body that says no length counts as `bodyBytes`, the longest there may be.
 */
export function limitLargeBodies(app: FastifyInstance, bodyBytes: number, roomBytes: number): void {
  let taken = 0;
  app.addHook('onRequest', async ({ headers, routeOptions }, reply) => {
    // Read as they come, with limits of their own.
    if ((routeOptions.bodyLimit ?? bodyBytes) > bodyBytes) return;
    const announced = headers['transfer-encoding'] === undefined ? Number(headers['content-length'] ?? 0) : bodyBytes;
    // One that is too long is not read either, and is told so.
    if (announced <= SMALL_BYTES || announced > bodyBytes) return;
    if (taken + announced > roomBytes) {
      throw new Refusal('F', 'too many requests with large bodies are being received: repeat it later');
    }
    taken += announced;
    reply.raw.once('close', () => {
      taken -= announced;
    });
  });
}
