import { type ErrorCode, IngestError } from '../core/errors';

/** True for a request that may have been carried out although no reply came. */
export function isUnknown(error: unknown): error is IngestError {
  return error instanceof IngestError && error.details.outcome === 'unknown' && error.code !== 'CANCELLED';
}

/** True for a failure of one of these codes. */
export function isCode(error: unknown, ...codes: ErrorCode[]): error is IngestError {
  return error instanceof IngestError && codes.includes(error.code);
}

/** What Qserv said, where it refused. */
export function refusalOf(error: unknown): string {
  return error instanceof IngestError ? String(error.details.refusal ?? '') : '';
}
