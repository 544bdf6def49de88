import { ActivityFailure, ApplicationFailure, ChildWorkflowFailure, TimeoutFailure } from '@temporalio/common';
import type { RefusedChunks } from '../../activities/campaign';
import type { CampaignError } from '../../api/campaign/progress';
import { type ErrorCode, WAITED_FOR } from '../../ingest/core/errors';

/** Why an activity on a worker's queue failed for good, as a held unit records it. */
export interface BatchFailure {
  code: ErrorCode;
  message: string;
  /**
   * transaction: it is gone or ended; hold nothing, begin anew. queue: nobody took the batch, for the worker is busy or away.
   * worker: its service stays away; hold. waiting: a database of ours stays away; ask again. unit: hold.
   */
  concerns: 'transaction' | 'queue' | 'worker' | 'waiting' | 'unit';
}

const TRANSACTION_LOST: ReadonlySet<string> = new Set(['ILLEGAL_STATE', 'UNKNOWN_TRANSACTION', 'REVOKED']);

/** What a held unit says of a worker that is not there. */
export function nobodyOn(taskQueue: string): string {
  return `no ingest worker is there: start \`worker ingest\` for the queue ${taskQueue}`;
}

/** Reads an activity's failure. Anything that is not one is rethrown: a defect of ours. */
export function batchFailure(error: unknown, taskQueue: string): BatchFailure {
  if (!(error instanceof ActivityFailure)) throw error;
  const { cause } = error;
  if (cause instanceof TimeoutFailure) {
    if (cause.timeoutType === 'SCHEDULE_TO_START') {
      return { code: 'NO_WORKERS', message: nobodyOn(taskQueue), concerns: 'queue' };
    }
    const message = `the ingest worker on ${taskQueue} went away while loading, again and again`;
    return { code: 'LOAD_FAILED', message, concerns: 'unit' };
  }
  if (cause instanceof ApplicationFailure) {
    const code = (cause.type ?? 'INTERNAL') as ErrorCode;
    return { code, message: cause.message, concerns: concernOf(code) };
  }
  return { code: 'INTERNAL', message: cause?.message ?? error.message, concerns: 'unit' };
}

function concernOf(code: ErrorCode): BatchFailure['concerns'] {
  if (TRANSACTION_LOST.has(code)) return 'transaction';
  if (code === 'NO_WORKERS') return 'worker';
  return WAITED_FOR.has(code) ? 'waiting' : 'unit';
}

/** The chunks that a director index refused at commit, if that is what failed. */
export function refusedChunks(error: unknown): RefusedChunks | undefined {
  const { code, details } = campaignError(error);
  if (code !== 'INDEX_FAILED' || typeof details?.table !== 'string' || !details.failures) return undefined;
  return { table: details.table, failures: details.failures as RefusedChunks['failures'] };
}

/** The innermost cause of a failed activity or child, as the campaign reports it. */
export function campaignError(error: unknown): CampaignError {
  let cause = error;
  while (cause instanceof ActivityFailure || cause instanceof ChildWorkflowFailure) cause = cause.cause;
  if (cause instanceof ApplicationFailure) {
    const [details] = cause.details ?? [];
    return {
      code: (cause.type ?? 'INTERNAL') as ErrorCode,
      message: cause.message,
      ...(typeof details === 'object' && details !== null ? { details: details as Record<string, unknown> } : {}),
    };
  }
  return { code: 'INTERNAL', message: cause instanceof Error ? cause.message : String(cause) };
}
