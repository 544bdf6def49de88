import postgres from 'postgres';
import { type ErrorCode, IngestError } from '../../core/errors';

/** Codes of sockets and of the driver that mean "no answer", https://github.com/porsager/postgres#errors. */
const UNREACHABLE = new Set([
  'CONNECTION_CLOSED',
  'CONNECTION_ENDED',
  'CONNECTION_DESTROYED',
  'CONNECT_TIMEOUT',
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENOENT',
]);

/** SQLSTATE (or its class) → our code. */
function codeOf(sqlState: string): ErrorCode {
  if (UNREACHABLE.has(sqlState)) return 'UNAVAILABLE';
  if (sqlState === '53100') return 'DISK_FULL';
  if (sqlState.startsWith('08') || sqlState.startsWith('57P') || sqlState.startsWith('53')) return 'UNAVAILABLE';
  // Serialization failure, deadlock, lock_timeout.
  if (sqlState === '40001' || sqlState === '40P01' || sqlState === '55P03') return 'BUSY';
  return 'INTERNAL';
}

/** What any failure of a Postgres call is to the domain. Errors of ours pass through. */
export function metadataError(error: unknown): IngestError {
  if (error instanceof IngestError) return error;
  const code = (error as { code?: unknown } | null)?.code;
  const message = error instanceof Error ? error.message : String(error);
  if (typeof code !== 'string') return new IngestError('INTERNAL', message, {}, { cause: error });
  return new IngestError(codeOf(code), `records: ${message}`, { postgres: code }, { cause: error });
}

/** True for a violation of the named unique index or constraint. */
export function isDuplicate(error: unknown, constraint?: string): boolean {
  if (!(error instanceof postgres.PostgresError) || error.code !== '23505') return false;
  return constraint === undefined || error.constraint_name === constraint;
}
