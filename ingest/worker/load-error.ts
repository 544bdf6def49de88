import { type ErrorCode, IngestError } from '../core/errors';

/** After these the super-transaction cannot take the unit any more. */
const FINAL: ReadonlySet<ErrorCode> = new Set([
  'ILLEGAL_STATE',
  'DATABASE_PUBLISHED',
  'TABLE_PUBLISHED',
  'UNKNOWN_DATABASE',
  'UNKNOWN_TABLE',
  'UNKNOWN_TRANSACTION',
]);

/** The error as `IngestWorker.load` throws it: whatever failed, with `retryAllowed`. */
export function asLoadError(error: unknown, signal?: AbortSignal): IngestError {
  const keep = error instanceof IngestError && (FINAL.has(error.code) || error.details.attached === 'unknown');
  const cancelled = signal?.aborted === true && !keep;
  const known = cancelled
    ? new IngestError('CANCELLED', 'the load was cancelled')
    : error instanceof IngestError
      ? error
      : new IngestError('INTERNAL', error instanceof Error ? error.message : String(error), {}, { cause: error });
  const retryAllowed = known.details.retryAllowed ?? !FINAL.has(known.code);
  return new IngestError(known.code, known.message, { ...known.details, retryAllowed });
}
