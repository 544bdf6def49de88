import type { ContributionChannel } from '../../core/contribution-texts';
import type { ContributionWarning, DialectInput } from '../../core/contributions';
import { IngestError } from '../../core/errors';
import type { LoadUnit } from '../../worker/worker';
import {
  type ContributionFailure,
  failContributions,
  finishContributions,
  insertDetails,
  retryContributions,
} from './load-contributions';
import type { Queryable, Transaction } from './open';

/** Contributions that come one by one: their fencing and their ends. The table is migration 008. */

/** A contribution as it was asked for; `place` is the partition it goes into. */
export interface NewContribution {
  worker: string;
  place: LoadUnit;
  /** As submitted. */
  chunk: number;
  overlap: boolean;
  channel: ContributionChannel;
  url: string;
  http: { method: string; data: string; headers: string[] };
  charset: string;
  dialect: DialectInput;
  isAsync: boolean;
  maxRetries: number;
  maxNumWarnings: number;
}

/** Records a contribution: IN_PROGRESS, to be worked on by `session` or queued, or refused at once with `error`. Returns its id. */
export async function insertContribution(
  tx: Transaction,
  session: string,
  c: NewContribution,
  error?: string,
): Promise<number> {
  const { transactionId, database, table } = c.place;
  const [row] = await tx<{ id: number }[]>`
    INSERT INTO qserv.transaction_contrib
      (transaction_id, worker, database, "table", chunk, is_overlap, url, type, max_retries, status, error, create_time)
    VALUES (${transactionId}, ${c.worker}, ${database}, ${table}, ${c.chunk}, ${c.overlap}, ${c.url},
      ${c.isAsync ? 'ASYNC' : 'SYNC'}, ${c.maxRetries}, ${error === undefined ? 'IN_PROGRESS' : 'CREATE_FAILED'},
      ${error ?? ''}, ${Date.now()})
    RETURNING id`;
  const { id } = row as { id: number };
  await insertDetails(tx, [{ id, source: c, maxNumWarnings: c.maxNumWarnings }]);
  const phase = error !== undefined ? 'over' : c.isAsync ? 'queued' : 'working';
  await tx`
    INSERT INTO qserv.contribution_request
      (contrib_id, transaction_id, worker, database, "table", chunk, is_overlap, channel, phase, session)
    VALUES (${id}, ${transactionId}, ${c.worker}, ${database}, ${table}, ${c.place.chunk}, ${c.place.overlap}, ${c.channel},
      ${phase}, ${session})`;
  return id;
}

/** Who may bring a contribution to its end, and the table its rows are prepared in. */
export interface RequestAttempt {
  token: string;
  staging: string;
}

/** What is asked of a worker, beside the record. */
export interface ContributionRequest {
  place: LoadUnit;
  channel: ContributionChannel;
}

/** The request of a contribution; none of a campaign's. `lock` keeps it from changing until this transaction ends. */
export async function findRequest(
  tx: Transaction,
  id: number,
  { lock = false } = {},
): Promise<ContributionRequest | undefined> {
  const [row] = await tx<
    {
      transaction_id: number;
      database: string;
      table: string;
      chunk: number;
      is_overlap: boolean;
      channel: ContributionChannel;
    }[]
  >`
    SELECT transaction_id, database, "table", chunk, is_overlap, channel FROM qserv.contribution_request
    WHERE contrib_id = ${id}::bigint ${lock ? tx`FOR UPDATE` : tx``}`;
  if (!row) return undefined;
  const { transaction_id: transactionId, database, table, chunk, is_overlap: overlap, channel } = row;
  return { place: { transactionId, database, table, chunk, overlap }, channel };
}

/** Makes sure that the session works on the request, until this transaction ends. REVOKED when it is over, or another session's. */
export async function lockRequest(tx: Transaction, id: number, session: string): Promise<void> {
  const rows = await tx`
    SELECT 1 FROM qserv.contribution_request
    WHERE contrib_id = ${id} AND phase = 'working' AND session = ${session} FOR UPDATE`;
  if (rows.length === 0) throw overtaken(id);
}

/** Takes up one that could not be read: what its record says of the last attempt goes to the failed retries. */
export async function retryRequest(tx: Transaction, id: number, session: string, isAsync: boolean): Promise<void> {
  await tx`
    UPDATE qserv.contribution_request SET phase = ${isAsync ? 'queued' : 'working'}, session = ${session}, token = NULL,
      staging = NULL, position = nextval(pg_get_serial_sequence('qserv.contribution_request', 'position'))
    WHERE contrib_id = ${id}`;
  await retryContributions(tx, [id], 0);
  await tx`
    UPDATE qserv.transaction_contrib SET type = ${isAsync ? 'ASYNC' : 'SYNC'}, tmp_file = '' WHERE id = ${id}`;
}

/** Starts an attempt: earlier ones cannot attach or record any more. The caller has locked the request. */
export async function startAttempt(tx: Transaction, id: number, attempt: RequestAttempt): Promise<void> {
  await tx`
    UPDATE qserv.contribution_request SET token = ${attempt.token}, staging = ${attempt.staging}, thread = NULL
    WHERE contrib_id = ${id}`;
  await tx`
    UPDATE qserv.transaction_contrib SET start_time = ${Date.now()}, tmp_file = ${attempt.staging} WHERE id = ${id}`;
}

/** What failed attempts to read leave in the record. */
export interface FailedRead {
  bytes: number;
  rows: number;
  httpError: number;
  systemError: number;
  error: string;
}

/** Moves a failed attempt to read to the failed retries and starts the next one. REVOKED when the token is gone. */
export async function startNextAttempt(
  tx: Transaction,
  id: number,
  token: string,
  next: RequestAttempt,
  failed: FailedRead,
): Promise<void> {
  const rows = await tx`
    UPDATE qserv.contribution_request SET token = ${next.token}, staging = ${next.staging}, thread = NULL
    WHERE contrib_id = ${id} AND token = ${token}`;
  if (rows.count === 0) throw overtaken(id);
  const now = Date.now();
  await tx`
    INSERT INTO qserv.transaction_contrib_retry
      (contrib_id, num_bytes, num_rows, start_time, read_time, tmp_file, http_error, system_error, error)
    SELECT id, ${failed.bytes}, ${failed.rows}, start_time, ${now}, tmp_file, ${failed.httpError}, ${failed.systemError},
      ${failed.error}
    FROM qserv.transaction_contrib WHERE id = ${id}`;
  await tx`
    UPDATE qserv.transaction_contrib
    SET num_failed_retries = num_failed_retries + 1, start_time = ${now}, tmp_file = ${next.staging} WHERE id = ${id}`;
}

/** Says that the rows are prepared, and which connection is about to take the partition's lock. REVOKED when the token is gone. */
export async function noteReady(
  tx: Transaction,
  id: number,
  token: string,
  ready: { thread: number; bytes: number; rows: number; readTime: number },
): Promise<void> {
  const rows = await tx`
    UPDATE qserv.contribution_request SET thread = ${ready.thread} WHERE contrib_id = ${id} AND token = ${token}`;
  if (rows.count === 0) throw overtaken(id);
  await tx`
    UPDATE qserv.transaction_contrib
    SET num_bytes = ${ready.bytes}, num_rows = ${ready.rows}, read_time = ${ready.readTime} WHERE id = ${id}`;
}

/** The request as long as its token stands, kept from changing until this transaction ends. REVOKED otherwise. */
export async function lockAttempt(tx: Transaction, id: number, token: string): Promise<void> {
  const rows = await tx`
    SELECT 1 FROM qserv.contribution_request WHERE contrib_id = ${id} AND token = ${token} FOR UPDATE`;
  if (rows.length === 0) throw overtaken(id);
}

/** Says which connection has the partition's lock. REVOKED when the token is gone. */
export async function noteThread(tx: Transaction, id: number, token: string, thread: number): Promise<void> {
  await lockAttempt(tx, id, token);
  await tx`UPDATE qserv.contribution_request SET thread = ${thread} WHERE contrib_id = ${id}`;
}

/** What a contribution's record gets when its rows are attached. */
export interface AttachedContribution {
  bytes: number;
  rows: number;
  rowsLoaded: number;
  numWarnings: number;
  warnings: ContributionWarning[];
  readTime: number;
}

/** What an attempt says before its rows go into the partition, so that whoever comes after a crash can tell whether they did. */
export interface AttachingRows {
  /** The attempt's tables. */
  staging: string;
  plain: string;
  /** Rows that the partition held. */
  before: number;
  record: AttachedContribution;
}

/** The caller has locked the attempt. */
export async function noteAttachingRows(tx: Transaction, id: number, note: AttachingRows): Promise<void> {
  await tx`UPDATE qserv.contribution_request SET attaching = ${tx.json(note as never)} WHERE contrib_id = ${id}`;
}

export interface NotedRequest {
  token: string | null;
  channel: ContributionChannel;
  note: AttachingRows;
}

/** The attempt that left a note, kept from changing until this transaction ends. REVOKED when the note is gone. */
export async function lockNoted(tx: Transaction, id: number): Promise<NotedRequest> {
  const [row] = await tx<NotedRequest[]>`
    SELECT token, channel, attaching AS note FROM qserv.contribution_request
    WHERE contrib_id = ${id} AND attaching IS NOT NULL FOR UPDATE`;
  if (!row) throw overtaken(id);
  return row;
}

/** Forgets the note of an attempt of which is known that it attached nothing. */
export async function clearAttachingNote(sql: Queryable, id: number): Promise<void> {
  await sql`UPDATE qserv.contribution_request SET attaching = NULL WHERE contrib_id = ${id}`;
}

/**
 * The contribution is FINISHED: its rows are in the partition, as noted, or it has none. REVOKED when the note is gone: somebody else
 * found out what became of the rows.
 */
export async function finishRequest(tx: Transaction, id: number, record: AttachedContribution): Promise<void> {
  const rows = await tx`
    UPDATE qserv.contribution_request
    SET phase = 'over', token = NULL, attaching = NULL, attached = ${record.rowsLoaded}
    WHERE contrib_id = ${id} AND attaching IS NOT NULL`;
  if (rows.count === 0) throw overtaken(id);
  await finishContributions(tx, [{ id, loadTime: Date.now(), ...record }]);
}

/** How a contribution ended that is not FINISHED. */
export interface RequestFailure extends Omit<ContributionFailure, 'id'> {
  /** Rows of it may be in the partition. */
  rowsLeft?: boolean;
}

/** Ends an attempt that failed. False when it had no say any more. */
export async function failRequest(
  tx: Transaction,
  id: number,
  token: string | null,
  failure: RequestFailure,
): Promise<boolean> {
  const rows = await tx`
    UPDATE qserv.contribution_request
    SET phase = 'over', token = NULL, thread = NULL, attaching = NULL, rows_left = ${failure.rowsLeft ?? false}
    WHERE contrib_id = ${id} AND phase <> 'over' AND token IS NOT DISTINCT FROM ${token}`;
  if (rows.count === 0) return false;
  await failContributions(tx, [{ id, ...failure }]);
  return true;
}

/** Puts a request back into the queue, at its old place: nothing was done for it. False when the attempt had no say any more. */
export async function requeueRequest(tx: Transaction, id: number, token: string | null): Promise<boolean> {
  const rows = await tx`
    UPDATE qserv.contribution_request
    SET phase = 'queued', token = NULL, staging = NULL, thread = NULL, attaching = NULL
    WHERE contrib_id = ${id} AND phase = 'working' AND token IS NOT DISTINCT FROM ${token}`;
  if (rows.count === 0) return false;
  await tx`
    UPDATE qserv.transaction_contrib SET start_time = 0, read_time = 0, num_bytes = 0, num_rows = 0, tmp_file = ''
    WHERE id = ${id}`;
  return true;
}

function overtaken(id: number): IngestError {
  return new IngestError('REVOKED', `contribution ${id} was ended by somebody else`, { contribution: id });
}
