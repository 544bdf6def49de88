import { cutBatches } from '../../../campaign/batches';
import {
  type Batch,
  type CampaignLedger,
  type Claim,
  type CommittedUnit,
  type HeldUnit,
  type Placement,
  type Plan,
  type PlannedUnit,
  placeKey,
  type RepublishState,
  shownName,
  type TableInUse,
  type TableProgress,
  type TableSize,
} from '../../../campaign/ledger';
import { type ErrorCode, IngestError } from '../../../core/errors';
import type { LoadedContribution, LoadUnit } from '../../../worker/worker';
import type { Metadata } from '../open';
import { isPresent } from '../presence';
import { deleteClaim, findClaim, insertClaim, replaceClaim } from './claims';
import * as loads from './loads';
import * as placements from './placements';
import {
  copyUnits,
  findPlan,
  findPlans,
  findRegistered,
  findTablesInUse,
  findUnits,
  insertPlan,
  updateRegistered,
} from './plans';
import { findProgress } from './progress';
import * as republishes from './republishes';

/** Ingest workers announce themselves several times within this. */
const PRESENT_SECONDS = 60;

/** The ledger in PostgreSQL (migrations 003 to 007). Any number of processes may use it at once. */
export class PostgresLedger implements CampaignLedger {
  constructor(private readonly metadata: Metadata) {}

  async claim(claim: Claim, isOver: (holder: Claim) => Promise<boolean>): Promise<void> {
    for (;;) {
      if (await this.metadata.run((sql) => insertClaim(sql, claim))) return;
      const holder = await this.holder(claim.target, claim.database);
      if (holder === undefined) continue;
      if (holder.workflowId === claim.workflowId && holder.firstRunId === claim.firstRunId) return;
      if (!(await isOver(holder))) {
        throw new IngestError(
          'CLAIMED',
          `database ${claim.database} of target ${claim.target} is held by workflow ${holder.workflowId}`,
          { ...holder },
        );
      }
      // Two may have asked about the same dead holder: only one replaces it, the other looks again.
      if (await this.metadata.run((sql) => replaceClaim(sql, holder, claim))) return;
    }
  }

  release(claim: Claim): Promise<void> {
    return this.metadata.run((sql) => deleteClaim(sql, claim));
  }

  holder(target: string, database: string): Promise<Claim | undefined> {
    return this.metadata.run((sql) => findClaim(sql, target, database));
  }

  savePlan(plan: Omit<Plan, 'units'>, units: Iterable<PlannedUnit> | AsyncIterable<PlannedUnit>): Promise<void> {
    return this.metadata.transaction(async (tx) => {
      if (await insertPlan(tx, plan)) await copyUnits(tx, plan.summary.planId, units);
    });
  }

  plan(planId: string): Promise<Omit<Plan, 'units'>> {
    return this.metadata.run((sql) => findPlan(sql, planId));
  }

  async plansOf(target: string, database: string): Promise<Set<string>> {
    return new Set(await this.metadata.run((sql) => findPlans(sql, target, database)));
  }

  noteRegistered(planId: string, created: Map<string, number>): Promise<void> {
    return this.metadata.run((sql) => updateRegistered(sql, planId, Object.fromEntries(created)));
  }

  async registered(planId: string): Promise<Map<string, number>> {
    return new Map(Object.entries(await this.metadata.run((sql) => findRegistered(sql, planId))));
  }

  noteRepublish(planId: string, state: Exclude<RepublishState, 'done'>): Promise<RepublishState> {
    return this.metadata.transaction((tx) => republishes.advanceRepublish(tx, planId, state));
  }

  republishState(planId: string): Promise<RepublishState | null> {
    return this.metadata.run((sql) => republishes.findRepublishState(sql, planId));
  }

  openRepublishes(target: string, database: string): Promise<string[]> {
    return this.metadata.run((sql) => republishes.findOpenRepublishes(sql, target, database));
  }

  replaced(planId: string): Promise<void> {
    return this.metadata.transaction((tx) => republishes.replaceCommitted(tx, planId));
  }

  tablesInUse(target: string, database: string): Promise<TableInUse[]> {
    return this.metadata.run((sql) => findTablesInUse(sql, target, database));
  }

  async committedUnits(target: string, database: string): Promise<Map<string, CommittedUnit>> {
    const rows = await this.metadata.run((sql) => loads.findCommitted(sql, target, database));
    return new Map(rows.map(({ tbl, ...row }) => [placeKey({ ...row, table: tbl }), { ...row, table: tbl }]));
  }

  sizes(target: string, database: string): Promise<TableSize[]> {
    return this.metadata.run((sql) => loads.findSizes(sql, target, database));
  }

  chunksOf(planId: string, seq: number): Promise<{ chunks: number[]; regular: boolean }> {
    return this.metadata.run((sql) => placements.findChunks(sql, planId, seq));
  }

  place(
    planId: string,
    seq: number,
    transactionId: number,
    chunkWorkers: Map<number, string[]>,
    allWorkers: string[],
  ): Promise<void> {
    return this.metadata.transaction((tx) =>
      placements.placeUnits(tx, planId, seq, transactionId, chunkWorkers, allWorkers),
    );
  }

  async nextBatches(
    planId: string,
    seq: number,
    limit: number,
    size: { units: number; bytes: number },
  ): Promise<Batch[]> {
    const rows = await this.metadata.run((sql) => placements.findPlanned(sql, planId, seq, limit * size.units));
    return cutBatches(
      rows.map(({ tbl, ...row }) => ({ ...row, table: tbl })),
      limit,
      size,
    );
  }

  units(planId: string, units: number[]): Promise<PlannedUnit[]> {
    return this.metadata.run((sql) => findUnits(sql, planId, units));
  }

  loaded(
    planId: string,
    transactionId: number,
    worker: string,
    units: number[],
  ): Promise<Map<number, LoadedContribution[]>> {
    return this.metadata.run((sql) => loads.findLoaded(sql, planId, transactionId, worker, units));
  }

  async heldIn(planId: string, transactionId: number, worker: string, units: number[]): Promise<HeldUnit[]> {
    const rows = await this.metadata.run((sql) => placements.findHeldIn(sql, planId, transactionId, worker, units));
    return rows.map(heldUnit);
  }

  workersOf(planId: string, transactionId: number): Promise<string[]> {
    return this.metadata.run((sql) => placements.findWorkers(sql, planId, transactionId));
  }

  async placements(planId: string, transactionId: number, worker: string): Promise<Placement[]> {
    const rows = await this.metadata.run((sql) => placements.findPlacements(sql, planId, transactionId, worker));
    return rows.map(({ tbl, ...row }) => ({ ...row, table: tbl }));
  }

  recordLoaded(
    planId: string,
    transactionId: number,
    worker: string,
    unit: number,
    contributions: LoadedContribution[],
  ): Promise<void> {
    return this.metadata.transaction((tx) =>
      loads.insertLoaded(tx, planId, transactionId, worker, unit, contributions),
    );
  }

  countFailure(planId: string, transactionId: number, worker: string, unit: number): Promise<number> {
    return this.metadata.run((sql) => placements.countFailure(sql, planId, transactionId, worker, unit));
  }

  isPresent(worker: string): Promise<boolean> {
    return this.metadata.run((sql) => isPresent(sql, worker, PRESENT_SECONDS));
  }

  hold(
    planId: string,
    transactionId: number,
    worker: string,
    unit: number,
    code: ErrorCode,
    message: string,
  ): Promise<void> {
    return this.metadata.run((sql) => placements.holdUnit(sql, planId, transactionId, worker, unit, code, message));
  }

  fence(planId: string, transactionId: number, worker: string): Promise<void> {
    return this.metadata.run((sql) => placements.fenceUnits(sql, planId, transactionId, worker));
  }

  holdRest(planId: string, seq: number, code: ErrorCode, message: string): Promise<number> {
    return this.metadata.transaction((tx) => placements.holdPlanned(tx, planId, seq, code, message));
  }

  holdRefused(
    planId: string,
    seq: number,
    table: string,
    failures: Record<string, Record<string, string>>,
  ): Promise<number> {
    return this.metadata.run((sql) => placements.holdRefused(sql, planId, seq, table, failures));
  }

  unload(planId: string, worker: string, unit: LoadUnit): Promise<void> {
    return this.metadata.transaction((tx) => loads.unloadUnit(tx, planId, worker, unit));
  }

  settle(planId: string, transactionId: number, how: 'committed' | 'aborted'): Promise<boolean> {
    return this.metadata.transaction((tx) => loads.settleTransaction(tx, planId, transactionId, how));
  }

  async held(planId: string, limit: number): Promise<{ total: number; units: HeldUnit[] }> {
    const rows = await this.metadata.run((sql) => placements.findHeld(sql, planId, limit));
    const total =
      rows.length < limit ? rows.length : await this.metadata.run((sql) => placements.countHeld(sql, planId));
    return { total, units: rows.map(heldUnit) };
  }

  retryHeld(planId: string): Promise<number | null> {
    return this.metadata.transaction((tx) => placements.moveHeld(tx, planId));
  }

  skipHeld(planId: string): Promise<number> {
    return this.metadata.run((sql) => placements.skipHeld(sql, planId));
  }

  async progress(planId: string): Promise<TableProgress[]> {
    const plan = await this.plan(planId);
    const tables = plan.tables.map(({ name }) => shownName(plan, name));
    return this.metadata.run((sql) => findProgress(sql, planId, tables));
  }

  pendingSequences(planId: string): Promise<number[]> {
    return this.metadata.run((sql) => placements.findPendingSequences(sql, planId));
  }

  unsettled(target: string, database: string): Promise<{ planId: string; transactionId: number }[]> {
    return this.metadata.run((sql) => loads.findUnsettled(sql, target, database));
  }

  forget(target: string, database: string, table?: string, created?: number | null): Promise<void> {
    return this.metadata.run((sql) => loads.deleteCommitted(sql, target, database, table, created));
  }
}

function heldUnit({ tbl, error_code, error_message, ...row }: placements.HeldRow): HeldUnit {
  return { ...row, table: tbl, code: error_code, message: error_message };
}
