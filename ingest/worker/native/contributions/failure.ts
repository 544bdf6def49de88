import * as texts from '../../../core/contribution-texts';
import { type ErrorCode, IngestError } from '../../../core/errors';
import { readFailure } from '../../../source';
import type { RequestFailure } from '../../../storage/metadata/contribution-requests';
import type { FailureStage } from '../failures';
import type { ContributionAttempt, Work } from './work';

/** How an attempt failed that left no rows. */
export interface Failure extends RequestFailure {
  /** What stands before the texts of its stage. */
  prefix: string;
  /** A database was away, and neither what was sent to MariaDB nor the rows on their way into the partition broke off by that. */
  isAway: boolean;
}

/** After these the super-transaction cannot take the contribution. */
const FINAL: ReadonlySet<ErrorCode> = new Set(['ILLEGAL_STATE', 'DATABASE_PUBLISHED', 'TABLE_PUBLISHED']);

const STATUS = { start: 'START_FAILED', read: 'READ_FAILED', load: 'LOAD_FAILED' } as const;

/** What the record says of a failed attempt, docs/contract/worker.md §7. */
export function failureOf(work: Work, attempt: ContributionAttempt, error: unknown): Failure {
  const input = work.inputFailure?.();
  const cancelled = work.options.signal?.aborted === true && !attempt.isAttaching;
  const known = input ?? asIngestError(error);
  const read = readFailure(known);
  const stage: FailureStage = input === undefined ? attempt.stage : input.details.stage === 'start' ? 'start' : 'read';
  const status = cancelled ? 'CANCELLED' : STATUS[stage];
  const prefix = stage === 'load' && !cancelled ? texts.loadFailurePrefix(work.channel) : '';
  const message = cancelled ? cancelText(stage) : stage === 'read' ? read.error : known.message;
  const [file] = attempt.files;
  const counts = file?.counts();
  const now = Date.now();
  return {
    status,
    prefix,
    isAway: known.code === 'UNAVAILABLE' && status !== 'CANCELLED' && isBetween(attempt),
    error: prefix + message,
    httpError: read.httpError,
    systemError: read.systemError,
    retryAllowed: known.details.retryAllowed !== false && !FINAL.has(known.code),
    bytes: counts?.bytes ?? 0,
    rows: counts?.rows ?? 0,
    readTime: stage === 'start' ? 0 : file?.readTime || now,
    loadTime: stage === 'load' ? now : 0,
    numWarnings: 0,
    warnings: [],
  };
}

/** Not within a statement that might be what brought MariaDB down: taken up again, it would do so for ever. */
function isBetween({ stage, isAttaching, unclear }: ContributionAttempt): boolean {
  return stage === 'start' || (isAttaching && unclear === undefined);
}

function cancelText(stage: FailureStage): string {
  if (stage === 'start') return texts.CANCELLED.queued;
  return stage === 'read' ? texts.CANCELLED.read : texts.CANCELLED.load;
}

function asIngestError(error: unknown): IngestError {
  if (error instanceof IngestError) return error;
  return new IngestError('INTERNAL', error instanceof Error ? error.message : String(error), {}, { cause: error });
}
