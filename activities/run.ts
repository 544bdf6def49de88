import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { toFailure } from './errors';

/** Longest pause between heartbeats; shorter where the heartbeat timeout asks for it. */
const HEARTBEAT_MS = 5_000;

export interface Running {
  /** Aborted when the activity is cancelled, timed out, or its worker shuts down. */
  signal: AbortSignal;
  /** True once the workflow does not want the activity any more; what ended otherwise is tried again. */
  isGivenUp(): boolean;
  /** What the next heartbeats carry; shown in the Temporal UI as the pending activity's last heartbeat. */
  report(details: unknown): void;
}

/** Runs one activity: heartbeats in the background, passes on cancellation, translates errors. */
export async function run<T>(body: (running: Running) => Promise<T>): Promise<T> {
  const context = Context.current();
  let details: unknown;
  const { heartbeatTimeoutMs = HEARTBEAT_MS * 3 } = context.info;
  const timer = setInterval(() => context.heartbeat(details), Math.min(HEARTBEAT_MS, heartbeatTimeoutMs / 3));
  try {
    return await body({
      signal: context.cancellationSignal,
      isGivenUp: () => context.cancellationDetails?.cancelRequested === true,
      report: (d) => {
        details = d;
      },
    });
  } catch (error) {
    if (context.cancellationDetails?.workerShutdown) throw workerLeft();
    throw toFailure(error);
  } finally {
    clearInterval(timer);
  }
}

/** A worker that is being stopped hands its activity back at once, instead of leaving it to the heartbeat timeout. */
function workerLeft(): ApplicationFailure {
  return ApplicationFailure.retryable('the worker was stopped while this activity ran', 'UNAVAILABLE');
}
