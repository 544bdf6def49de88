import { ApplicationFailure, condition, executeChild, workflowInfo } from '@temporalio/workflow';
import type { CampaignError, CampaignProgress } from '../api/campaign/progress';
import type { CampaignRun } from './campaign-run';
import { continueCampaign, LONG_HISTORY } from './continue-campaign';
import { ingestTransaction } from './ingest-transaction';
import { bounded } from './pure/bounded';
import { campaignError } from './pure/failures';
import { unfinished } from './pure/progress';

/** What a campaign and a republish have in common: load the plan, publish it, and do what is wished for afterwards. */

/** Loads and commits everything that is planned; held units wait for somebody's decision. */
export async function loadPlan(run: CampaignRun): Promise<void> {
  for (;;) {
    run.enter('ingesting');
    await loadPending(run);
    await run.refresh();
    if (run.progress.heldTotal === 0) return;
    if (run.ready.onFailure === 'abort') throw heldFailure(run.progress);
    if ((await decision(run)) === 'skip') await run.activities.skipHeld(run.planId);
    else await run.activities.retryHeld(run.planId);
  }
}

/** A window of super-transactions, each a child workflow whose id follows from plan and number. */
async function loadPending(run: CampaignRun): Promise<void> {
  const { settings, planId } = { settings: run.ready, planId: run.planId };
  const { workflowId } = run.progress;
  const sequences = await run.activities.pendingSequences(planId);
  let ended = false;
  const children = bounded(
    sequences,
    settings.parallel.transactions,
    () => '',
    async (seq) => {
      if (workflowInfo().historyLength > LONG_HISTORY) return;
      await executeChild(ingestTransaction, {
        workflowId: `${workflowId}:${planId}:${seq}`,
        args: [{ workflowId, firstRunId: workflowInfo().firstExecutionRunId, planId, seq, settings }],
        cancellationType: 'WAIT_CANCELLATION_COMPLETED',
        staticSummary: `${settings.database}: super-transaction ${seq + 1} of ${run.progress.totals.transactions}`,
      });
      run.hear();
    },
  ).finally(() => {
    ended = true;
  });
  const results = await Promise.allSettled([children, watch(run, () => ended)]);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  if (workflowInfo().historyLength > LONG_HISTORY) await continueCampaign(run);
}

/** Brings the visible progress up to date while the ledger has news, not more often than asked for. */
async function watch(run: CampaignRun, ended: () => boolean): Promise<void> {
  while (!ended()) {
    await condition(() => run.news || ended());
    if (run.news) await run.refresh();
    await condition(ended, run.ready.waits.progressSeconds * 1000);
  }
}

/** Waits, as long as it takes, until somebody says how to go on; `skip` once it is `enough`. */
export async function decision(
  run: CampaignRun,
  error?: CampaignError,
  enough: () => boolean = () => false,
): Promise<'retry' | 'skip'> {
  run.decision = undefined;
  run.enter('held', { error });
  await condition(() => run.decision !== undefined || enough());
  return run.decision ?? 'skip';
}

/** Publishes what the plan loaded by `step`, once every unit of it is committed or skipped. */
export async function publishPlan<T>(run: CampaignRun, step: () => Promise<T>): Promise<T> {
  run.enter('verifying', { error: undefined });
  const missing = unfinished(await run.refresh());
  if (missing > 0)
    throw ApplicationFailure.nonRetryable(`${missing} units are neither committed nor skipped`, 'INTERNAL');
  for (;;) {
    run.enter('publishing', { error: undefined });
    try {
      return await step();
    } catch (error) {
      const failure = campaignError(error);
      if (failure.code !== 'OPEN_TRANSACTIONS' || run.ready.onFailure === 'abort') throw error;
      // Somebody else's super-transaction stands in the way: days of loading are not given up for that.
      await decision(run, failure);
    }
  }
}

function heldFailure({ held, heldTotal }: CampaignProgress): ApplicationFailure {
  const [first] = held;
  return ApplicationFailure.create({
    message: `${heldTotal} units could not be loaded; the first one: ${first?.table} ${first?.chunk}: ${first?.message}`,
    type: first?.code ?? 'LOAD_FAILED',
    nonRetryable: true,
    details: [{ held }],
  });
}
