import { type ActivityOptions, proxyActivities } from '@temporalio/workflow';
import type { CampaignActivities } from '../activities/campaign';
import type { DeletionActivities } from '../activities/delete';
import type { IngestActivities } from '../activities/ingest';
import type { RepublishActivities } from '../activities/republish';
import type { CampaignSettings } from '../ingest/campaign/settings';

type Waits = CampaignSettings['waits'];

/** Before the input's own waits are known. */
const FIRST_WAITS: Pick<Waits, 'heartbeatSeconds' | 'controlSeconds' | 'retryFirstSeconds' | 'retryMaximumSeconds'> = {
  heartbeatSeconds: 30,
  controlSeconds: 3600,
  retryFirstSeconds: 1,
  retryMaximumSeconds: 60,
};

/**
 * Controller operations and the ledger, on the campaign's own queue. Passing failures (a database away, a lock held) are
 * tried again without end: everything waits, nothing is lost. Terminal ones fail at once.
 */
export function controllerActivities(waits: typeof FIRST_WAITS = FIRST_WAITS, summary?: string) {
  const base = options(waits, waits.controlSeconds);
  return proxyActivities<CampaignActivities & RepublishActivities>(summary === undefined ? base : { ...base, summary });
}

/** Deleting: as patient as the controller's other operations, but sooner to notice that a worker died. */
export const deletionActivities = proxyActivities<DeletionActivities>(
  options({ ...FIRST_WAITS, heartbeatSeconds: 10 }, 24 * 3600),
);

/** Planning reads every input; it may take longer than the other operations. */
export function planActivities(waits: Waits) {
  return proxyActivities<CampaignActivities & RepublishActivities>(options(waits, waits.planSeconds));
}

/** Load and verify, whose queue, summary and attempts differ with each call: see ingestOptions. */
export const ingestActivities = proxyActivities<IngestActivities>(options(FIRST_WAITS, FIRST_WAITS.controlSeconds));

/** Attempts at one activity on a worker's queue: enough for workers that are restarted, not for a batch that kills each. */
const WORKER_ATTEMPTS = 100;

/** Options of one call on a worker's queue. */
export function ingestOptions(
  { waits }: CampaignSettings,
  { taskQueue, summary }: { taskQueue: string; summary: string },
): ActivityOptions {
  const base = options(waits, waits.batchSeconds);
  return {
    ...base,
    taskQueue,
    summary,
    scheduleToStartTimeout: waits.workerAwaySeconds * 1000,
    retry: { ...base.retry, maximumAttempts: WORKER_ATTEMPTS },
  };
}

function options(waits: typeof FIRST_WAITS, attemptSeconds: number): ActivityOptions {
  return {
    startToCloseTimeout: attemptSeconds * 1000,
    heartbeatTimeout: waits.heartbeatSeconds * 1000,
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    retry: {
      initialInterval: waits.retryFirstSeconds * 1000,
      backoffCoefficient: 2,
      maximumInterval: Math.max(waits.retryMaximumSeconds, waits.retryFirstSeconds) * 1000,
    },
  };
}
