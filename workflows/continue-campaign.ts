import {
  allHandlersFinished,
  CancellationScope,
  CancelledFailure,
  condition,
  continueAsNew,
} from '@temporalio/workflow';
import type { CampaignRun } from './campaign-run';
import type { ingestCampaign } from './ingest-campaign';

/** History length at which the campaign starts a new run, once the super-transactions in work have ended. */
export const LONG_HISTORY = 800;

/** Goes on in a new run of the same campaign. Updates that still wait for their republish are answered with how far it is. */
export async function continueCampaign(run: CampaignRun): Promise<void> {
  run.leaving = true;
  await condition(allHandlersFinished);
  // A new run would know nothing of a cancellation.
  if (CancellationScope.current().consideredCancelled) {
    run.leaving = false;
    throw new CancelledFailure('cancelled before a new run began');
  }
  await continueAsNew<typeof ingestCampaign>({
    // The input has done its work: the plan is stored.
    database: { database: run.progress.database },
    tables: [],
    continued: run.continued(),
  });
}
