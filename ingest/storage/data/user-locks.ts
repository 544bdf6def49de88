import { setTimeout as sleep } from 'node:timers/promises';
import { IngestError } from '../../core/errors';
import type { DataConnection, DataServer, Statements } from './connection';

/** MySQL user locks: they live with a connection, so a lock that is held tells of a process that can still act. */

/** Waits between looks and how many looks there are: a killed EXCHANGE rolls back in far less. */
const LOOK_AGAIN_MS = 50;
const LOOKS = 200;

/**
 * Kills the connections that hold these MySQL user locks and waits until they are gone, so that nothing begun under them can
 * still happen. BUSY when one does not go.
 */
export async function killLockHolders(server: DataServer, locks: string[]): Promise<void> {
  const killed = new Set<number>();
  for (let look = 0; look < LOOKS; look++) {
    const holders = await lockHolders(server, locks);
    if (holders.size === 0) return;
    for (const holder of holders) {
      if (!killed.has(holder)) await server.kill(holder);
      killed.add(holder);
    }
    await sleep(LOOK_AGAIN_MS);
  }
  throw new IngestError('BUSY', `${server.name}: a connection that is about to attach does not end`, {
    locks: locks.length,
  });
}

/** Id of the connection that holds the lock, or null. */
export async function lockHolder(server: Statements, name: string): Promise<number | null> {
  const [row] = await server.rows('look for the holder of a lock', 'SELECT IS_USED_LOCK(?) AS id', [name]);
  return row?.id === null || row?.id === undefined ? null : Number(row.id);
}

/** Takes the lock on this connection, waiting `seconds` at most. BUSY when somebody keeps it. */
export async function takeLock(connection: DataConnection, name: string, seconds: number): Promise<void> {
  const [row] = await connection.rows('take a lock', 'SELECT GET_LOCK(?, ?) AS got', [name, seconds]);
  if (Number(row?.got) !== 1)
    throw new IngestError('BUSY', `lock ${name} is held by another connection`, { lock: name });
}

/** Gives back all locks of this connection. */
export async function releaseLocks(connection: DataConnection): Promise<void> {
  await connection.rows('release the locks', 'SELECT RELEASE_ALL_LOCKS() AS n');
}

async function lockHolders(server: DataServer, locks: string[]): Promise<Set<number>> {
  const holders = new Set<number>();
  for (let i = 0; i < locks.length; i += 200) {
    const some = locks.slice(i, i + 200);
    const sql = some.map(() => 'SELECT IS_USED_LOCK(?) AS holder').join(' UNION ALL ');
    for (const { holder } of await server.rows<{ holder: number | null }>('look for lock holders', sql, some)) {
      if (holder !== null) holders.add(Number(holder));
    }
  }
  return holders;
}
