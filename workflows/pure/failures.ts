import { ActivityFailure, ApplicationFailure, ChildWorkflowFailure, TimeoutFailure } from '@temporalio/common';
import type { CampaignError } from '../../api/campaign/progress';
import type { ErrorCode } from '../../ingest/core/errors';

/** Why a batch's activity failed for good, as a held unit records it. */
export interface BatchFailure {
  code: ErrorCode;
  message: string;
  /** The super-transaction itself is gone or ended: hold nothing, begin anew. */
  transactionLost: boolean;
}

const TRANSACTION_LOST: ReadonlySet<string> = new Set(['ILLEGAL_STATE', 'UNKNOWN_TRANSACTION', 'REVOKED']);

/** Reads an activity's failure. Anything that is not one is rethrown: a defect of ours. */
export function batchFailure(error: unknown, taskQueue: string): BatchFailure {
  if (!(error instanceof ActivityFailure)) throw error;
  const { cause } = error;
  if (cause instanceof TimeoutFailure) {
    if (cause.timeoutType === 'SCHEDULE_TO_START') {
      return lost('NO_WORKERS', `no ingest worker took the batch: start \`worker ingest\` for the queue ${taskQueue}`);
    }
    return lost('UNAVAILABLE', `the ingest worker on ${taskQueue} went away while loading, again and again`);
  }
  if (cause instanceof ApplicationFailure) {
    const code = (cause.type ?? 'INTERNAL') as ErrorCode;
    return { code, message: cause.message, transactionLost: TRANSACTION_LOST.has(code) };
  }
  return lost('INTERNAL', cause?.message ?? error.message);
}

function lost(code: ErrorCode, message: string): BatchFailure {
  return { code, message, transactionLost: false };
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
