import type { ContributionStatus, DialectInput } from '../../core/contributions';
import type { ContributionSource, LoadedContribution, LoadUnit } from '../../worker/worker';
import type { Queryable, Transaction } from './open';

/** Records of the contributions that a load unit consists of, docs/contract/worker.md §7 and §8. Times in milliseconds. */

/** Inserts the contributions of a unit, IN_PROGRESS; ids in the order of the sources. */
export async function createContributions(
  tx: Transaction,
  worker: string,
  unit: LoadUnit,
  sources: ContributionSource[],
  maxNumWarnings: number,
  now: number,
): Promise<number[]> {
  const rows = await tx<{ id: number }[]>`
    INSERT INTO qserv.transaction_contrib
      (transaction_id, worker, database, "table", chunk, is_overlap, url, status, create_time, start_time)
    SELECT ${unit.transactionId}, ${worker}, ${unit.database}, ${unit.table}, ${unit.chunk}, ${unit.overlap}, url,
      'IN_PROGRESS', ${now}, ${now}
    FROM unnest(${sources.map((source) => source.url)}::text[]) WITH ORDINALITY AS s(url, pos) ORDER BY pos
    RETURNING id`;
  const ids = rows.map((row) => row.id).sort((a, b) => a - b);
  await insertDetails(
    tx,
    sources.map((source, i) => ({ id: ids[i] as number, source, maxNumWarnings })),
  );
  return ids;
}

/** How a contribution is read, as its record keeps it. */
export interface SourceDetails {
  dialect: DialectInput;
  charset: string;
  http?: { method?: string; data?: string; headers?: string[] };
}

/** Records how contributions are read. */
export async function insertDetails(
  tx: Transaction,
  contributions: { id: number; source: SourceDetails; maxNumWarnings: number }[],
): Promise<void> {
  const details = contributions.flatMap(({ id, source, maxNumWarnings }) =>
    detailsOf(source, maxNumWarnings).map(([key, val]) => ({ contrib_id: id, key, val })),
  );
  await tx`
    INSERT INTO qserv.transaction_contrib_ext (contrib_id, key, val)
    SELECT contrib_id, key, val FROM jsonb_to_recordset(${tx.json(details)})
      AS d(contrib_id integer, key text, val text)`;
}

/** Keys as in docs/contract/storage.md §5. Headers of campaigns hold references, never secrets. */
function detailsOf(source: SourceDetails, maxNumWarnings: number): [string, string][] {
  const { dialect, http } = source;
  return [
    ['max_num_warnings', String(maxNumWarnings)],
    ['fields_terminated_by', dialect.fieldsTerminatedBy],
    ['fields_enclosed_by', dialect.fieldsEnclosedBy],
    ['fields_escaped_by', dialect.fieldsEscapedBy],
    ['lines_terminated_by', dialect.linesTerminatedBy],
    ['charset_name', source.charset],
    ['http_method', http?.method ?? 'GET'],
    ['http_data', http?.data ?? ''],
    ...(http?.headers ?? []).map((header): [string, string] => ['http_headers', header]),
  ];
}

/**
 * Starts a further attempt: what the record says of the last one goes to the failed retries. Contributions that are FINISHED
 * (their unit was emptied) stay so, a state never runs backwards.
 */
export async function retryContributions(tx: Transaction, ids: number[], now: number): Promise<void> {
  await tx`
    INSERT INTO qserv.transaction_contrib_retry
      (contrib_id, num_bytes, num_rows, start_time, read_time, tmp_file, http_error, system_error, error)
    SELECT id, num_bytes, num_rows, start_time, read_time, tmp_file, http_error, system_error,
      CASE WHEN status = 'IN_PROGRESS' THEN 'the attempt was interrupted'
        WHEN status = 'FINISHED' THEN 'the rows did not agree with the record and were removed' ELSE error END
    FROM qserv.transaction_contrib WHERE id = ANY(${ids}) ORDER BY id`;
  await tx`
    UPDATE qserv.transaction_contrib SET
      num_failed_retries = num_failed_retries + 1, start_time = ${now}, read_time = 0, load_time = 0,
      num_bytes = 0, num_rows = 0, num_rows_loaded = 0, num_warnings = 0, http_error = 0, system_error = 0, error = '',
      status = 'IN_PROGRESS', retry_allowed = false
    WHERE id = ANY(${ids}) AND status <> 'FINISHED'`;
  await tx`
    UPDATE qserv.transaction_contrib SET num_failed_retries = num_failed_retries + 1
    WHERE id = ANY(${ids}) AND status = 'FINISHED'`;
}

/** What an attempt knows of one contribution beyond its result. */
export interface ContributionTimes {
  readTime: number;
  loadTime: number;
}

/** All contributions of an attached unit become FINISHED, with their counts and warnings. */
export async function finishContributions(
  tx: Queryable,
  contributions: (Omit<LoadedContribution, 'url' | 'status' | 'sha256' | 'tries'> & ContributionTimes)[],
): Promise<void> {
  const rows = contributions.map((c) => ({
    id: c.id,
    num_bytes: c.bytes,
    num_rows: c.rows,
    num_rows_loaded: c.rowsLoaded,
    num_warnings: c.numWarnings,
    read_time: c.readTime,
    load_time: c.loadTime,
  }));
  await tx`
    UPDATE qserv.transaction_contrib c SET
      status = 'FINISHED', retry_allowed = false, error = '', http_error = 0, system_error = 0,
      num_bytes = r.num_bytes, num_rows = r.num_rows, num_rows_loaded = r.num_rows_loaded,
      num_warnings = r.num_warnings, read_time = r.read_time, load_time = r.load_time
    FROM jsonb_to_recordset(${tx.json(rows)}) AS r(id integer, num_bytes bigint, num_rows bigint, num_rows_loaded bigint,
      num_warnings integer, read_time bigint, load_time bigint)
    WHERE c.id = r.id`;
  await keepWarnings(tx, contributions);
}

/** How one contribution of a failed attempt ended. */
export interface ContributionFailure {
  id: number;
  status: ContributionStatus;
  error: string;
  httpError: number;
  systemError: number;
  retryAllowed: boolean;
  bytes: number;
  rows: number;
  readTime: number;
  loadTime: number;
  numWarnings: number;
  warnings: LoadedContribution['warnings'];
}

/** Ends contributions that are IN_PROGRESS as failed; others stay as they are. */
export async function failContributions(tx: Queryable, failures: ContributionFailure[]): Promise<void> {
  if (failures.length === 0) return;
  const rows = failures.map((f) => ({
    id: f.id,
    status: f.status,
    error: f.error,
    http_error: f.httpError,
    system_error: f.systemError,
    retry_allowed: f.retryAllowed,
    num_bytes: f.bytes,
    num_rows: f.rows,
    read_time: f.readTime,
    load_time: f.loadTime,
    num_warnings: f.numWarnings,
  }));
  const changed = await tx<{ id: number }[]>`
    UPDATE qserv.transaction_contrib c SET
      status = r.status, error = r.error, http_error = r.http_error, system_error = r.system_error,
      retry_allowed = r.retry_allowed, num_bytes = r.num_bytes, num_rows = r.num_rows, read_time = r.read_time,
      load_time = r.load_time, num_warnings = r.num_warnings
    FROM jsonb_to_recordset(${tx.json(rows)}) AS r(id integer, status text, error text, http_error integer,
      system_error integer, retry_allowed boolean, num_bytes bigint, num_rows bigint, read_time bigint, load_time bigint,
      num_warnings integer)
    WHERE c.id = r.id AND c.status = 'IN_PROGRESS' RETURNING c.id`;
  const ids = new Set(changed.map((row) => row.id));
  await keepWarnings(
    tx,
    failures.filter((f) => ids.has(f.id)),
  );
}

async function keepWarnings(
  tx: Queryable,
  contributions: { id: number; warnings: LoadedContribution['warnings'] }[],
): Promise<void> {
  const warnings = contributions.flatMap((c) => c.warnings.map((w, pos) => ({ contrib_id: c.id, pos, ...w })));
  const ids = contributions.map((c) => c.id);
  await tx`DELETE FROM qserv.transaction_contrib_warn WHERE contrib_id = ANY(${ids})`;
  if (warnings.length === 0) return;
  await tx`
    INSERT INTO qserv.transaction_contrib_warn (contrib_id, pos, level, code, message)
    SELECT contrib_id, pos, level, code, message FROM jsonb_to_recordset(${tx.json(warnings)})
      AS w(contrib_id integer, pos integer, level text, code integer, message text)`;
}
