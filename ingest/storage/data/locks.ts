import { IngestError } from '../../core/errors';
import type { DataConnection, DataServer, Statements } from './connection';

/** MySQL user locks: they live with a connection, so a lock that is held tells of a process that can still act. */

/** Id of the connection that holds the lock, or null. */
export async function lockHolder(server: Statements, name: string): Promise<number | null> {
  const [row] = await server.rows('look for the holder of a lock', 'SELECT IS_USED_LOCK(?) AS id', [name]);
  return row?.id === null || row?.id === undefined ? null : Number(row.id);
}

/** Kills the connection that holds the lock. The lock is free once that connection has ended. */
export async function killHolder(server: DataServer, name: string): Promise<void> {
  const holder = await lockHolder(server, name);
  if (holder !== null) await server.kill(holder);
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
