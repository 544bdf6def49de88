import { setTimeout as sleep } from 'node:timers/promises';
import { IngestError } from '../../core/errors';
import { type DataConnection, type DataServer, MYSQL, mysqlErrno, type Statements } from './connection';

/** MySQL user locks: they live with a connection, so a lock that is held tells of a process that can still act. */

/** Waits between looks and how many looks there are: a killed EXCHANGE rolls back in far less. */
const LOOK_AGAIN_MS = 50;
const LOOKS = 200;

/**
 * Kills the connections that hold these MySQL user locks and waits until they are gone, so that nothing begun under them can
 * still happen. BUSY when one does not go.
 */
export async function killLockHolders(server: DataServer, locks: string[]): Promise<void> {
  for (let look = 0; look < LOOKS; look++) {
    const holders = await lockHolders(server, locks);
    if (holders.size === 0) return;
    // Also those that were killed already: one that had let go of its lock just then was spared.
    for (const [lock, holder] of holders) await killHolder(server, lock, holder);
    await sleep(LOOK_AGAIN_MS);
  }
  throw new IngestError('BUSY', `${server.name}: a connection that is about to attach does not end`, {
    locks: locks.length,
  });
}

/**
 * Kills the connection if it still holds the lock. The server looks in the same breath: a connection that has let go of the lock
 * meanwhile is back in its pool, and does something else.
 */
export async function killHolder(server: DataServer, lock: string, holder: number): Promise<void> {
  const id = Math.trunc(holder);
  const sql = `BEGIN NOT ATOMIC IF IS_USED_LOCK(?) = ${id} THEN KILL ${id}; END IF; END`;
  try {
    await server.run('kill the holder of a lock', sql, [lock]);
  } catch (error) {
    if (mysqlErrno(error) !== MYSQL.NO_SUCH_THREAD) throw error;
  }
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

/** Ids of the connections that hold some of the locks, by lock. */
async function lockHolders(server: DataServer, locks: string[]): Promise<Map<string, number>> {
  const holders = new Map<string, number>();
  for (let i = 0; i < locks.length; i += 200) {
    const some = locks.slice(i, i + 200);
    const sql = some.map(() => 'SELECT ? AS name, IS_USED_LOCK(?) AS holder').join(' UNION ALL ');
    const names = some.flatMap((name) => [name, name]);
    for (const row of await server.rows<{ name: string; holder: number | null }>('look for lock holders', sql, names)) {
      if (row.holder !== null) holders.set(row.name, Number(row.holder));
    }
  }
  return holders;
}
