import type { ContributionChannel } from '../../core/contribution-texts';
import type { ContributionStatus } from '../../core/contributions';
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

/** Sessions that have requests at the worker which are not over. */
export async function openSessions(sql: Queryable, worker: string): Promise<string[]> {
  const rows = await sql<{ session: string }[]>`
    SELECT session FROM qserv.contribution_request WHERE worker = ${worker} AND phase = 'queued'
    UNION SELECT session FROM qserv.contribution_request WHERE worker = ${worker} AND phase = 'working'`;
  return rows.map(({ session }) => session);
}

/** A request that somebody has begun to work on, and that is not over. */
export interface OpenRequest {
  id: number;
  session: string;
  isAsync: boolean;
  channel: ContributionChannel;
  place: LoadUnit;
  token: string | null;
  /** Tables of the last attempt. */
  staging: string | null;
  plain: string | null;
  hasNote: boolean;
  startTime: number;
  readTime: number;
}

/** What the sessions have begun to work on at the worker, in the order of submission. */
export async function openRequests(sql: Queryable, worker: string, sessions: string[]): Promise<OpenRequest[]> {
  const rows = await sql<
    (Omit<OpenRequest, 'place'> & {
      transaction_id: number;
      database: string;
      table: string;
      chunk: number;
      is_overlap: boolean;
    })[]
  >`
    SELECT r.contrib_id AS id, r.session, c.type = 'ASYNC' AS "isAsync", r.channel, r.transaction_id, r.database, r."table",
      r.chunk, r.is_overlap, r.token, r.staging, r.attaching->>'plain' AS plain, r.attaching IS NOT NULL AS "hasNote",
      c.start_time AS "startTime", c.read_time AS "readTime"
    FROM qserv.contribution_request r JOIN qserv.transaction_contrib c ON c.id = r.contrib_id
    WHERE r.worker = ${worker} AND r.phase = 'working' AND r.session = ANY(${sessions}) ORDER BY r.position`;
  return rows.map(({ transaction_id: transactionId, database, table, chunk, is_overlap: overlap, ...row }) => ({
    ...row,
    place: { transactionId, database, table, chunk, overlap },
  }));
}

/** What sessions have left in the queue of a worker. */
export interface QueuedRequests {
  worker: string;
  sessions: string[];
  /** Where they go; all queued requests with the same are dealt with at once. */
  target: { transactionId: number; table: string };
}

/** Where queued requests of the sessions go. */
export async function queuedTargets(
  sql: Queryable,
  worker: string,
  sessions: string[],
): Promise<QueuedRequests['target'][]> {
  return await sql<QueuedRequests['target'][]>`
    SELECT DISTINCT transaction_id AS "transactionId", "table" FROM qserv.contribution_request
    WHERE worker = ${worker} AND phase = 'queued' AND session = ANY(${sessions})`;
}

/** Makes them the session's, at their places. */
export async function adoptQueued(tx: Transaction, left: QueuedRequests, session: string): Promise<void> {
  await tx`
    UPDATE qserv.contribution_request SET session = ${session} WHERE contrib_id IN (${queued(tx, left)})`;
}

/** Ends them all in one way. */
export async function endQueued(
  tx: Transaction,
  left: QueuedRequests,
  how: { status: ContributionStatus; error: string; retryAllowed: boolean; startTime: number; loadTime: number },
): Promise<void> {
  const { status, error, retryAllowed, startTime, loadTime } = how;
  await tx`
    WITH ended AS (
      UPDATE qserv.contribution_request SET phase = 'over' WHERE contrib_id IN (${queued(tx, left)}) RETURNING contrib_id)
    UPDATE qserv.transaction_contrib SET status = ${status}, retry_allowed = ${retryAllowed}, error = ${error},
      start_time = ${startTime}, read_time = ${loadTime}, load_time = ${loadTime}
    WHERE id IN (SELECT contrib_id FROM ended) AND status = 'IN_PROGRESS'`;
}

/** Locked in the order in which those who cancel many lock them. */
function queued(tx: Transaction, { worker, sessions, target }: QueuedRequests) {
  return tx`
    SELECT contrib_id FROM qserv.contribution_request
    WHERE transaction_id = ${target.transactionId} AND worker = ${worker} AND "table" = ${target.table}
      AND phase = 'queued' AND session = ANY(${sessions})
    ORDER BY contrib_id FOR UPDATE`;
}

/**
 * Takes a request over from a session that is gone: under the new token, so that nothing of the old attempt can go on. False when it
 * has moved since it was looked at.
 */
export async function adoptRequest(
  sql: Queryable,
  { id, session, token }: OpenRequest,
  by: { session: string; token: string },
): Promise<boolean> {
  const rows = await sql`
    UPDATE qserv.contribution_request SET session = ${by.session}, token = ${by.token}
    WHERE contrib_id = ${id} AND phase = 'working' AND session = ${session}
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
