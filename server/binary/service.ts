import type { FastifyBaseLogger } from 'fastify';
import type { ContributionOperations } from '../../ingest/worker/contributions';

/** Times in milliseconds. */
export interface BinaryTimeouts {
  /** Within which a client must have said what it wants. */
  handshakeMs: number;
  /** Without a byte from a client that has more to send. */
  idleMs: number;
  /** For which a client may keep the connection after its last answer. */
  lingerMs: number;
  /** For which a service that closes waits for clients that are sending. */
  closeMs: number;
}

export interface BinaryLimits {
  /** Connections at once; more are closed at once. */
  connections: number;
  /** Bytes of a handshake. */
  handshakeBytes: number;
}

export const BINARY_TIMEOUTS: BinaryTimeouts = {
  handshakeMs: 30_000,
  idleMs: 300_000,
  lingerMs: 2_000,
  closeMs: 10_000,
};

export const BINARY_LIMITS: BinaryLimits = { connections: 512, handshakeBytes: 64 * 1024 };

/** What connections of the binary protocol work with. */
export interface BinaryService {
  worker: Pick<ContributionOperations, 'receive'> & { readonly name: string };
  /** The normal key; the protocol knows no other. */
  key: string;
  timeouts: BinaryTimeouts;
  limits: BinaryLimits;
  logger: Pick<FastifyBaseLogger, 'info' | 'warn' | 'error'> | undefined;
}
