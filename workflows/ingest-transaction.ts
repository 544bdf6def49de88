import { CancellationScope, ContinueAsNew, continueAsNew, isCancellation, workflowInfo } from '@temporalio/workflow';
import type { QueuedBatch } from '../activities/campaign';
import type { BatchResult } from '../ingest/campaign/load-batch';
import type { CampaignSettings } from '../ingest/campaign/settings';
import type { ErrorCode } from '../ingest/core/errors';
import { isIngestQueue } from '../ingest/core/task-queues';
import { controllerActivities, ingestActivities, ingestOptions } from './proxies';
import { bounded } from './pure/bounded';
import { batchFailure, campaignError, nobodyOn, refusedChunks } from './pure/failures';
import { TransactionReport, tellCampaign } from './transaction-report';

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

/** The attempt at work. */
interface OpenTransaction {
  attempt: number;
  transactionId: number;
  /** Workers that were found absent: their batches are not tried again in this attempt. */
  away: string[];
}

export interface TransactionOutcome {
  /** Null when no attempt could be committed; its units are held then. */
  transactionId: number | null;
  attempts: number;
}

/** Batches asked for at once: bounds a page of history and of the payload. */
const PAGE = 200;

/** Events and bytes of history at which a new run takes over, once the batches in work have ended. */
const LONG_HISTORY = 1_000;
const LARGE_HISTORY = 16 * 2 ** 20;

/** The super-transaction cannot be saved: abort it and begin another. */
class Redo extends Error {
  /** `nearer`: a unit was held, so that the next attempt is not the same one again. */
  constructor(
    message: string,
    readonly nearer = false,
  ) {
    super(message);
  }
}

/**
 * One planned super-transaction: begin → locate → load → verify → commit, or abort and redo under a new id, a bounded number
 * of times. Units that cannot be loaded are held in the ledger and do not keep the others from being committed.
 */
export async function ingestTransaction(input: TransactionInput): Promise<TransactionOutcome> {
  const { planId, seq, settings, workflowId, firstRunId } = input;
  const { target, database } = settings;
  const activities = controllerActivities(settings.waits);
  let rounds = settings.attempts.transaction;
  let lastReason = '';

  for (let attempt = input.continued?.attempt ?? 1; attempt <= rounds; attempt++) {
    const ref = { workflowId, firstRunId, target, database, planId, seq, attempt };
    try {
      let open = input.continued;
      if (open?.attempt !== attempt) {
        const transactionId = await activities.beginTransaction(ref);
        open = { attempt, transactionId, away: [] };
        await orRedo(activities.locateUnits({ ...ref, transactionId }));
        await tellCampaign(workflowId);
      }
      await loadAndVerify(input, open);
      await orRedo(activities.commitTransaction({ ...ref, transactionId: open.transactionId }));
      return { transactionId: open.transactionId, attempts: attempt };
    } catch (error) {
      if (error instanceof ContinueAsNew) throw error;
      await CancellationScope.nonCancellable(async () => {
        const aborted = await activities.abortTransaction(ref);
        if (isCancellation(error)) await tellCampaign(workflowId, aborted);
      });
      const refused = isCancellation(error) ? undefined : refusedChunks(error);
      // Without them the others can be committed; each such round holds some, so there are not many.
      if (refused !== undefined && (await activities.holdRefused({ planId, seq, ...refused })) > 0) rounds++;
      else if (!(error instanceof Redo)) throw error;
      else if (error.nearer) rounds++;
      lastReason = campaignError(error).message;
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
      const workers = await activities.workersOf({ ...ref, transactionId });
      if ((await verify(input, open, workers)) === 0) return;
      continue;
    }
    await bounded(
      batches,
      settings.parallel.batchesPerWorker,
      (batch) => batch.worker,
      async (batch) => {
        // What is left is asked for again by the next run.
        if (!historyIsFull()) await report.add(await load(input, open, batch));
      },
    );
    if (historyIsFull()) await continueAsNew<typeof ingestTransaction>({ ...input, continued: open });
  }
}

function historyIsFull(): boolean {
  const { historyLength, historySize, continueAsNewSuggested } = workflowInfo();
  return historyLength > LONG_HISTORY || historySize > LARGE_HISTORY || continueAsNewSuggested;
}

/** A step that fails for good because the super-transaction was ended by others, or cannot be ended: begin another. */
async function orRedo<T>(step: Promise<T>): Promise<T> {
  try {
    return await step;
  } catch (error) {
    if (isCancellation(error)) throw error;
    const { message, concerns } = batchFailure(error, '');
    if (concerns === 'transaction') throw new Redo(message);
    throw error;
  }
}

async function load(
  { planId, settings }: TransactionInput,
  open: OpenTransaction,
  batch: QueuedBatch,
): Promise<BatchResult> {
  const { worker, units, taskQueue } = batch;
  const { transactionId, attempt } = open;
  const { target, attempts } = settings;
  const awaySeconds = settings.waits.workerAwaySeconds;
  const summary = `${batch.label} tx ${transactionId} try ${attempt}`;
  const hold = async (code: ErrorCode, message: string): Promise<BatchResult> => {
    await controllerActivities(settings.waits).holdUnits({ planId, transactionId, worker, units, code, message });
    return { loaded: [], held: [] };
  };
  while (!open.away.includes(worker)) {
    try {
      const result = await ingestActivities.loadBatch.executeWithOptions(
        ingestOptions(settings, { taskQueue, summary }),
        [{ target, planId, transactionId, worker, units, attempts: attempts.batch, awaySeconds }],
      );
      if (result.mustAbort !== undefined) throw new Redo(result.mustAbort, result.held.length > 0);
      return result;
    } catch (error) {
      if (isCancellation(error) || error instanceof Redo) throw error;
      const { code, message, concerns } = batchFailure(error, taskQueue);
      if (concerns === 'transaction') throw new Redo(message);
      if (concerns === 'worker') noteAway(worker, open);
      if (concerns === 'unit' || concerns === 'worker') return hold(code, message);
      if (concerns === 'queue') await lookFor(worker, settings, open);
    }
  }
  return hold('NO_WORKERS', absence(worker, taskQueue));
}

/** Nobody took a batch: notes the worker as away unless its process says that it is there, and only busy. */
async function lookFor(worker: string, settings: CampaignSettings, open: OpenTransaction): Promise<void> {
  const present = await controllerActivities(settings.waits).isWorkerPresent({ target: settings.target, worker });
  if (!present) noteAway(worker, open);
}

function noteAway(worker: string, { away }: OpenTransaction): void {
  if (!away.includes(worker)) away.push(worker);
}

/** What a unit says that was not even tried, because its worker was found absent. */
function absence(worker: string, taskQueue: string): string {
  return isIngestQueue(taskQueue) ? nobodyOn(taskQueue) : `worker ${worker} does not answer`;
}

/** Returns how many units must be loaded again. A worker that is not there at this point costs the super-transaction. */
async function verify(
  input: TransactionInput,
  open: OpenTransaction,
  workers: { worker: string; taskQueue: string }[],
): Promise<number> {
  const results = await Promise.all(
    workers.map(({ worker, taskQueue }) => verifyWorker(input, open, worker, taskQueue)),
  );
  return results.reduce((sum, redo) => sum + redo, 0);
}

async function verifyWorker(
  { planId, settings }: TransactionInput,
  open: OpenTransaction,
  worker: string,
  taskQueue: string,
): Promise<number> {
  const { transactionId } = open;
  const summary = `verify tx ${transactionId}`;
  while (!open.away.includes(worker)) {
    try {
      const { redo } = await ingestActivities.verifyLoaded.executeWithOptions(
        ingestOptions(settings, { taskQueue, summary }),
        [{ target: settings.target, planId, transactionId, worker, awaySeconds: settings.waits.workerAwaySeconds }],
      );
      return redo;
    } catch (error) {
      if (isCancellation(error)) throw error;
      const { message, concerns } = batchFailure(error, taskQueue);
      if (concerns === 'worker') noteAway(worker, open);
      if (concerns === 'transaction' || concerns === 'unit' || concerns === 'worker') throw new Redo(message);
      if (concerns === 'queue') await lookFor(worker, settings, open);
    }
  }
  throw new Redo(absence(worker, taskQueue));
}
