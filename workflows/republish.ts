import { CancellationScope, ContinueAsNew, isCancellation, workflowInfo } from '@temporalio/workflow';
import type { PlannedRepublish } from '../ingest/campaign/republish';
import type { CampaignRun } from './campaign-run';
import { finishPlan } from './finish-plan';
import { decision, loadPlan, publishPlan } from './load-plan';
import { planActivities } from './proxies';
import { campaignError } from './pure/failures';

/**
 * Changes the published catalog: plan and check everything → unpublish → load beside what is there → publish, which puts new
 * versions in the place of old ones. Whatever stops it before that is undone and the catalog is published as it was; the campaign
 * stays open either way. Only a cancellation of the workflow is thrown.
 */
export async function republish(run: CampaignRun): Promise<void> {
  const scope = new CancellationScope();
  run.stopRepublish = () => scope.cancel();
  // What is sent between two runs comes before anything of the new one.
  if (run.abortReason !== undefined) scope.cancel();
  try {
    await scope.run(() => story(run));
  } catch (error) {
    if (error instanceof ContinueAsNew) throw error;
    await CancellationScope.nonCancellable(() => undo(run, error));
    if (isCancellation(error) && run.abortReason === undefined) throw error;
  } finally {
    run.stopRepublish = undefined;
    run.abortReason = undefined;
  }
}

async function story(run: CampaignRun): Promise<void> {
  const { planned = await plan(run) } = run.desk.current;
  const what = { ...run.ref, planId: run.planId, finish: planned.finish };
  run.enter('registering', { error: undefined });
  await run.activities.unpublishCatalog(what);
  await run.activities.registerCatalog(what);
  await loadPlan(run);
  const { replaced } = await publishPlan(run, () => run.activities.publishAgain(what));
  run.desk.carriedOut(replaced);
  run.endRepublish({ state: 'done' }, await finish(run));
}

async function finish(run: CampaignRun): Promise<string[]> {
  const { planned } = run.desk.current;
  return planned ? finishPlan(run, planned.finish) : [];
}

async function plan(run: CampaignRun): Promise<PlannedRepublish> {
  run.enter('planning', { error: undefined });
  const { requestId, request } = run.desk.current;
  const { target, database, base, quality, maxNumWarnings, transactionBytes, finish } = run.ready;
  const planned = await planActivities(run.ready.waits).planRepublish({
    request,
    adminKey: request?.adminKey ?? '',
    campaign: { target, database, base, quality, maxNumWarnings, transactionBytes, finish },
    key: `${workflowInfo().firstExecutionRunId}/${requestId}`,
  });
  run.plannedRepublish(planned);
  return planned;
}

/** Nothing was changed before there was a plan. */
async function undo(run: CampaignRun, error: unknown): Promise<void> {
  const stopped = run.abortReason !== undefined || isCancellation(error);
  const failure = stopped
    ? { code: 'CANCELLED' as const, message: `aborted (${run.abortReason ?? 'the campaign was cancelled'})` }
    : campaignError(error);
  // Published already: what was given up is the rest.
  if (run.desk.current.carriedOut) return run.endRepublish({ state: 'done' }, [`given up: ${failure.message}`]);
  if (!run.desk.current.planned) return run.endRepublish({ state: stopped ? 'aborted' : 'refused', error: failure });
  for (;;) {
    run.enter('aborting', { error: failure });
    try {
      const { completed, undone, replaced } = await run.activities.undoRepublish({
        ...run.claim,
        planId: run.planId,
      });
      if (completed) {
        // There was no way back: see endRepublish.
        run.desk.carriedOut(replaced);
        const rest = stopped
          ? [`given up: what was to be done after publishing; ${failure.message}`]
          : await finish(run);
        return run.endRepublish({ state: 'done' }, [...undone, ...rest]);
      }
      const state = stopped ? 'aborted' : 'failed';
      return run.endRepublish({ state, error: failure, undone: [...run.takeAborted(), ...undone] });
    } catch (reason) {
      // The catalog must not stay unpublished in silence.
      const why = campaignError(reason);
      const message = `the republish failed (${failure.message}), and undoing it too: ${why.message}`;
      if ((await decision(run, { ...why, message })) === 'skip') {
        const remedy =
          'it stays half done until a campaign with "adopt": true, started after this one is closed, ends it';
        return run.endRepublish({ state: 'failed', error: { ...why, message: `${message}; ${remedy}` } });
      }
    }
  }
}
