import type { ContributionFilter, ContributionParts } from '../../controller/contributions';
import type {
  Contribution,
  ContributionStatus,
  ContributionWarning,
  DialectInput,
  FailedRetry,
} from '../../core/contributions';
import { DEFAULT_DIALECT } from '../../core/dialect';
import { selectedContributions } from './contribution-filter';
import type { Queryable } from './open';

/** Records of contributions as descriptors, docs/contract/worker.md §8. */

type Fragment = ReturnType<Queryable>;

interface ContributionRow {
  id: number;
  transaction_id: number;
  worker: string;
  database: string;
  table: string;
  chunk: number;
  is_overlap: boolean;
  url: string;
  type: 'SYNC' | 'ASYNC';
  max_retries: number;
  num_failed_retries: number;
  num_bytes: number;
  num_rows: number;
  create_time: number;
  start_time: number;
  read_time: number;
  load_time: number;
  status: ContributionStatus;
  tmp_file: string;
  num_warnings: number;
  num_rows_loaded: number;
  http_error: number;
  system_error: number;
  error: string;
  retry_allowed: boolean;
  ext: [string, string][] | null;
  warnings: ContributionWarning[] | null;
  retries: FailedRetry[] | null;
}

/**
 * Contributions that `where` selects from `qserv.transaction_contrib c`, by id. Without `details`: no warnings, no failed retries.
 * Without `extensions` they show what Qserv shows then, docs/contract/controller.md §7.
 */
export async function selectContributions(
  sql: Queryable,
  where: Fragment,
  {
    details = true,
    extensions = true,
    warnings = details,
    retries = details,
  }: ContributionParts & { details?: boolean } = {},
): Promise<Contribution[]> {
  const rows = await sql<ContributionRow[]>`
    SELECT c.*,
      ${extensions ? extensionsOf(sql) : sql`NULL`} AS ext,
      ${warnings ? warningsOf(sql) : sql`NULL`} AS warnings,
      ${retries ? retriesOf(sql) : sql`NULL`} AS retries
    FROM qserv.transaction_contrib c WHERE ${where} ORDER BY c.id`;
  return rows.map(descriptor);
}

export async function findContribution(
  sql: Queryable,
  id: number,
  parts?: ContributionParts,
): Promise<Contribution | undefined> {
  const [found] = await selectContributions(sql, sql`c.id = ${id}::bigint`, parts);
  return found;
}

/** Those that a filter selects, by id. Undefined when they are more than `most`. */
export async function listContributions(
  sql: Queryable,
  filter: ContributionFilter,
  parts: ContributionParts | undefined,
  most: number,
): Promise<Contribution[] | undefined> {
  const rows = await sql<{ id: number }[]>`SELECT id FROM ${selectedContributions(sql, filter)} AS c LIMIT ${most + 1}`;
  if (rows.length > most) return undefined;
  const ids = rows.map((row) => row.id);
  return selectContributions(sql, sql`c.id = ANY (${ids}::integer[])`, parts);
}

/** The asynchronous ones of a super-transaction at a worker, by id. Undefined when they are more than `most`. */
export async function asyncContributions(
  sql: Queryable,
  worker: string,
  transactionId: number,
  most: number,
): Promise<Contribution[] | undefined> {
  const where: Fragment = sql`c.transaction_id = ${transactionId}::bigint AND c.worker = ${worker} AND c.type = 'ASYNC'`;
  const rows = await sql`SELECT 1 FROM qserv.transaction_contrib c WHERE ${where} LIMIT ${most + 1}`;
  return rows.length > most ? undefined : selectContributions(sql, where);
}

function extensionsOf(sql: Queryable): Fragment {
  return sql`
    (SELECT json_agg(json_build_array(e.key, e.val) ORDER BY e.id) FROM qserv.transaction_contrib_ext e
      WHERE e.contrib_id = c.id)`;
}

function warningsOf(sql: Queryable): Fragment {
  return sql`
    (SELECT json_agg(json_build_object('level', w.level, 'code', w.code, 'message', w.message) ORDER BY w.pos)
      FROM qserv.transaction_contrib_warn w WHERE w.contrib_id = c.id)`;
}

function retriesOf(sql: Queryable): Fragment {
  return sql`
    (SELECT json_agg(json_build_object('bytes', r.num_bytes, 'rows', r.num_rows, 'startTime', r.start_time,
        'readTime', r.read_time, 'tmpFile', r.tmp_file, 'httpError', r.http_error, 'systemError', r.system_error,
        'error', r.error) ORDER BY r.id)
      FROM qserv.transaction_contrib_retry r WHERE r.contrib_id = c.id)`;
}

function descriptor(row: ContributionRow): Contribution {
  const ext = row.ext ?? [];
  const given = new Map(ext);
  return {
    id: row.id,
    transactionId: row.transaction_id,
    worker: row.worker,
    database: row.database,
    table: row.table,
    chunk: row.chunk,
    overlap: row.is_overlap,
    url: row.url,
    http: {
      method: given.get('http_method') || 'GET',
      data: given.get('http_data') ?? '',
      headers: ext.filter(([key]) => key === 'http_headers').map(([, val]) => val),
    },
    charset: given.get('charset_name') ?? '',
    dialect: dialectOf(given),
    isAsync: row.type === 'ASYNC',
    maxRetries: row.max_retries,
    numFailedRetries: row.num_failed_retries,
    failedRetries: row.retries ?? [],
    bytes: row.num_bytes,
    rows: row.num_rows,
    createTime: row.create_time,
    startTime: row.start_time,
    readTime: row.read_time,
    loadTime: row.load_time,
    status: row.status,
    tmpFile: row.tmp_file,
    httpError: row.http_error,
    systemError: row.system_error,
    error: row.error,
    retryAllowed: row.retry_allowed,
    maxNumWarnings: Number(given.get('max_num_warnings') ?? 0),
    numWarnings: row.num_warnings,
    warnings: row.warnings ?? [],
    rowsLoaded: row.num_rows_loaded,
  };
}

function dialectOf(given: Map<string, string>): DialectInput {
  return {
    fieldsTerminatedBy: given.get('fields_terminated_by') || DEFAULT_DIALECT.fieldsTerminatedBy,
    fieldsEnclosedBy: given.get('fields_enclosed_by') || DEFAULT_DIALECT.fieldsEnclosedBy,
    fieldsEscapedBy: given.get('fields_escaped_by') || DEFAULT_DIALECT.fieldsEscapedBy,
    linesTerminatedBy: given.get('lines_terminated_by') || DEFAULT_DIALECT.linesTerminatedBy,
  };
}
