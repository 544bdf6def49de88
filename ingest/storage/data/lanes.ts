import { createHash } from 'node:crypto';
import type { DataConnection, DataServer } from './connection';
import { killLockHolders, takeLock } from './user-locks';

/**
 * Connections by which a database's final tables are changed on one server. Each holds a MySQL user lock: a statement goes on in
 * MariaDB although the process that sent it is gone, and by the lock it is known. Whoever comes next ends it (`endLanes`) before it
 * looks at what is there: listed while a RENAME is under way, an old table can seem to be the new one, and the other way round.
 */

/** Connections at work side by side on one server. */
const WIDTH = 4;

/** Seconds that a lane waits for its lock: nobody has it after `endLanes`. */
const TAKE_SECONDS = 10;

/** User locks belong to a whole server, hence the database; the same in every process. */
export function laneLocks(database: string): string[] {
  const hash = createHash('sha256').update(database).digest('hex').slice(0, 20);
  return Array.from({ length: WIDTH }, (_, lane) => `qserv_ingest_lane_${hash}_${lane}`);
}

/** Ends what other processes still change in the database, and waits until it is over. The caller has the database's lock. */
export function endLanes(server: DataServer, database: string): Promise<void> {
  return killLockHolders(server, laneLocks(database));
}

/** Work for each item, `width` at once, each on a connection of its own. After a failure nothing new is begun, and it is thrown when all have ended. */
export async function onLanes<T>(
  server: DataServer,
  database: string,
  items: T[],
  work: (connection: DataConnection, item: T) => Promise<void>,
  width = WIDTH,
): Promise<void> {
  let next = 0;
  let failed: { error: unknown } | undefined;
  const lane = (lock: string) =>
    server.connection(`change ${database}`, async (connection) => {
      await takeLock(connection, lock, TAKE_SECONDS);
      while (failed === undefined && next < items.length) await work(connection, items[next++] as T);
      await connection.rows('release the lock', 'SELECT RELEASE_LOCK(?)', [lock]);
    });
  const noted = (lock: string) =>
    lane(lock).catch((error) => {
      failed ??= { error };
    });
  await Promise.all(laneLocks(database).slice(0, Math.min(width, items.length)).map(noted));
  if (failed !== undefined) throw (failed as { error: unknown }).error;
}
