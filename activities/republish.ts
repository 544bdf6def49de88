import type { Finish } from '../api/campaign/finishing';
import { finishRepublish, openRepublish, replacedBy } from '../ingest/campaign/carry-out';
import type { PlannedRepublish, RepublishedCampaign } from '../ingest/campaign/republish';
import { undoRepublish } from '../ingest/campaign/undo-republish';
import type { CampaignRef, CampaignServices } from './campaign';
import { type Running, run } from './run';

export interface RepublishServices extends Pick<CampaignServices, 'ledger' | 'controller'> {
  /** NOT_ALLOWED unless the reference names the target's administrator key. */
  checkAdminKey(target: string, reference: string): void;
  /** Reads and checks everything, stores the plan; INVALID_INPUT lists every fault. Changes nothing else. */
  planRepublish(
    request: unknown,
    campaign: RepublishedCampaign,
    key: string,
    running: Running,
  ): Promise<PlannedRepublish>;
}

/** Activities on the queue `campaigns` that change a published catalog. */
export function createRepublishActivities(services: RepublishServices) {
  const on = (ref: { target: string }) => ({ controller: services.controller(ref.target), ledger: services.ledger });

  return {
    /** Asks for the administrator's key, then checks the request against the catalog as it will be. Nothing is changed. */
    planRepublish: (what: { request: unknown; adminKey: string; campaign: RepublishedCampaign; key: string }) =>
      run(async (running) => {
        services.checkAdminKey(what.campaign.target, what.adminKey);
        return services.planRepublish(what.request, what.campaign, what.key, running);
      }),

    /** The first change; readers see nothing of it. */
    unpublishCatalog: (ref: CampaignRef & { planId: string }) => run(() => openRepublish(on(ref), ref.planId)),

    /** Removes tables, puts next versions into their places, and publishes. */
    publishAgain: (ref: CampaignRef & { planId: string; finish: Finish }) =>
      run(({ signal }) => {
        const { consolidateDirectorIndex } = ref.finish;
        return finishRepublish(on(ref), ref.planId, { consolidateDirectorIndex }, signal);
      }),

    /** Undoes it, or brings it to its end where there is no way back; the catalog is published afterwards. */
    undoRepublish: (ref: CampaignRef & { planId: string; firstRunId: string }) =>
      run(async ({ signal }) => {
        const { completed, lines } = await undoRepublish(on(ref), ref, signal);
        const replaced = completed ? await replacedBy(on(ref), ref.planId) : [];
        return { completed, undone: lines, replaced };
      }),
  };
}

export type RepublishActivities = ReturnType<typeof createRepublishActivities>;
