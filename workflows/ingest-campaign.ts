import {
  ApplicationFailure,
  CancellationScope,
  ContinueAsNew,
  condition,
  continueAsNew,
  executeChild,
  isCancellation,
  workflowInfo,
} from '@temporalio/workflow';
import type { CampaignInput } from '../api/campaign/input';
import type { CampaignError, CampaignProgress } from '../api/campaign/progress';
import { CampaignRun, type ContinuedCampaign } from './campaign-run';
import { ingestTransaction } from './ingest-transaction';
import { planActivities } from './proxies';
import { bounded } from './pure/bounded';
import { campaignError } from './pure/failures';
import { unfinished } from './pure/progress';

/** The one argument: what a person writes, and, from the second run on, where the first one stood. */
export type CampaignRequest = CampaignInput & { continued?: ContinuedCampaign };

/** History length at which the campaign starts a new run, once the super-transactions in work have ended. */
const LONG_HISTORY = 800;

/**
 * A campaign: claim → plan → register → ingest → verify → publish, then open until `close`. Whatever ends it before it is
 * published (a cancel, an abort, a terminal failure) aborts its open super-transactions and gives up its claim. Once it is
 * published nothing is undone: a cancel or an abort closes it. `request` is nothing when somebody starts it without input.
 */
export async function ingestCampaign(request: CampaignRequest | undefined): Promise<CampaignProgress> {
  const run = new CampaignRun(request?.continued);
  const work = new CancellationScope();
  run.listen(() => work.cancel());
  try {
    await work.run(() => story(run, request));
  } catch (error) {
    if (error instanceof ContinueAsNew) throw error;
    if (!run.progress.published) throw await CancellationScope.nonCancellable(() => undo(run, error));
  }
  await CancellationScope.nonCancellable(() => run.activities.releaseClaim(run.claim));
  run.enter('closed');
  return run.progress;
}

/** Ends when the campaign is published and is to be closed. */
async function story(run: CampaignRun, request: CampaignRequest | undefined): Promise<void> {
  if (!run.settings) await open(run, request);
  if (run.progress.planId === null) await plan(run, request);
  if (!run.progress.published) {
    await ingest(run);
    await publish(run);
    const stopped = run.closing || CancellationScope.current().consideredCancelled;
    if (run.ready.keepOpen && !stopped) await startNewRun(run);
    return;
  }
  await condition(() => run.closing);
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
  run.enter('registering');
  await run.activities.registerCatalog({ ...run.ref, planId: summary.planId });
}

/** Loads and commits everything that is planned; held units wait for somebody's decision. */
async function ingest(run: CampaignRun): Promise<void> {
  for (;;) {
    run.enter('ingesting');
    await ingestPending(run);
    await run.refresh();
    if (run.progress.heldTotal === 0) return;
    if (run.ready.onFailure === 'abort') throw heldFailure(run.progress);
    if ((await decision(run)) === 'skip') await run.activities.skipHeld(run.planId);
    else await run.activities.retryHeld(run.planId);
  }
}

/** Waits, as long as it takes, until somebody says how to go on. */
async function decision(run: CampaignRun, error?: CampaignError): Promise<'retry' | 'skip'> {
  run.decision = undefined;
  run.enter('held', { error });
  await condition(() => run.decision !== undefined);
  return run.decision ?? 'retry';
}

/** A window of super-transactions, each a child workflow whose id follows from plan and number. */
async function ingestPending(run: CampaignRun): Promise<void> {
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
  if (workflowInfo().historyLength > LONG_HISTORY) await startNewRun(run);
}

/** Brings the visible progress up to date while the ledger has news, not more often than asked for. */
async function watch(run: CampaignRun, ended: () => boolean): Promise<void> {
  while (!ended()) {
    await condition(() => run.news || ended());
    if (run.news) await run.refresh();
    await condition(ended, run.ready.waits.progressSeconds * 1000);
  }
}

async function publish(run: CampaignRun): Promise<void> {
  run.enter('verifying');
  const missing = unfinished(await run.refresh());
  if (missing > 0)
    throw ApplicationFailure.nonRetryable(`${missing} units are neither committed nor skipped`, 'INTERNAL');
  for (;;) {
    run.enter('publishing', { error: undefined });
    try {
      await run.activities.publishCatalog({ ...run.ref, planId: run.planId });
      return run.enter('published', { published: true });
    } catch (error) {
      const failure = campaignError(error);
      if (failure.code !== 'OPEN_TRANSACTIONS' || run.ready.onFailure === 'abort') throw error;
      // Somebody else's super-transaction stands in the way: days of loading are not given up for that.
      await decision(run, failure);
    }
  }
}

async function startNewRun(run: CampaignRun): Promise<void> {
  await continueAsNew<typeof ingestCampaign>({
    // The input has done its work: the plan is stored.
    database: { database: run.progress.database },
    tables: [],
    continued: run.continued(),
  });
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

/** Undoes what was not published and returns the error that ends the workflow. */
async function undo(run: CampaignRun, error: unknown): Promise<unknown> {
  const aborted = run.abortReason !== undefined;
  const stopped = aborted || isCancellation(error);
  run.enter(stopped ? 'aborting' : run.progress.phase);
  const failure = campaignError(error);
  const undone = run.abortedByChildren.map((id) => `aborted super-transaction ${id}`);
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
