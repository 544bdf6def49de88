import type { LoadUnit } from '../../worker/worker';
import type { AttachingRows } from './contribution-requests';
import type { Queryable, Transaction } from './open';

/** What the records say of partitions that contributions are attached to one by one. */

/** Rows of the contributions that are FINISHED there; `rowsLeftBy` is one that failed and may have left some. */
export async function attachedRows(
  sql: Queryable,
  worker: string,
  place: LoadUnit,
): Promise<{ rows: number; rowsLeftBy: number | null }> {
  const [row] = await sql<{ rows: number; rows_left_by: number | null }[]>`
    SELECT coalesce(sum(attached), 0)::bigint AS rows, min(contrib_id) FILTER (WHERE rows_left) AS rows_left_by
    FROM qserv.contribution_request WHERE ${isPlace(sql, worker, place)}`;
  return { rows: row?.rows ?? 0, rowsLeftBy: row?.rows_left_by ?? null };
}

/** Notes that no attempt has brought to an end. */
export async function openNotes(
  sql: Queryable,
  worker: string,
  place: LoadUnit,
): Promise<{ id: number; note: AttachingRows }[]> {
  return await sql<{ id: number; note: AttachingRows }[]>`
    SELECT contrib_id AS id, attaching AS note FROM qserv.contribution_request
    WHERE ${isPlace(sql, worker, place)} AND attaching IS NOT NULL ORDER BY contrib_id`;
}

/**
 * The attempts that may hold the partition's lock by this connection: whether they have noted their rows, and whose they are. Also those
 * that have recorded their rows, and are about to let go of the lock; none that was ended by others. Several, because connections are
 * used again, and a server that was restarted counts them anew.
 */
export async function attemptsOfThread(
  sql: Queryable,
  worker: string,
  place: LoadUnit,
  thread: number,
): Promise<{ noted: boolean; session: string }[]> {
  return await sql<{ noted: boolean; session: string }[]>`
    SELECT DISTINCT attaching IS NOT NULL AS noted, session FROM qserv.contribution_request
    WHERE ${isPlace(sql, worker, place)} AND thread = ${thread}
      AND (token IS NOT NULL OR attached IS NOT NULL)`;
}

/** A partition with the worker it is on. */
export interface ContributedPlace {
  worker: string;
  place: LoadUnit;
}

/** Partitions whose lock attempts may hold: in a super-transaction, or in all of a table. */
export async function placesInUse(
  sql: Queryable,
  where: { transactionId: number } | { database: string; table: string },
): Promise<ContributedPlace[]> {
  const rows = await sql<
    {
      transaction_id: number;
      worker: string;
      database: string;
      table: string;
      chunk: number;
      is_overlap: boolean;
    }[]
  >`
    SELECT DISTINCT transaction_id, worker, database, "table", chunk, is_overlap FROM qserv.contribution_request
    WHERE ${
      'transactionId' in where
        ? sql`transaction_id = ${where.transactionId}`
        : sql`database = ${where.database} AND "table" = ${where.table}`
    } AND thread IS NOT NULL AND attached IS NULL`;
  return rows.map(({ transaction_id: transactionId, worker, database, table, chunk, is_overlap: overlap }) => ({
    worker,
    place: { transactionId, database, table, chunk, overlap },
  }));
}

/** Every partition of a table that a contribution was to go into, whatever became of it. */
export async function placesOfTable(sql: Queryable, database: string, table: string): Promise<LoadUnit[]> {
  const rows = await sql<{ transaction_id: number; chunk: number; is_overlap: boolean }[]>`
    SELECT DISTINCT transaction_id, chunk, is_overlap FROM qserv.contribution_request
    WHERE database = ${database} AND "table" = ${table}`;
  return rows.map(({ transaction_id: transactionId, chunk, is_overlap: overlap }) => ({
    transactionId,
    database,
    table,
    chunk,
    overlap,
  }));
}

function isPlace(sql: Queryable, worker: string, place: LoadUnit) {
  return (sql as Transaction)`transaction_id = ${place.transactionId} AND worker = ${worker} AND "table" = ${place.table}
    AND chunk = ${place.chunk} AND is_overlap = ${place.overlap}`;
}
