import type { ContributionChannel } from '../../core/contribution-texts';
import type { LoadUnit } from '../../worker/worker';
import type { Queryable, Transaction } from './open';

/** The queue of asynchronous contributions at a worker, docs/contract/worker.md §6, and what processes leave that are gone. */

/**
 * Takes the oldest request among the heads of databases of which fewer are worked on than ASYNC_PROC_LIMIT allows (0 = no limit), for
 * the session. Undefined when there is none.
 */
export async function takeNext(sql: Queryable, worker: string, session: string): Promise<number | undefined> {
  const [row] = await sql<{ id: number }[]>`
    UPDATE qserv.contribution_request SET phase = 'working', session = ${session}
    WHERE phase = 'queued' AND contrib_id = (
      SELECT head.contrib_id FROM qserv.config_database d
      CROSS JOIN LATERAL (
        SELECT r.contrib_id, r.position FROM qserv.contribution_request r
        WHERE r.worker = ${worker} AND r.database = d.database AND r.phase = 'queued' ORDER BY r.position LIMIT 1) AS head
      LEFT JOIN qserv.database_ingest i ON i.database = d.database AND i.category = 'worker-http-file-reader'
        AND i.param = 'ASYNC_PROC_LIMIT'
      WHERE coalesce(i.value, '0')::bigint = 0 OR coalesce(i.value, '0')::bigint > (
        SELECT count(*) FROM qserv.contribution_request w JOIN qserv.transaction_contrib c ON c.id = w.contrib_id
        WHERE w.worker = ${worker} AND w.database = d.database AND w.phase = 'working' AND c.type = 'ASYNC')
      ORDER BY head.position LIMIT 1)
    RETURNING contrib_id AS id`;
  return row?.id;
}

/** A request that is not over. */
export interface OpenRequest {
  id: number;
  session: string;
  isQueued: boolean;
  isAsync: boolean;
  channel: ContributionChannel;
  /** As submitted. */
  chunk: number;
  place: LoadUnit;
  token: string | null;
  /** Tables of the last attempt. */
  staging: string | null;
  plain: string | null;
  hasNote: boolean;
  startTime: number;
  readTime: number;
}

/** Requests of the worker that are not over, in the order of submission. */
export async function openRequests(sql: Queryable, worker: string): Promise<OpenRequest[]> {
  const rows = await sql<
    (Omit<OpenRequest, 'place'> & {
      transaction_id: number;
      database: string;
      table: string;
      place_chunk: number;
      is_overlap: boolean;
    })[]
  >`
    SELECT r.contrib_id AS id, r.session, r.phase = 'queued' AS "isQueued", c.type = 'ASYNC' AS "isAsync", r.channel, c.chunk,
      r.transaction_id, r.database, r."table", r.chunk AS place_chunk, r.is_overlap, r.token, r.staging,
      r.attaching->>'plain' AS plain, r.attaching IS NOT NULL AS "hasNote", c.start_time AS "startTime",
      c.read_time AS "readTime"
    FROM qserv.contribution_request r JOIN qserv.transaction_contrib c ON c.id = r.contrib_id
    WHERE r.worker = ${worker} AND r.phase IN ('queued', 'working') ORDER BY r.position`;
  return rows.map(({ transaction_id: transactionId, database, table, place_chunk, is_overlap, ...row }) => ({
    ...row,
    place: { transactionId, database, table, chunk: place_chunk, overlap: is_overlap },
  }));
}

/**
 * Takes a request over from a session that is gone: under the new token, so that nothing of the old attempt can go on. False when it
 * has moved since it was looked at.
 */
export async function adoptRequest(
  sql: Queryable,
  { id, session, token, isQueued }: OpenRequest,
  by: { session: string; token: string | null },
): Promise<boolean> {
  const rows = await sql`
    UPDATE qserv.contribution_request SET session = ${by.session}, token = ${by.token}
    WHERE contrib_id = ${id} AND phase = ${isQueued ? 'queued' : 'working'} AND session = ${session}
      AND token IS NOT DISTINCT FROM ${token}`;
  return rows.count > 0;
}

/** Ends a request that cannot be resumed because its table or super-transaction takes no rows any more, docs/contract/worker.md §6. */
export async function refuseResumption(tx: Transaction, id: number, error: string): Promise<void> {
  await tx`
    UPDATE qserv.contribution_request SET phase = 'over', token = NULL, thread = NULL WHERE contrib_id = ${id}`;
  await tx`
    UPDATE qserv.transaction_contrib SET status = 'CREATE_FAILED', retry_allowed = false, error = ${error}, start_time = 0,
      read_time = 0, num_bytes = 0, num_rows = 0
    WHERE id = ${id} AND status = 'IN_PROGRESS'`;
}
