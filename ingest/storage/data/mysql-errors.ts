import { type ErrorCode, IngestError } from '../../core/errors';

/** MariaDB's error numbers that callers tell apart. */
export const MYSQL = {
  DATABASE_EXISTS: 1007,
  NO_SUCH_DATABASE: 1049,
  TABLE_EXISTS: 1050,
  NO_SUCH_COLUMN: 1054,
  DUPLICATE_KEY_NAME: 1061,
  CANNOT_DROP_KEY: 1091,
  UNKNOWN_TABLE: 1051,
  DUPLICATE_KEY: 1062,
  NO_SUCH_THREAD: 1094,
  NO_SUCH_TABLE: 1146,
  NOT_PARTITIONED: 1505,
  NO_SUCH_PARTITION: 1735,
  ROW_IN_WRONG_PARTITION: 1737,
} as const;

const BY_NUMBER: Record<number, ErrorCode> = {
  1021: 'DISK_FULL', // ER_DISK_FULL
  1114: 'DISK_FULL', // ER_RECORD_FILE_FULL
  1040: 'UNAVAILABLE', // ER_CON_COUNT_ERROR
  1053: 'UNAVAILABLE', // ER_SERVER_SHUTDOWN
  1077: 'UNAVAILABLE', // ER_NORMAL_SHUTDOWN
  1079: 'UNAVAILABLE', // ER_SHUTDOWN_COMPLETE
  1158: 'UNAVAILABLE', // ER_NET_READ_ERROR
  1159: 'UNAVAILABLE', // ER_NET_READ_INTERRUPTED
  1160: 'UNAVAILABLE', // ER_NET_ERROR_ON_WRITE
  1161: 'UNAVAILABLE', // ER_NET_WRITE_INTERRUPTED
  1317: 'UNAVAILABLE', // ER_QUERY_INTERRUPTED
  1927: 'UNAVAILABLE', // ER_CONNECTION_KILLED
  1205: 'BUSY', // ER_LOCK_WAIT_TIMEOUT
  1213: 'BUSY', // ER_LOCK_DEADLOCK
};

/** Client-side failures: the server does not answer or the connection broke. */
const LOST = /^(ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOENT|ENOTFOUND|EAI_|PROTOCOL_|POOL_)/;

interface DriverError {
  errno?: number;
  code?: string;
  sqlState?: string;
  sqlMessage?: string;
  fatal?: boolean;
  message?: string;
}

/**
 * mysql2's errors as IngestErrors; IngestErrors pass. `doing` opens the message ("create `D`.`T`").
 * Statement texts are left out, they may hold values. `details.errno` is MariaDB's number when the server spoke.
 */
export function fromMysql(error: unknown, doing: string): IngestError {
  if (error instanceof IngestError) return error;
  const e = (error ?? {}) as DriverError;
  const said = e.sqlMessage ?? e.message ?? String(error);
  return new IngestError(codeOf(e, said), `${doing}: ${said}`, {
    ...(e.sqlMessage !== undefined && e.errno !== undefined ? { errno: e.errno } : {}),
    ...(e.code ? { driverCode: e.code } : {}),
  });
}

function codeOf(e: DriverError, said: string): ErrorCode {
  // errno 28 = ENOSPC, wrapped by the server in a number of its own errors (1026 ER_ERROR_ON_WRITE, 3 EE_WRITE, …)
  if (/errcode: 28\b|errno: 28\b|no space left/i.test(said)) return 'DISK_FULL';
  if (e.sqlMessage !== undefined && e.errno !== undefined) return BY_NUMBER[e.errno] ?? 'INTERNAL';
  if (LOST.test(e.code ?? '') || e.fatal) return 'UNAVAILABLE';
  // mysql2 refuses work on a connection that broke before with plain errors: no code, no number
  if (/connection is in closed state|pool is closed|closed connection/i.test(said)) return 'UNAVAILABLE';
  return 'INTERNAL';
}

/** The server's error number behind a translated error, if the server spoke. */
export function mysqlErrno(error: unknown): number | undefined {
  return error instanceof IngestError && typeof error.details.errno === 'number' ? error.details.errno : undefined;
}
