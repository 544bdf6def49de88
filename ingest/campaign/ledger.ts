import type { WantedIndex } from '../../api/campaign/finishing';
import type { DatabaseDefinition } from '../controller/controller';
import type { ErrorCode } from '../core/errors';
import type { TableDefinition, TableKindName } from '../core/tables';
import type { ContributionSource, LoadedContribution, LoadUnit } from '../worker/worker';

/**
 * The campaign's memory in Postgres: claims, plans, and the provenance ledger. It is separate from the contract's records
 * and outlives tables, databases and Temporal's retention. Workflows hold only ids and totals of what is here.
 */

/** Who holds (target, database). Lapses when Temporal says that the workflow's chain of runs has ended. */
export interface Claim {
  target: string;
  database: string;
  workflowId: string;
  /** First run of the chain, stable across continue-as-new. */
  firstRunId: string;
}

/** One load unit before it has a worker and a super-transaction: all files that feed one chunk table. */
export interface PlannedUnit {
  /** 0-based, stable within the plan. */
  unit: number;
  /** 0-based number of the planned super-transaction. */
  transactionSeq: number;
  table: string;
  /** 0 for regular tables. */
  chunk: number;
  overlap: boolean;
  /** Regular tables: loaded on every worker. */
  everyWorker: boolean;
  /** Bytes as stored, summed over sources. */
  bytes: number;
  sources: ContributionSource[];
  /** Hash over table definition, place, sources' facts and dialect: equal means the same rows. */
  fingerprint: string;
}

export interface TableTotals {
  table: string;
  kind: TableKindName;
  units: number;
  contributions: number;
  bytes: number;
}

export interface PlanSummary {
  planId: string;
  target: string;
  database: string;
  /** Hash over the whole plan. */
  fingerprint: string;
  transactions: number;
  units: number;
  contributions: number;
  bytes: number;
  tables: TableTotals[];
  /** Units that an earlier campaign committed with an equal fingerprint; they are not planned again. */
  alreadyCommitted: number;
  /** The input's. */
  requestId?: string;
}

export interface Plan {
  summary: PlanSummary;
  databaseDefinition: DatabaseDefinition;
  /** Next versions of published tables are defined, and have their units, under names of their own: see `republish`. */
  tables: TableDefinition[];
  quality: 'strict' | 'lenient';
  maxNumWarnings: number;
  /** What is done with the plan's tables once they are published, by the names that they have then. */
  finishing: Record<string, TableFinishing>;
  /** Set on the plan of a republish. */
  republish?: Republish;
  units: PlannedUnit[];
}

/** What the input wishes for one table once it is published. */
export interface TableFinishing {
  indexes: WantedIndex[];
  scanRating?: number;
}

/** What a republish does besides adding tables. */
export interface Republish {
  /** Names of next versions, and of the published tables whose place they take. */
  replaces: Record<string, string>;
  /** Published tables that go, dependents before their directors. */
  removes: string[];
  /**
   * Published tables that are deleted first of all, dependents before their directors, because the target cannot load next versions
   * beside them: those that are replaced, and those that are removed. From then on there is no way back for them.
   */
  makesRoom?: { table: string; created: number }[];
}

/**
 * begun: the database may be unpublished for it. finishing: all rows are committed, tables may go or change places, so that from
 * the first such change on there is no way back. done, undone: over, and the database is published.
 */
export const REPUBLISH_STATES = ['begun', 'finishing', 'done', 'undone'] as const;
export type RepublishState = (typeof REPUBLISH_STATES)[number];

/** The name that a plan's table has, or will have, for people. */
export function shownName({ republish }: Pick<Plan, 'republish'>, table: string): string {
  return republish?.replaces[table] ?? table;
}

/** State of a unit on one worker. planned → loaded → committed; aborting goes back to planned. */
export const UNIT_STATES = ['planned', 'loaded', 'committed', 'held', 'skipped'] as const;
export type UnitState = (typeof UNIT_STATES)[number];

/** Units that travel together in one activity to one worker. */
export interface Batch {
  worker: string;
  /** Unit numbers of the plan. */
  units: number[];
  bytes: number;
  /** Human text for the activity's summary, e.g. `Object ×40 chunks`. */
  label: string;
}

export interface HeldUnit {
  unit: number;
  table: string;
  chunk: number;
  overlap: boolean;
  worker: string;
  code: ErrorCode;
  message: string;
}

/** Sums over (unit, worker) rows of one table. */
export interface TableProgress {
  table: string;
  byState: Record<UnitState, number>;
  rows: number;
  bytes: number;
}

/** A unit on one worker. */
export interface Placement {
  table: string;
  chunk: number;
  overlap: boolean;
  state: UnitState;
  /** Recorded as loaded. */
  rows: number;
}

/** A place that is filled. `complete` is false while some worker of a regular table still lacks its rows. */
export interface CommittedUnit {
  table: string;
  chunk: number;
  overlap: boolean;
  fingerprint: string;
  complete: boolean;
  /** Those that have it. */
  workers: string[];
  /** Of the table that it stands in, see TableInUse. */
  created: number | null;
}

/**
 * A table that campaigns filled or were to fill. `created` is its createTime, which tells it from others of the same name, before
 * and after it; null where nobody noted it.
 */
export interface TableInUse {
  table: string;
  created: number | null;
  /** Some unit was committed into it. */
  committed: boolean;
}

/** What campaigns committed into one table: each place once, though several workers may hold the same rows. Bytes as loaded, not compressed. */
export interface TableSize extends Pick<TableInUse, 'table' | 'created'> {
  rows: number;
  bytes: number;
}

/** Name of a place within a database, for use as a key. */
export function placeKey({ table, chunk, overlap }: { table: string; chunk: number; overlap: boolean }): string {
  return `${table}/${chunk}${overlap ? '/overlap' : ''}`;
}

export interface CampaignLedger {
  /**
   * Takes or confirms the claim. `isOver` asks Temporal about a foreign holder. Errors: CLAIMED (details: workflowId).
   * The same workflow claiming again is success.
   */
  claim(claim: Claim, isOver: (holder: Claim) => Promise<boolean>): Promise<void>;
  /** Gives the claim up if this workflow holds it. */
  release(claim: Claim): Promise<void>;
  /** Holder of a database, if any. */
  holder(target: string, database: string): Promise<Claim | undefined>;

  /** Stores the plan under its id; the same plan again is a no-op. Streams: units may be millions. */
  savePlan(plan: Omit<Plan, 'units'>, units: Iterable<PlannedUnit> | AsyncIterable<PlannedUnit>): Promise<void>;
  /** The plan without its units. INTERNAL when there is none with this id. */
  plan(planId: string): Promise<Omit<Plan, 'units'>>;
  /** Ids of all plans for the database. */
  plansOf(target: string, database: string): Promise<Set<string>>;
  /** Notes when the plan's tables were registered, by name, unless it is noted: what it commits stands in these. */
  noteRegistered(planId: string, created: Map<string, number>): Promise<void>;
  /** What was noted so; empty before. */
  registered(planId: string): Promise<Map<string, number>>;
  /**
   * Notes how far the republish of this plan has come. Never goes back: returns the state that it is in then, which is another one
   * when it was further already.
   */
  noteRepublish(planId: string, state: Exclude<RepublishState, 'done'>): Promise<RepublishState>;
  /** How far it has come; null before it has begun. */
  republishState(planId: string): Promise<RepublishState | null>;
  /** Plans whose republish of the database has begun and is not over. */
  openRepublishes(target: string, database: string): Promise<string[]>;
  /**
   * The republish is done: what is committed under names of next versions stands under the names that they have now, what stood in
   * the tables that they replaced and in those that were removed is forgotten. The second call changes nothing.
   */
  replaced(planId: string): Promise<void>;
  /** Tables of the database that campaigns have files in, or registered to have. */
  tablesInUse(target: string, database: string): Promise<TableInUse[]>;
  /** What campaigns committed for (target, database) and still stands, by `placeKey`. */
  committedUnits(target: string, database: string): Promise<Map<string, CommittedUnit>>;
  /** How much campaigns committed for (target, database) and still stands, by table. */
  sizes(target: string, database: string): Promise<TableSize[]>;
  /** Chunk numbers that the units of one planned super-transaction touch, and whether it has regular tables. */
  chunksOf(planId: string, seq: number): Promise<{ chunks: number[]; regular: boolean }>;
  /** Gives every unit of the planned super-transaction its workers (rows in state planned; existing rows stay). */
  place(
    planId: string,
    seq: number,
    transactionId: number,
    chunkWorkers: Map<number, string[]>,
    allWorkers: string[],
  ): Promise<void>;
  /** The next batches of placed units that are still `planned`, at most `limit`, not more than the given sizes each. */
  nextBatches(planId: string, seq: number, limit: number, size: { units: number; bytes: number }): Promise<Batch[]>;
  /** Units by number, for the worker that loads them. */
  units(planId: string, units: number[]): Promise<PlannedUnit[]>;
  /** Which of the units this worker has already loaded in this super-transaction, with their provenance. */
  loaded(
    planId: string,
    transactionId: number,
    worker: string,
    units: number[],
  ): Promise<Map<number, LoadedContribution[]>>;
  /** Which of the units are held on this worker by this super-transaction. */
  heldIn(planId: string, transactionId: number, worker: string, units: number[]): Promise<HeldUnit[]>;
  /** Workers on which this super-transaction has units, by name: all of them may hold rows of it. */
  workersOf(planId: string, transactionId: number): Promise<string[]>;
  /** Every unit that this super-transaction has on this worker, and its state there. */
  placements(planId: string, transactionId: number, worker: string): Promise<Placement[]>;
  /** planned → loaded. Recorded already is success; a unit that is held, or another super-transaction's by now, is REVOKED. */
  recordLoaded(
    planId: string,
    transactionId: number,
    worker: string,
    unit: number,
    contributions: LoadedContribution[],
  ): Promise<void>;
  /** Counts a failure of loading the unit in its super-transaction; returns how many there were. */
  countFailure(planId: string, transactionId: number, worker: string, unit: number): Promise<number>;
  /** Whether the process that loads for this worker has said within the last minute that it is there. */
  isPresent(worker: string): Promise<boolean>;
  /** planned → held, if the unit is (still) this super-transaction's. */
  hold(
    planId: string,
    transactionId: number,
    worker: string,
    unit: number,
    code: ErrorCode,
    message: string,
  ): Promise<void>;
  /** Takes units that are held or skipped on this worker out of the super-transaction: it has no rows of theirs. */
  fence(planId: string, transactionId: number, worker: string): Promise<void>;
  /** Holds every unit of a planned super-transaction that is still planned, placed or not; returns how many. */
  holdRest(planId: string, seq: number, code: ErrorCode, message: string): Promise<number>;
  /**
   * Holds units of a planned super-transaction whose chunks the director index refused, after the abort; returns how many. Chunks are
   * those of `table`, without overlaps: {worker: {chunk: why}}.
   */
  holdRefused(
    planId: string,
    seq: number,
    table: string,
    failures: Record<string, Record<string, string>>,
  ): Promise<number>;
  /** loaded → planned for one unit on one worker (verify found that it does not agree). */
  unload(planId: string, worker: string, unit: LoadUnit): Promise<void>;
  /** All loaded units of the super-transaction become committed, or planned again after an abort. True when this was news. */
  settle(planId: string, transactionId: number, how: 'committed' | 'aborted'): Promise<boolean>;
  held(planId: string, limit: number): Promise<{ total: number; units: HeldUnit[] }>;
  /**
   * retry: held units go back to planned under a new transaction sequence number, which is returned (null if nothing was held).
   * skip: held units become skipped.
   */
  retryHeld(planId: string): Promise<number | null>;
  skipHeld(planId: string): Promise<number>;
  progress(planId: string): Promise<TableProgress[]>;
  /** Planned super-transactions that still have units neither committed, held nor skipped (unplaced ones included), ascending. */
  pendingSequences(planId: string): Promise<number[]>;
  /** Super-transactions of any campaign for (target, database) with units that are loaded but not settled. */
  unsettled(target: string, database: string): Promise<{ planId: string; transactionId: number }[]>;
  /**
   * Forgets that units of a database, of one of its tables, or of the one table that was created then, are committed: the tables
   * were deleted. The history stays.
   */
  forget(target: string, database: string, table?: string, created?: number | null): Promise<void>;
}

/** True while this very campaign, or deletion, holds the database: a call that was thought dead must not harm the next one. */
export async function holdsClaim(
  ledger: CampaignLedger,
  { target, database, workflowId, firstRunId }: Claim,
): Promise<boolean> {
  const holder = await ledger.holder(target, database);
  return holder?.workflowId === workflowId && holder.firstRunId === firstRunId;
}
