import { parseRefusal, type RefusalClass } from '../../api/qserv/refusal';
import { ERROR_CODES, type ErrorCode, type ErrorDetails, IngestError } from '../core/errors';

type Ext = Record<string, unknown>;

interface Rule {
  text: RegExp;
  code: ErrorCode;
  /** Facts beside the named groups of the text. */
  details?: (ext: Ext) => ErrorDetails;
}

/** {worker: {final table: {status, error}}} of a job that failed in part, docs/contract/controller.md §12 and §14. */
function failures({ workers }: Ext): ErrorDetails {
  const known: Record<string, Record<string, { status: string; error: string }>> = {};
  for (const [worker, tables] of Object.entries((workers ?? {}) as Record<string, Record<string, Ext>>)) {
    known[worker] = Object.fromEntries(
      Object.entries(tables).map(([table, said]) => [
        table,
        { status: String(said.request_status ?? said.status), error: String(said.request_error ?? said.error) },
      ]),
    );
  }
  return { failures: known };
}

/**
 * What Qserv's refusals mean. Its replies carry no codes, so the texts decide: docs/contract/controller.md, docs/contract/worker.md.
 * Named groups become details; the first match counts.
 */
const RULES: Rule[] = [
  { text: /no such database family '(?<family>[^']*)'/, code: 'UNKNOWN_FAMILY' },
  { text: /no such table '(?<table>[^']*)' (found )?in (the )?database '(?<database>[^']*)'/, code: 'UNKNOWN_TABLE' },
  { text: /no such database '(?<database>[^']*)'/, code: 'UNKNOWN_DATABASE' },
  { text: /predicate=`id`=(?<id>\d+) no such transaction/, code: 'UNKNOWN_TRANSACTION' },
  { text: /no such transaction/, code: 'UNKNOWN_TRANSACTION' },
  { text: /id=(?<id>\d+) no such contribution/, code: 'UNKNOWN_CONTRIBUTION' },
  { text: /failed to locate the contribution id=(?<id>\d+)/, code: 'UNKNOWN_CONTRIBUTION' },
  { text: /find request (?<id>\d+) was not found/, code: 'UNKNOWN_CONTRIBUTION' },
  {
    text: /contribution id=(?<id>\d+) is not in state READ_FAILED, the actual state is (?<status>\w+)/,
    code: 'ILLEGAL_STATE',
  },
  { text: /contribution id=(?<id>\d+) was originally processed by worker '(?<worker>[^']*)'/, code: 'ILLEGAL_STATE' },
  { text: /contribution id=(?<id>\d+) cannot be read again/, code: 'ILLEGAL_STATE' },
  { text: /administrator's privileges/, code: 'NOT_ALLOWED' },
  { text: /table '(?<table>[^']*)' of database '(?<database>[^']*)' is already published/, code: 'TABLE_PUBLISHED' },
  { text: /database '(?<database>[^' ]*)'? is already published/i, code: 'DATABASE_PUBLISHED' },
  { text: /database is already published/, code: 'DATABASE_PUBLISHED' },
  {
    text: /the director table '(?<table>[^']*)' of the database '(?<database>[^']*)' is not published/,
    code: 'ILLEGAL_STATE',
  },
  { text: /database '(?<database>[^']*)' is not published/, code: 'ILLEGAL_STATE' },
  {
    text: /transaction id=(?<id>\d+) can't be ended at this time because of state=(?<state>\w+)/,
    code: 'ILLEGAL_STATE',
  },
  { text: /transactionId=(?<id>\d+) is not active/, code: 'ILLEGAL_STATE' },
  { text: /transaction (?<id>\d+) is not active/, code: 'ILLEGAL_STATE' },
  { text: /transaction (?<id>\d+) changed state to (?<state>\w+)/, code: 'ILLEGAL_STATE' },
  { text: /transaction (?<id>\d+) got aborted/, code: 'ILLEGAL_STATE', details: () => ({ state: 'ABORTED' }) },
  { text: /transaction id=(?<id>\d+) is (?<state>[A-Z_]+), not STARTED/, code: 'ILLEGAL_STATE' },
  {
    text: /chunk (?<chunk>\d+) of the UNPUBLISHED database '(?<database>[^']*)' is not allocated to worker '(?<worker>[^']*)'/,
    code: 'CHUNK_NOT_ALLOCATED',
  },
  { text: /database has uncommitted transactions/, code: 'OPEN_TRANSACTIONS' },
  { text: /the database doesn't have any chunks/, code: 'ILLEGAL_STATE' },
  { text: /schema is empty for table: '(?<table>[^']*)'/, code: 'ILLEGAL_STATE' },
  { text: /chunk (?<chunk>\d+) has too many replicas|this chunk has too many replicas/, code: 'ILLEGAL_STATE' },
  { text: /chunk (?<chunk>-?\d+) is not valid|this chunk number is not valid/, code: 'INVALID_CHUNK' },
  {
    text: /no suitable workers? found|no worker is enabled and writable|no enabled, writable worker/,
    code: 'NO_WORKERS',
  },
  { text: /the database '(?<database>[^']*)' already exists/, code: 'ALREADY_EXISTS' },
  { text: /the family '(?<family>[^']*)' already exists/, code: 'ALREADY_EXISTS' },
  { text: /table already exists|[Tt]able '[^']*' already exists|[Tt]able .* already exists/, code: 'ALREADY_EXISTS' },
  { text: /Table rows scanning\/deployment failed/, code: 'TABLES_FAILED', details: failures },
  { text: /The operation failed\. See details in the extended report/, code: 'TABLES_FAILED', details: failures },
  { text: /^index creation failed/, code: 'INDEX_FAILED', details: (ext) => ({ failures: ext }) },
  { text: /is not configured as a director table/, code: 'INVALID_INPUT' },
  { text: /^table is not published/, code: 'ILLEGAL_STATE' },
  { text: /must be partitioned and not a reference match/, code: 'INVALID_INPUT' },
  { text: /^Database '(?<database>[^']*)' is not in CSS/, code: 'UNKNOWN_DATABASE' },
  { text: /^Table '(?<database>[^']*)'\.'(?<table>[^']*)' is not in CSS/, code: 'UNKNOWN_TABLE' },
  { text: /because it has dependent tables/, code: 'ILLEGAL_STATE' },
  { text: /Url::_translate|http::string2method/, code: 'INVALID_INPUT', details: () => ({ field: 'url' }) },
  { text: /Csv::Parser: the value .* of the parameter '(?<field>\w+)'/, code: 'INVALID_INPUT' },
  { text: /Unknown character set/, code: 'INVALID_INPUT', details: () => ({ field: 'charset' }) },
  { text: /IngestRequest unsupported url/, code: 'INVALID_INPUT', details: () => ({ field: 'url' }) },
  { text: /in the range supported by the service|version is not a number/, code: 'INVALID_INPUT' },
  {
    text: /table creation failed.*(Invalid default|Row size too large|not valid for CHARACTER SET|Unknown (character set|collation|column)|Too many columns|Incorrect|too big|error in your SQL syntax|generated column)/i,
    code: 'INVALID_INPUT',
  },
  // Steps that Qserv's workers or its czar did not answer, or failed in: another call may find them well.
  {
    text: /(database creation|grant access to a database|enabling database|table creation|MySQL partitions removal|table deletion|database deletion|reconfiguration|replica lookup stage|Qserv synchronization stage) failed/,
    code: 'UNAVAILABLE',
  },
  { text: /failed to drop table partitions/, code: 'UNAVAILABLE' },
  {
    text: /server has gone away|Lost connection|Can't connect|Connection refused|Too many connections/i,
    code: 'UNAVAILABLE',
  },
  { text: /No space left on device|disk is full/i, code: 'DISK_FULL' },
  { text: /^MySQL load failed/, code: 'LOAD_FAILED' },
];

const BY_CLASS: Record<RefusalClass, ErrorCode> = {
  A: 'NOT_ALLOWED',
  P: 'INVALID_INPUT',
  F: 'INTERNAL',
  E: 'INTERNAL',
};

/**
 * A refusal as the domain's error. `where` names the service; the text follows as Qserv said it, without the words of its class.
 * `details.refusal` is that text.
 */
export function refusalError(where: string, error: string, ext: Ext): IngestError {
  const { kind, tail } = parseRefusal(error);
  const said = tail.trim();
  for (const { text, code, details } of RULES) {
    const match = kind === 'A' ? null : text.exec(said);
    if (match === null) continue;
    const known = { ...groups(match.groups), ...details?.(ext), refusal: said };
    return new IngestError(code, `${where}: ${said}${firstOf(known)}`, known);
  }
  const more = Object.keys(ext).length === 0 ? {} : { ext };
  return new IngestError(passing(ext) ?? BY_CLASS[kind], `${where}: ${said}`, { refusal: said, ...more });
}

/** The first of what failed in several places. */
function firstOf({ failures: known }: ErrorDetails): string {
  const [[worker, places] = ['', undefined]] = Object.entries(known ?? {});
  const [[place, why] = ['', undefined]] = Object.entries((places ?? {}) as Record<string, unknown>);
  if (why === undefined) return '';
  const text = typeof why === 'object' && why !== null ? (why as Ext).error : why;
  return ` The first one: ${place} at ${worker}: ${String(text)}`;
}

function groups(found: Record<string, string | undefined> = {}): ErrorDetails {
  const known = Object.entries(found).filter(([, value]) => value !== undefined);
  return Object.fromEntries(known.map(([name, value]) => [name, isNumber(name) ? Number(value) : value]));
}

const isNumber = (name: string) => name === 'id' || name === 'chunk';

/** Servers of ours say by name what will pass; of others nothing is known, so nothing may depend on it. */
function passing({ code }: Ext): ErrorCode | undefined {
  const known = Object.hasOwn(ERROR_CODES, String(code)) ? (code as ErrorCode) : undefined;
  return known !== undefined && ERROR_CODES[known] === 'transient' ? known : undefined;
}
