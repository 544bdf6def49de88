import {
  CANCELLED,
  CONTRIBUTION_CHANNELS,
  changedState,
  gotAborted,
  loadFailurePrefix,
} from '../../core/contribution-texts';
import type { Queryable, Transaction } from './open';

/** Ends that others put to contributions: whoever works on one finds its token gone. */

/**
 * Cancels a contribution of the worker that waits, or whose rows are not on their way into the partition yet,
 * docs/contract/worker.md §4. False for others, which stay as they are.
 */
export async function cancelRequest(tx: Transaction, worker: string, id: number): Promise<boolean> {
  return (await cancel(tx, tx`r.contrib_id = ${id} AND r.worker = ${worker}`)).length > 0;
}

/** The same for all asynchronous ones of a super-transaction at the worker, at once: none begins meanwhile. Returns their ids. */
export async function cancelRequests(tx: Transaction, worker: string, transactionId: number): Promise<number[]> {
  // Whoever ends the super-transaction's contributions waits: both lock many of them.
  await tx`SELECT 1 FROM qserv.transaction WHERE id = ${transactionId}::bigint FOR SHARE`;
  return cancel(tx, tx`r.transaction_id = ${transactionId}::bigint AND r.worker = ${worker} AND c.type = 'ASYNC'`);
}

async function cancel(tx: Transaction, where: ReturnType<Queryable>): Promise<number[]> {
  const found = await tx<{ id: number; queued: boolean }[]>`
    SELECT r.contrib_id AS id, r.phase = 'queued' AS queued
    FROM qserv.contribution_request r JOIN qserv.transaction_contrib c ON c.id = r.contrib_id
    WHERE ${where} AND r.phase <> 'over' AND r.attaching IS NULL ORDER BY r.contrib_id FOR UPDATE OF r`;
  const ids = found.map(({ id }) => id);
  if (ids.length === 0) return [];
  const queued = found.filter((row) => row.queued).map(({ id }) => id);
  await tx`
    UPDATE qserv.contribution_request SET phase = 'over', token = NULL WHERE contrib_id = ANY(${ids})`;
  const now = Date.now();
  const isQueued = () => tx`id = ANY(${queued})`;
  // The time of the stage that is not begun any more is set, as Qserv does.
  await tx`
    UPDATE qserv.transaction_contrib SET status = 'CANCELLED', retry_allowed = true,
      error = CASE WHEN ${isQueued()} OR start_time = 0 THEN ${CANCELLED.queued}
        WHEN read_time = 0 THEN ${CANCELLED.read} ELSE ${CANCELLED.load} END,
      load_time = CASE WHEN NOT ${isQueued()} AND read_time <> 0 THEN ${now}::bigint ELSE 0 END,
      read_time = CASE WHEN NOT ${isQueued()} AND start_time <> 0 AND read_time = 0 THEN ${now}::bigint ELSE read_time END,
      start_time = CASE WHEN start_time = 0 THEN ${now}::bigint ELSE start_time END
    WHERE id = ANY(${ids}) AND status = 'IN_PROGRESS'`;
  return ids;
}

/**
 * Ends what a super-transaction's attempts work on: it leaves STARTED in the same Postgres transaction. A commit lets those go on that
 * have noted their rows: they are on their way into the partition, and it waits for them. What has not begun fails when it does.
 */
export async function revokeContributions(
  tx: Transaction,
  transactionId: number,
  to: 'IS_FINISHING' | 'IS_ABORTING',
): Promise<void> {
  const all = () => tx`transaction_id = ${transactionId}`;
  if (to === 'IS_ABORTING') await end(tx, tx`${all()} AND attaching IS NOT NULL`, gotAborted(transactionId), true);
  await end(tx, tx`${all()} AND attaching IS NULL`, changedState(transactionId, to), false);
}

/** The same for everything that goes into a table, in every super-transaction. */
export async function revokeContributionsOfTable(tx: Transaction, database: string, table: string): Promise<void> {
  const text = `table '${table}' of database '${database}' was deleted`;
  const all = () => tx`database = ${database} AND "table" = ${table}`;
  await end(tx, tx`${all()} AND attaching IS NOT NULL`, text, true);
  await end(tx, tx`${all()} AND attaching IS NULL`, text, false);
}

async function end(tx: Transaction, where: ReturnType<Queryable>, text: string, rowsLeft: boolean): Promise<void> {
  const now = Date.now();
  const ended = await tx<{ contrib_id: number }[]>`
    UPDATE qserv.contribution_request SET phase = 'over', token = NULL, attaching = NULL, rows_left = ${rowsLeft}
    WHERE phase = 'working' AND token IS NOT NULL AND ${where} RETURNING contrib_id`;
  if (ended.length === 0) return;
  const prefixes = Object.fromEntries(CONTRIBUTION_CHANNELS.map((channel) => [channel, loadFailurePrefix(channel)]));
  await tx`
    UPDATE qserv.transaction_contrib c SET status = 'LOAD_FAILED', retry_allowed = false,
      error = (${tx.json(prefixes)}::jsonb ->> r.channel) || ${text}, load_time = ${now},
      read_time = CASE WHEN c.read_time = 0 THEN ${now}::bigint ELSE c.read_time END
    FROM qserv.contribution_request r
    WHERE c.id = ANY(${ended.map((row) => row.contrib_id)}) AND r.contrib_id = c.id AND c.status = 'IN_PROGRESS'`;
}
