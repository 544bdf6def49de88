import { type ErrorCode, IngestError, WAITED_FOR } from '../core/errors';
import type { IngestWorker, LoadedContribution, LoadOptions, LoadProgress, LoadUnit } from '../worker/worker';
import { type CampaignLedger, type Plan, type PlannedUnit, placeKey, shownName } from './ledger';

export interface BatchRequest {
  planId: string;
  transactionId: number;
  worker: string;
  /** Unit numbers of the plan. */
  units: number[];
  /** Failures of a unit after which it is held, with its cause. Times when a database was away do not count. */
  attempts: number;
}

export interface LoadedUnit {
  unit: number;
  table: string;
  chunk: number;
  overlap: boolean;
  rows: number;
  bytes: number;
  contributions: LoadedContribution[];
}

export interface BatchResult {
  loaded: LoadedUnit[];
  held: { unit: number; table: string; chunk: number; overlap: boolean; code: ErrorCode; message: string }[];
  /** Set when a failure left the super-transaction beyond repair (Qserv's rule): abort it and redo everything. */
  mustAbort?: string;
}

export interface BatchOptions extends Pick<LoadOptions, 'signal' | 'isGivenUp'> {
  onProgress?: (progress: LoadProgress & { unit: number; unitsDone: number }) => void;
}

/** Errors that concern the super-transaction or this attempt, not one unit. */
const FATAL: ReadonlySet<ErrorCode> = new Set([
  'CANCELLED',
  'REVOKED',
  'ILLEGAL_STATE',
  'UNKNOWN_TRANSACTION',
  'DATABASE_PUBLISHED',
  'TABLE_PUBLISHED',
]);

/** Warnings of one contribution that go into a result, and so into a history; the ledger keeps all that were asked for. */
const SHOWN_WARNINGS = 5;

/**
 * Loads the units of one batch on one worker. Safe to repeat: units that an earlier attempt recorded are only reported.
 * Input faults (bad rows, changed sources, …) hold their unit at once. Passing failures are collected and thrown at the end as
 * one transient error, so that a further attempt takes up only those; a unit that failed `attempts` times is held.
 */
export async function loadBatch(
  request: BatchRequest,
  { worker, ledger }: { worker: IngestWorker; ledger: CampaignLedger },
  { signal, isGivenUp, onProgress }: BatchOptions = {},
): Promise<BatchResult> {
  const { planId, transactionId } = request;
  const plan = await ledger.plan(planId);
  const units = await ledger.units(planId, request.units);
  const before = await ledger.loaded(planId, transactionId, worker.name, request.units);
  const result: BatchResult = { loaded: [], held: [] };
  const held = new Map(
    (await ledger.heldIn(planId, transactionId, worker.name, request.units)).map((unit) => [unit.unit, unit]),
  );
  const again: { unit: PlannedUnit; error: IngestError }[] = [];

  const hold = async (unit: PlannedUnit, error: IngestError) => {
    await ledger.hold(planId, transactionId, worker.name, unit.unit, error.code, error.message);
    const { chunk, overlap } = unit;
    const table = shownName(plan, unit.table);
    result.held.push({ unit: unit.unit, table, chunk, overlap, code: error.code, message: error.message });
  };

  const isFinal = async (unit: PlannedUnit, error: IngestError) => {
    if (!error.transient) return true;
    if (WAITED_FOR.has(error.code)) return false;
    return (await ledger.countFailure(planId, transactionId, worker.name, unit.unit)) >= request.attempts;
  };

  for (const unit of units) {
    const known = before.get(unit.unit);
    if (known) {
      result.loaded.push(summary(plan, unit, known));
      continue;
    }
    const given = held.get(unit.unit);
    if (given) {
      result.held.push(given);
      continue;
    }
    try {
      const loaded = await worker.load(
        {
          unit: loadUnit(plan, unit, transactionId),
          sources: unit.sources,
          quality: plan.quality,
          maxNumWarnings: plan.maxNumWarnings,
        },
        {
          signal,
          isGivenUp,
          onProgress: (p) => onProgress?.({ ...p, unit: unit.unit, unitsDone: result.loaded.length }),
        },
      );
      await ledger.recordLoaded(planId, transactionId, worker.name, unit.unit, loaded.contributions);
      result.loaded.push(summary(plan, unit, loaded.contributions));
    } catch (error) {
      if (!(error instanceof IngestError) || FATAL.has(error.code)) throw error;
      if (error.details.retryAllowed === false) {
        // In another super-transaction it would only fail again, and take the others with it.
        if (!error.transient) await hold(unit, error);
        return { ...result, mustAbort: error.message };
      }
      if (await isFinal(unit, error)) await hold(unit, error);
      else again.push({ unit, error });
      // The other units would only meet the same.
      if (error.code === 'UNAVAILABLE') break;
    }
  }

  const [first] = again;
  if (!first) return result;
  throw new IngestError(first.error.code, `${again.length} of ${units.length} units failed: ${first.error.message}`, {
    units: again.map(({ unit, error }) => ({
      unit: unit.unit,
      table: shownName(plan, unit.table),
      chunk: unit.chunk,
      code: error.code,
    })),
  });
}

/**
 * Makes what the super-transaction holds on this worker and what the ledger says of it the same, before a commit. Staging
 * tables of attempts whose database died under them are swept. Units whose partition does not agree with its record are emptied
 * and planned again. Units that the ledger does not count as loaded are emptied and fenced off too, in worker and ledger: an
 * attempt whose word was lost may have attached them, or may still come to say so.
 * Returns how many units must be loaded again: 0 means the super-transaction may be committed as far as this worker goes.
 */
export async function verifyLoaded(
  request: { planId: string; transactionId: number },
  { worker, ledger }: { worker: IngestWorker; ledger: CampaignLedger },
  { signal }: { signal?: AbortSignal } = {},
): Promise<{ checked: number; redo: number }> {
  const { planId, transactionId } = request;
  await worker.sweep();
  const { database } = (await ledger.plan(planId)).summary;
  const checks = await worker.verify(transactionId, { signal });
  const sound = new Map(
    checks.filter((check) => check.agrees).map((check) => [placeKey(check.unit), check.actualRows]),
  );
  let redo = 0;
  for (const { table, chunk, overlap, state, rows } of await ledger.placements(planId, transactionId, worker.name)) {
    signal?.throwIfAborted();
    const unit = { transactionId, database, table, chunk, overlap };
    if (state === 'loaded' && sound.get(placeKey(unit)) === rows) continue;
    await worker.discard(unit);
    if (state === 'loaded') await ledger.unload(planId, worker.name, unit);
    if (state === 'loaded' || state === 'planned') redo++;
  }
  // Last: until then a verify that dies finds the same units again.
  await ledger.fence(planId, transactionId, worker.name);
  return { checked: checks.length, redo };
}

function loadUnit(plan: Omit<Plan, 'units'>, unit: PlannedUnit, transactionId: number): LoadUnit {
  const { table, chunk, overlap } = unit;
  return { transactionId, database: plan.summary.database, table, chunk, overlap };
}

function summary(plan: Omit<Plan, 'units'>, unit: PlannedUnit, contributions: LoadedContribution[]): LoadedUnit {
  const sum = (f: (c: LoadedContribution) => number) => contributions.reduce((total, c) => total + f(c), 0);
  const { chunk, overlap } = unit;
  return {
    unit: unit.unit,
    table: shownName(plan, unit.table),
    chunk,
    overlap,
    rows: sum((c) => c.rowsLoaded),
    bytes: sum((c) => c.bytes),
    contributions: contributions.map((c) => ({ ...c, warnings: c.warnings.slice(0, SHOWN_WARNINGS) })),
  };
}
