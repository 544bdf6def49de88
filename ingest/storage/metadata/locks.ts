import { setTimeout as sleep } from 'node:timers/promises';
import { IngestError } from '../../core/errors';
import { admitted } from './admission';
import { Connection } from './connection';
import { metadataError } from './errors';
import type { Metadata } from './open';

export interface LockRequest {
  name: string;
  /** Shared holders exclude exclusive ones only. Default: exclusive. */
  shared?: boolean;
}

/** Locks held by a connection of their own. Who does something lasting asks `check` right before it. */
export interface HeldLocks {
  /** Takes another one, which is given back with the others. BUSY when somebody else keeps it. */
  take(request: LockRequest): Promise<void>;
  /** Throws UNAVAILABLE when the connection, and with it the locks, are lost: somebody else may be at work already. */
  check(): Promise<void>;
}

/** A lock's connection that is silent for so long is taken for lost. */
const ANSWER_MS = 15_000;

const LOST = 'the connection that holds the operation’s lock broke: another process may go on with it';

/**
 * Does `work` under advisory locks of PostgreSQL. They belong to a connection of their own, so they end with this process, with
 * the network or with the server, whichever comes first. BUSY when a lock is not free within `waitMs`.
 */
export async function withLocks<T>(
  metadata: Metadata,
  requests: LockRequest[],
  work: (held: HeldLocks) => Promise<T>,
  waitMs = 60_000,
): Promise<T> {
  const began = Date.now();
  const leave = await admitted(metadata, requests[0]?.name ?? '', waitMs);
  try {
    return await locked(metadata, requests, work, waitMs - (Date.now() - began));
  } finally {
    leave();
  }
}

async function locked<T>(
  metadata: Metadata,
  requests: LockRequest[],
  work: (held: HeldLocks) => Promise<T>,
  waitMs: number,
): Promise<T> {
  const connection = await connect(metadata.url);
  const { sql } = connection;
  const ask = () =>
    sql`SELECT 1`.then(
      () => true,
      () => false,
    );
  const check = async () => {
    const timer = new AbortController();
    const silence = sleep(ANSWER_MS, false, { signal: timer.signal }).catch(() => false);
    const answered = await Promise.race([ask(), silence]);
    timer.abort();
    if (!answered) throw new IngestError('UNAVAILABLE', LOST);
  };
  const take = async ({ name, shared }: LockRequest) => {
    try {
      if (shared) await sql`SELECT pg_advisory_lock_shared(hashtextextended(${name}, 0))`;
      else await sql`SELECT pg_advisory_lock(hashtextextended(${name}, 0))`;
    } catch (error) {
      const told = metadataError(error);
      throw told.code === 'BUSY'
        ? new IngestError('BUSY', `another operation holds ${name}`, { lock: name }, { cause: error })
        : told;
    }
    await check();
  };
  try {
    await sql`SELECT set_config('lock_timeout', ${`${Math.max(1, Math.round(waitMs))}ms`}, false)`;
    for (const request of requests) await take(request);
    return await work({ take, check });
  } catch (error) {
    throw metadataError(error);
  } finally {
    // A network that swallows everything must not keep the operation's outcome back.
    await connection.close();
  }
}

async function connect(url: string): Promise<Connection> {
  try {
    return await Connection.open(url);
  } catch (error) {
    throw metadataError(error);
  }
}
