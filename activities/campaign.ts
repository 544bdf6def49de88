import type { Finish } from '../api/campaign/finishing';
import { type FinishingResult, type FinishingTask, finishingTasks, finishTable } from '../ingest/campaign/finishing';
import type { CampaignLedger, Claim, HeldUnit, PlanSummary, TableProgress } from '../ingest/campaign/ledger';
import { checkTables, registerCatalog } from '../ingest/campaign/register';
import type { CampaignSettings } from '../ingest/campaign/settings';
import * as transactions from '../ingest/campaign/transactions';
import { undo } from '../ingest/campaign/undo';
import type { Controller } from '../ingest/controller/controller';
import type { ErrorCode } from '../ingest/core/errors';
import { type Running, run } from './run';

export interface CampaignServices {
  ledger: CampaignLedger;
  /** UNKNOWN_TARGET. */
  controller(target: string): Controller;
  /** The Temporal task queue that loads for this worker. */
  taskQueue(target: string, worker: string): string;
  /** Whether a process that loads for this worker is there. */
  isPresent(target: string, worker: string): Promise<boolean>;
  /** Checks the input's form and reads what the workflow must know of it; INVALID_INPUT lists every fault. */
  settings(input: unknown, running: Running): Promise<CampaignSettings>;
  /** Reads and checks every source, stores the plan under an id of `key`'s own; INVALID_INPUT lists every fault. Registers nothing. */
  plan(input: unknown, key: string, running: Running): Promise<PlanSummary>;
  /** Asks Temporal whether the holder's chain of runs has ended. */
  isOver(holder: Claim): Promise<boolean>;
}

/** A campaign as its activities know it. */
export interface CampaignRef {
  target: string;
  database: string;
  workflowId: string;
}

export interface TransactionRef extends CampaignRef {
  /** First run of the campaign's chain: tells apart campaigns that use the same workflow id one after the other. */
  firstRunId: string;
  planId: string;
  seq: number;
  attempt: number;
}

/** Chunks that the director index of a table refused at commit: {worker: {chunk: why}}. */
export interface RefusedChunks {
  table: string;
  failures: Record<string, Record<string, string>>;
}

/** A batch with the queue of the worker that loads it. */
export interface QueuedBatch {
  worker: string;
  taskQueue: string;
  units: number[];
  label: string;
}

export interface LedgerReport {
  tables: TableProgress[];
  held: { total: number; units: HeldUnit[] };
  transactions: transactions.TransactionCounts;
}

/** Activities on the queue `campaigns`: the controller's operations and the campaign's memory. */
export function createCampaignActivities(services: CampaignServices) {
  const { ledger } = services;
  const on = (ref: { target: string }) => ({ controller: services.controller(ref.target), ledger });

  return {
    /** Checks the input's form, claims the database, and ends what a dead campaign left open there. */
    openCampaign: (who: { workflowId: string; firstRunId: string; input: unknown }) =>
      run(async (running) => {
        const settings = await services.settings(who.input, running);
        const { target, database } = settings;
        const claim = { target, database, workflowId: who.workflowId, firstRunId: who.firstRunId };
        await ledger.claim(claim, services.isOver);
        return { settings, leftovers: await transactions.endLeftovers(on(settings), target, database) };
      }),

    /** Reads every input and stores the plan; nothing is registered. */
    planCampaign: (what: { input: unknown; key: string }): Promise<PlanSummary> =>
      run((running) => services.plan(what.input, what.key, running)),

    /** Registers family, database and tables; what is there already and equal stays. */
    registerCatalog: (ref: CampaignRef & { planId: string }) => run(() => registerCatalog(on(ref), ref.planId)),

    /** Planned super-transactions that still have work. */
    pendingSequences: (planId: string) => run(() => ledger.pendingSequences(planId)),

    beginTransaction: (ref: TransactionRef) => run(() => transactions.begin(on(ref), ref)),

    /** Locates (allocates) the chunks and gives every unit its workers; returns the workers concerned. */
    locateUnits: (ref: TransactionRef & { transactionId: number }) =>
      run(() => transactions.place(on(ref), ref.planId, ref.seq, ref.transactionId)),

    nextBatches: (ref: TransactionRef & { limit: number; size: { units: number; bytes: number } }) =>
      run(async (): Promise<QueuedBatch[]> => {
        const batches = await ledger.nextBatches(ref.planId, ref.seq, ref.limit, ref.size);
        return batches.map(({ worker, units, label }) => ({
          worker,
          units,
          label,
          taskQueue: services.taskQueue(ref.target, worker),
        }));
      }),

    /** Holds units of a batch whose activity failed for good (its worker stays away, …). */
    holdUnits: (ref: {
      planId: string;
      transactionId: number;
      worker: string;
      units: number[];
      code: ErrorCode;
      message: string;
    }) =>
      run(async () => {
        const { planId, transactionId, worker, code, message } = ref;
        for (const unit of ref.units) await ledger.hold(planId, transactionId, worker, unit, code, message);
      }),

    /** Holds everything of a planned super-transaction that is not loaded; returns how many units. */
    holdRest: (ref: { planId: string; seq: number; code: ErrorCode; message: string }) =>
      run(() => ledger.holdRest(ref.planId, ref.seq, ref.code, ref.message)),

    /** Holds the units whose chunks a director index refused, once their super-transaction is aborted; returns how many units. */
    holdRefused: (ref: { planId: string; seq: number } & RefusedChunks) =>
      run(() => ledger.holdRefused(ref.planId, ref.seq, ref.table, ref.failures)),

    /** The workers that hold, or may hold, rows of the super-transaction, with their task queues. */
    workersOf: (ref: TransactionRef & { transactionId: number }) =>
      run(async () => {
        const workers = await ledger.workersOf(ref.planId, ref.transactionId);
        return workers.map((worker) => ({ worker, taskQueue: services.taskQueue(ref.target, worker) }));
      }),

    /** Whether the process that loads for a worker is there, though it took nothing in time. */
    isWorkerPresent: (ref: { target: string; worker: string }) => run(() => services.isPresent(ref.target, ref.worker)),

    commitTransaction: (ref: TransactionRef & { transactionId: number }) =>
      run(() => transactions.commit(on(ref), ref.planId, ref.transactionId)),

    /** Aborts what this attempt began, known or not; returns the ids. */
    abortTransaction: (ref: TransactionRef) => run(() => transactions.abort(on(ref), ref)),

    readLedger: (ref: CampaignRef & { planId: string }): Promise<LedgerReport> =>
      run(async () => ({
        tables: await ledger.progress(ref.planId),
        held: await ledger.held(ref.planId, 20),
        transactions: await transactions.countOf(on(ref), ref.database, ref.planId),
      })),

    /** Held units go back to work under the sequence number returned; null when nothing was held. */
    retryHeld: (planId: string) => run(() => ledger.retryHeld(planId)),
    skipHeld: (planId: string) => run(() => ledger.skipHeld(planId)),

    /** Publishes, unless a table that the plan filled is gone. */
    publishCatalog: (ref: CampaignRef & { planId: string; finish: Finish }) =>
      run(async () => {
        await checkTables(on(ref), ref.planId);
        const { consolidateDirectorIndex } = ref.finish;
        const report = await services.controller(ref.target).publish(ref.database, { consolidateDirectorIndex });
        const { renamed, copied, database } = report;
        return { renamed, copied, publishTime: database.publishTime };
      }),

    /** The work that is wished for once the plan's tables are published: ratings, director indexes, SQL indexes, row counters. */
    finishingTasks: (ref: CampaignRef & { planId: string; finish: Finish }): Promise<FinishingTask[]> =>
      run(async () => {
        const { finishing, databaseDefinition, republish } = await ledger.plan(ref.planId);
        // A republish is not told what its database does; an index that is there already stays.
        const { autoBuildDirectorIndex = republish === undefined } = databaseDefinition;
        const wishes = { finish: ref.finish, tables: finishing, autoBuildDirectorIndex };
        return finishingTasks(services.controller(ref.target), ref.database, wishes);
      }),

    /** One piece of it; what is done already stays. */
    finishTable: (ref: CampaignRef & { task: FinishingTask }): Promise<FinishingResult> =>
      run(() => finishTable(services.controller(ref.target), ref.database, ref.task)),

    /** Ends every open super-transaction of the campaign, drops unpublished tables if asked, gives up the claim; lists what was undone. */
    undoCampaign: (ref: CampaignRef & { rollback: 'open' | 'all'; planId?: string; firstRunId: string }) =>
      run(({ signal }) => undo(on(ref), ref, signal)),

    releaseClaim: (claim: Claim) => run(() => ledger.release(claim)),
  };
}

export type CampaignActivities = ReturnType<typeof createCampaignActivities>;
