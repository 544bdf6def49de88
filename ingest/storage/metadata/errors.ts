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

const UNFIT_TEXT = 'a text holds a character that cannot be recorded: U+0000, or half of a surrogate pair';

export function unfitText(): IngestError {
  return new IngestError('INVALID_INPUT', UNFIT_TEXT);
}

/** SQLSTATEs of values that come from callers and that PostgreSQL cannot keep, whatever names and texts they stand for. */
const UNFIT: Record<string, string> = {
  // In texts, and in JSON.
  '22021': UNFIT_TEXT,
  '22P05': UNFIT_TEXT,
  '22003': 'a number is larger than any that can be recorded',
};

/** What any failure of a Postgres call is to the domain. Errors of ours pass through. */
export function metadataError(error: unknown): IngestError {
  if (error instanceof IngestError) return error;
  const code = (error as { code?: unknown } | null)?.code;
  const message = error instanceof Error ? error.message : String(error);
  if (typeof code !== 'string') return new IngestError('INTERNAL', message, {}, { cause: error });
  const unfit = code === '22P02' && message.endsWith('type json') ? UNFIT_TEXT : UNFIT[code];
  if (unfit !== undefined) return new IngestError('INVALID_INPUT', unfit, { postgres: code }, { cause: error });
  return new IngestError(codeOf(code), `records: ${message}`, { postgres: code }, { cause: error });
}

/** True for a violation of the named unique index or constraint. */
export function isDuplicate(error: unknown, constraint?: string): boolean {
  if (!(error instanceof postgres.PostgresError) || error.code !== '23505') return false;
  return constraint === undefined || error.constraint_name === constraint;
}
