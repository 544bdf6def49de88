import { setTimeout as sleep } from 'node:timers/promises';
import { IngestError } from '../../core/errors';
import { metadataError } from './errors';
import { type Metadata, openConnection } from './open';

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
  let lost = false;
  let loseIt: () => void = () => {};
  const closed = new Promise<void>((resolve) => {
    loseIt = resolve;
  });
  const sql = openConnection(metadata.url, () => {
    lost = true;
    loseIt();
  });
  let pid: number | undefined;
  // The driver connects anew when a connection breaks, hence the comparison with the first one's server process. Now and then it
  // leaves a query unsettled for ever when the connection ends under it, and a network may swallow one: hence the race.
  const check = async () => {
    const asked = lost ? undefined : sql<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`.then(([row]) => row?.pid);
    const timer = new AbortController();
    const silence = sleep(ANSWER_MS, undefined, { signal: timer.signal }).catch(() => {});
    const answer = await Promise.race([asked, closed, silence]).catch(() => undefined);
    timer.abort();
    if (answer === undefined || answer !== pid) throw new IngestError('UNAVAILABLE', LOST);
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
    const [row] = await sql<{ pid: number }[]>`
      SELECT pg_backend_pid() AS pid, set_config('lock_timeout', ${`${Math.max(1, Math.round(waitMs))}ms`}, false)`;
    pid = row?.pid;
    for (const request of requests) await take(request);
    return await work({ take, check });
  } catch (error) {
    throw metadataError(error);
  } finally {
    await sql.end({ timeout: 1 }).catch(() => {});
  }
}
