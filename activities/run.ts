import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { toFailure } from './errors';

/** Longest pause between heartbeats; shorter where the heartbeat timeout asks for it. */
const HEARTBEAT_MS = 5_000;

/** How long what listens to nobody may go on in a worker that is being stopped, ms. */
const LEAVE_MS = 2_000;

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
    const work = body({
      signal: context.cancellationSignal,
      isGivenUp: () => context.cancellationDetails?.cancelRequested === true,
      report: (d) => {
        details = d;
      },
    });
    return await Promise.race([work, workerStops(context)]);
  } catch (error) {
    if (context.cancellationDetails?.workerShutdown) throw workerLeft();
    throw toFailure(error);
  } finally {
    clearInterval(timer);
  }
}

/**
 * Throws when the worker is being stopped: some operations take hours, and whoever repeats them finds what became of them, also when
 * they still go on.
 */
function workerStops(context: Context): Promise<never> {
  return new Promise((_, reject) => {
    const leave = () => {
      if (context.cancellationDetails?.workerShutdown) setTimeout(() => reject(workerLeft()), LEAVE_MS).unref();
    };
    context.cancellationSignal.addEventListener('abort', leave, { once: true });
  });
}

/** A worker that is being stopped hands its activity back at once, instead of leaving it to the heartbeat timeout. */
function workerLeft(): ApplicationFailure {
  return ApplicationFailure.retryable('the worker was stopped while this activity ran', 'UNAVAILABLE');
}
