import {
  ApplicationFailure,
  allHandlersFinished,
  CancellationScope,
  ContinueAsNew,
  condition,
  isCancellation,
  workflowInfo,
} from '@temporalio/workflow';
import type { CampaignInput } from '../api/campaign/input';
import type { CampaignProgress } from '../api/campaign/progress';
import { CampaignRun, type ContinuedCampaign } from './campaign-run';
import { continueCampaign, LONG_HISTORY } from './continue-campaign';
import { finishPlan } from './finish-plan';
import { loadPlan, publishPlan } from './load-plan';
import { planActivities } from './proxies';
import { campaignError } from './pure/failures';
import { republish } from './republish';

/** The one argument: what a person writes, and, from the second run on, where the first one stood. */
export type CampaignRequest = CampaignInput & { continued?: ContinuedCampaign };

/**
 * A campaign: claim → plan → register → ingest → verify → publish → finish, then open for `republish` until `close`. Whatever ends
 * it before it is published (a cancel, an abort, a terminal failure) aborts its open super-transactions and gives up its claim.
 * Once it is published nothing is undone: a cancel or an abort closes it, after undoing a republish that is under way.
 * `request` is nothing when somebody starts it without input.
 */
export async function ingestCampaign(request: CampaignRequest | undefined): Promise<CampaignProgress> {
  const run = new CampaignRun(request?.continued);
  const work = new CancellationScope();
  run.listen(() => work.cancel());
  try {
    await work.run(() => story(run, request));
  } catch (error) {
    if (error instanceof ContinueAsNew) throw error;
    if (!run.progress.published) {
      throw await CancellationScope.nonCancellable(async () => {
        const reason = await undo(run, error);
        await condition(allHandlersFinished);
        return reason;
      });
    }
  }
  await CancellationScope.nonCancellable(async () => {
    await run.activities.releaseClaim(run.claim);
    run.desk.giveUpWaiting();
    run.enter('closed');
    run.leaving = true;
    await condition(allHandlersFinished);
  });
  return run.progress;
}

/** Ends when the campaign is published and is to be closed. */
async function story(run: CampaignRun, request: CampaignRequest | undefined): Promise<void> {
  if (!run.settings) await open(run, request);
  const { adopt, finish } = run.ready;
  if (run.progress.planId === null) {
    await plan(run, request);
    if (!adopt) await register(run);
  }
  if (!run.progress.published && !adopt) {
    await loadPlan(run);
    const what = { ...run.ref, planId: run.planId, finish };
    await publishPlan(run, () => run.activities.publishCatalog(what));
  }
  if (run.progress.finished === null) {
    run.enter(run.progress.phase, { published: true });
    const finished = adopt ? [] : await finishPlan(run, finish);
    run.enter('published', { finished, error: undefined });
    if (CancellationScope.current().consideredCancelled) return;
    await rest(run);
  }
  await stayOpen(run);
}

/** Waits in a new run, with a short history, unless there is something to do at once. */
async function rest(run: CampaignRun): Promise<void> {
  const { historyLength } = workflowInfo();
  const idle = run.ready.keepOpen && !run.closing && !run.desk.isWaitedFor;
  if (idle || historyLength > LONG_HISTORY) await continueCampaign(run);
}

async function open(run: CampaignRun, input: CampaignRequest | undefined): Promise<void> {
  const { workflowId, firstExecutionRunId } = workflowInfo();
  run.enter('claiming');
  const { settings } = await run.activities.openCampaign({ workflowId, firstRunId: firstExecutionRunId, input });
  run.opened(settings);
}

async function plan(run: CampaignRun, input: CampaignRequest | undefined): Promise<void> {
  run.enter('planning');
  const summary = await planActivities(run.ready.waits).planCampaign({
    input,
    key: workflowInfo().firstExecutionRunId,
  });
  run.planned(summary);
}

async function register(run: CampaignRun): Promise<void> {
  run.enter('registering');
  await run.activities.registerCatalog({ ...run.ref, planId: run.planId });
}

/** Does what is asked for, one request at a time, until `close`; without keepOpen, only what was asked for by now. */
async function stayOpen(run: CampaignRun): Promise<void> {
  for (;;) {
    if (!run.desk.isAtWork) {
      const enough = () => run.closing || !run.ready.keepOpen;
      await condition(() => run.desk.isWaitedFor || enough());
      if (!run.desk.next()) {
        if (enough()) return;
        // Who asked has thought better of it.
        continue;
      }
    }
    await republish(run);
    if (CancellationScope.current().consideredCancelled) return;
    await rest(run);
  }
}

/** Undoes what was not published and returns the error that ends the workflow. */
async function undo(run: CampaignRun, error: unknown): Promise<unknown> {
  const aborted = run.abortReason !== undefined;
  const stopped = aborted || isCancellation(error);
  run.enter(stopped ? 'aborting' : run.progress.phase);
  const failure = campaignError(error);
  const undone = run.takeAborted();
  if (run.settings) {
    const planId = run.progress.planId ?? undefined;
    // Tables are dropped only when somebody stops the campaign, never because something failed.
    const rollback = stopped ? run.settings.rollback : 'open';
    try {
      undone.push(...(await run.activities.undoCampaign({ ...run.claim, planId, rollback })));
      if (planId !== undefined) await run.refresh();
    } catch (reason) {
      undone.push(`could not undo everything: ${campaignError(reason).message}`);
    }
  }
  run.desk.giveUpWaiting();
  run.enter(stopped ? 'aborted' : 'failed', stopped ? { undone } : { undone, error: failure });
  if (aborted) {
    const done = undone.length > 0 ? undone.join('; ') : 'nothing was to undo';
    return ApplicationFailure.create({
      message: `aborted (${run.abortReason}): ${done}`,
      type: 'ABORTED',
      nonRetryable: true,
      details: [{ undone }],
    });
  }
  if (stopped) return error;
  const { code, message, details } = failure;
  return ApplicationFailure.create({ message, type: code, nonRetryable: true, details: [{ ...details, undone }] });
}
