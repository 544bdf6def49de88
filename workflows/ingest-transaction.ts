import {
  CancellationScope,
  ContinueAsNew,
  continueAsNew,
  getExternalWorkflowHandle,
  isCancellation,
  workflowInfo,
} from '@temporalio/workflow';
import type { QueuedBatch } from '../activities/campaign';
import type { BatchResult } from '../ingest/campaign/load-batch';
import type { CampaignSettings } from '../ingest/campaign/settings';
import { newsSignal } from './messages';
import { controllerActivities, ingestActivities, ingestOptions } from './proxies';
import { bounded } from './pure/bounded';
import { batchFailure } from './pure/failures';
import { TransactionReport } from './transaction-report';

export interface TransactionInput {
  /** The campaign's. */
  workflowId: string;
  firstRunId: string;
  planId: string;
  seq: number;
  settings: CampaignSettings;
  /** Set when this run continues an earlier one. */
  continued?: OpenTransaction;
}

/** The attempt at work. `queues` maps the workers that were given units to their task queues. */
interface OpenTransaction {
  attempt: number;
  transactionId: number;
  queues: Record<string, string>;
}

export interface TransactionOutcome {
  /** Null when no attempt could be committed; its units are held then. */
  transactionId: number | null;
  attempts: number;
}

/** Batches asked for at once: bounds a page of history and of the payload. */
const PAGE = 200;

/** History length at which the next page starts a new run. */
const LONG_HISTORY = 4_000;

/** The super-transaction cannot be saved: abort it and begin another. */
class Redo extends Error {}

/**
 * One planned super-transaction: begin → locate → load → verify → commit, or abort and redo under a new id, a bounded number
 * of times. Units that cannot be loaded are held in the ledger and do not keep the others from being committed.
 */
export async function ingestTransaction(input: TransactionInput): Promise<TransactionOutcome> {
  const { planId, seq, settings, workflowId, firstRunId } = input;
  const { target, database } = settings;
  const activities = controllerActivities(settings.waits);
  const rounds = settings.attempts.transaction;
  let lastReason = '';

  for (let attempt = input.continued?.attempt ?? 1; attempt <= rounds; attempt++) {
    const ref = { workflowId, firstRunId, target, database, planId, seq, attempt };
    try {
      let open = input.continued;
      if (open?.attempt !== attempt) {
        open = { attempt, transactionId: await activities.beginTransaction(ref), queues: {} };
        await activities.locateUnits({ ...ref, transactionId: open.transactionId });
      }
      await loadAndVerify(input, open);
      await activities.commitTransaction({ ...ref, transactionId: open.transactionId });
      return { transactionId: open.transactionId, attempts: attempt };
    } catch (error) {
      if (error instanceof ContinueAsNew) throw error;
      await CancellationScope.nonCancellable(async () => {
        const aborted = await activities.abortTransaction(ref);
        if (isCancellation(error)) await getExternalWorkflowHandle(workflowId).signal(newsSignal, aborted);
      });
      if (!(error instanceof Redo)) throw error;
      lastReason = error.message;
    }
  }
  const message = `given up after ${rounds} super-transactions; the last one: ${lastReason}`;
  await activities.holdRest({ planId, seq, code: 'LOAD_FAILED', message });
  return { transactionId: null, attempts: rounds };
}

/** Loads page after page until nothing is planned and every worker's scan agrees with the record. */
async function loadAndVerify(input: TransactionInput, open: OpenTransaction): Promise<void> {
  const { planId, seq, settings, workflowId, firstRunId } = input;
  const { target, database } = settings;
  const { transactionId, attempt } = open;
  const activities = controllerActivities(settings.waits);
  const report = new TransactionReport(workflowId, transactionId);
  for (;;) {
    const ref = { workflowId, firstRunId, target, database, planId, seq, attempt };
    const batches = await activities.nextBatches({ ...ref, limit: PAGE, size: settings.batch });
    if (batches.length === 0) {
      if ((await verify(input, open)) === 0) return;
      continue;
    }
    for (const { worker, taskQueue } of batches) open.queues[worker] = taskQueue;
    report.expect(batches.length);
    await bounded(
      batches,
      settings.parallel.batchesPerWorker,
      (batch) => batch.worker,
      async (batch) => report.add(await load(input, open, batch)),
    );
    if (workflowInfo().historyLength > LONG_HISTORY) {
      await continueAsNew<typeof ingestTransaction>({ ...input, continued: open });
    }
  }
}

async function load(
  { planId, settings }: TransactionInput,
  open: OpenTransaction,
  batch: QueuedBatch,
): Promise<BatchResult> {
  const { worker, units, taskQueue } = batch;
  const { transactionId, attempt } = open;
  const summary = `${batch.label} tx ${transactionId} try ${attempt}`;
  try {
    const result = await ingestActivities.loadBatch.executeWithOptions(
      ingestOptions(settings, { taskQueue, summary }),
      [{ target: settings.target, planId, transactionId, worker, units, attempts: settings.attempts.batch }],
    );
    if (result.mustAbort !== undefined) throw new Redo(result.mustAbort);
    return result;
  } catch (error) {
    if (isCancellation(error) || error instanceof Redo) throw error;
    const { code, message, transactionLost } = batchFailure(error, taskQueue);
    if (transactionLost) throw new Redo(message);
    await controllerActivities(settings.waits).holdUnits({ planId, transactionId, worker, units, code, message });
    return { loaded: [], held: [] };
  }
}

/** Returns how many units must be loaded again. A worker that stays away at this point costs the super-transaction. */
async function verify({ planId, settings }: TransactionInput, open: OpenTransaction): Promise<number> {
  const { transactionId } = open;
  const summary = `verify tx ${transactionId}`;
  const results = await Promise.all(
    Object.entries(open.queues).map(async ([worker, taskQueue]) => {
      try {
        return await ingestActivities.verifyLoaded.executeWithOptions(ingestOptions(settings, { taskQueue, summary }), [
          { target: settings.target, planId, transactionId, worker },
        ]);
      } catch (error) {
        if (isCancellation(error)) throw error;
        throw new Redo(batchFailure(error, taskQueue).message);
      }
    }),
  );
  return results.reduce((sum, { redo }) => sum + redo, 0);
}
