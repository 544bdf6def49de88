import type { IngestConfig } from '../core/ingest-config';
import type { PlacementForm } from '../core/placement';
import type { ColumnDefinition, TableDefinition, TableDescriptor } from '../core/tables';
import type { TransactionState } from '../core/transactions';
import type { AdministrationOperations } from './administration';
import type { ContributionQueries } from './contributions';
import type { RowCounterOperations, ScanRatingOperations, TableIndexOperations } from './finishing';
import type { TableSchemaOperations } from './table-schema';

/** Times are milliseconds since the Unix epoch, 0 = not reached yet. */

export interface DatabaseDefinition {
  name: string;
  numStripes: number;
  numSubStripes: number;
  /** Degrees, >= 0. */
  overlap: number;
  /** Build director indexes at commit; fixed for the life of the database. Default true. */
  autoBuildDirectorIndex?: boolean;
}

export interface DatabaseDescriptor {
  name: string;
  family: string;
  isPublished: boolean;
  createTime: number;
  publishTime: number;
  /** By name. */
  tables: TableDescriptor[];
}

export interface TransactionEvent {
  id: number;
  state: TransactionState;
  name: string;
  time: number;
  data: Record<string, unknown>;
}

export interface TransactionDescriptor {
  id: number;
  database: string;
  state: TransactionState;
  beginTime: number;
  startTime: number;
  transitionTime: number;
  endTime: number;
  context: Record<string, unknown>;
  log: TransactionEvent[];
}

export interface EndedTransaction extends TransactionDescriptor {
  /** After a commit in a database with auto-build: every unpublished director's index has the super-transaction's objects. */
  directorIndexBuilt: boolean;
}

export interface TransactionFilter {
  database?: string;
  states?: TransactionState[];
}

/** What of a super-transaction is read; what is not is empty. */
export interface TransactionParts {
  /** Default true. */
  context?: boolean;
  /** Default true. */
  log?: boolean;
}

export interface EndOptions {
  /**
   * As Qserv's clients know it: once ended is ended, hence ILLEGAL_STATE instead of success when it is so already, and a commit only
   * from STARTED; whatever goes wrong ends it FINISH_FAILED or ABORT_FAILED, a context that is no object too. Default false.
   */
  once?: boolean;
}

export interface WorkerLocation {
  worker: string;
  host: string;
  hostName: string;
  port: number;
  httpHost: string;
  httpHostName: string;
  httpPort: number;
}

export interface ChunkLocation extends WorkerLocation {
  chunk: number;
}

/** Where a location request looks: a database, or the database of a super-transaction that must be STARTED. */
export type LocationScope = { database: string } | { transactionId: number };

export interface DirectorIndexOptions {
  /** Replace the index that is there. Default false. */
  rebuild?: boolean;
  /** Take each key once, and fail otherwise; default: as the table was registered. */
  unique?: boolean;
}

/** What the whole index holds, whichever calls put it there. */
export interface DirectorIndexReport {
  chunks: number;
  rows: number;
}

export interface PublishReport {
  database: DatabaseDescriptor;
  /** Final tables finished by rename and by copy, in this call. */
  renamed: number;
  copied: number;
  /**
   * Tables whose next version took their place since the database was published before, and for how long readers could see
   * neither (upper bound; all of one publish go out of sight and come back together).
   */
  replaced: { table: string; gapMs: number }[];
}

/** For callers to whom "already so" is a refusal. */
export interface ChangeOptions {
  /** Refuse what would change nothing: see each operation. Default false: it is success. */
  mustChange?: boolean;
}

export interface RegisterOptions {
  /** ALREADY_EXISTS for what exists, also where it is the same. Default false: the same is success. */
  mustBeNew?: boolean;
}

export interface RegisterTableOptions extends RegisterOptions {
  /** The published table whose next version this is; the definition's name must be `replacementName` of it. */
  replaces?: string;
}

export interface PublishOptions extends ChangeOptions {
  /** Takes the partitions off the director indexes of the tables that are published. Default false. */
  consolidateDirectorIndex?: boolean;
  /** Counts the rows of the tables that are published, for Qserv's query optimizer. Default false. */
  deployRowCounters?: boolean;
}

export interface DeleteOptions extends ChangeOptions {
  /** Published databases too. Whoever asks has shown to be an administrator. */
  published?: boolean;
}

export interface EmptyChunksReport {
  /** Chunks on the list. */
  chunks: number;
  /** Chunks that an enabled worker has. */
  ingested: number;
  /** Chunks of the family's partitioning. */
  all: number;
}

/** Rows counted by a real scan in the workers' databases. */
export interface TableCount {
  table: string;
  /** Sum over chunk tables; for a regular table the rows on one worker (all agree, else `agree` is false). */
  rows: number;
  overlapRows: number;
  /** Workers that hold the table. */
  workers: number;
  agree: boolean;
}

/** Named differences between backends. */
export interface ControllerCapabilities {
  /** Tables can be counted by a scan through the controller. */
  countRows: boolean;
  /** The next version of a published table can be loaded beside it (`registerTable` with `replaces`). */
  replaceTables: boolean;
  /** A failed load leaves nothing behind, so that a super-transaction may be large: see WorkerCapabilities. */
  atomicUnits: boolean;
  /** Workers read sources that are compressed. */
  compressedSources: boolean;
  /** Building a director index and collecting row counters tell how much they read; else what is not stored is told as 0. */
  reports: boolean;
}

/**
 * The controller's half of ingest. All operations are safe to repeat: "already so" is success where the arguments agree, and
 * ALREADY_EXISTS (naming what differs) where they do not. Faces that must refuse repetition (Qserv's REST) say so by option.
 *
 * Errors common to all: UNKNOWN_*, INVALID_INPUT, UNAVAILABLE, BUSY.
 * registerDatabase: creates the schema on all workers and the record. ALREADY_EXISTS when it exists with another geometry. Its
 *   family is the alphabetically last of those with its numbers of stripes and sub-stripes, and made when there is none.
 * registerTable: rules of the table's kind; DATABASE_PUBLISHED; ILLEGAL_STATE where a server has tables of the name that nothing is
 *   recorded of. A half-created table is completed, also where it must be new. With
 *   `replaces`, the table is the next version of a published one (UNKNOWN_TABLE, ILLEGAL_STATE when it is not published) of the same
 *   kind. It is a table like any other, under a name of its own, until publish puts it in the other's place; its directors, and
 *   others' references to it, go by final names. ALREADY_EXISTS when the name is taken by something else. An automatic director index
 *   is made with its director.
 * beginTransaction: DATABASE_PUBLISHED; INDEX_FAILED, and START_FAILED, when a director index takes no further partition.
 *   `context.token` makes it idempotent: a transaction of the database whose context has the same token and that is not ended is
 *   returned as it is.
 * endTransaction: commit only from STARTED; abort from all but FINISHED (ABORTED is success). Revokes all load tokens of the
 *   transaction first. Commit fills the automatic director indexes of unpublished tables: INDEX_FAILED, and FINISH_FAILED, with
 *   `details.failures` = {worker: {chunk: text}} when rows were refused; after a failure that passes (a server away) it stays
 *   IS_FINISHING, and the next commit takes in the chunks that are missing. An abandoned IS_* state (its holder is gone) is brought
 *   to an end: IS_FINISHING by commit again or abort.
 *   An abort that could not take rows out of all final tables has `details.stage` 'partitions'; `once` adds `completed` = {worker:
 *   {final table: 0 | 1}} and `error` = {worker: {final table: text}}.
 * allocateChunks: INVALID_CHUNK lists every bad number and nothing is allocated; NO_WORKERS; for new chunks, BUSY while the database
 *   is published, deleted or otherwise changed. Same order as asked for: in the form 'single' (the default) one location a chunk,
 *   and ILLEGAL_STATE for a chunk with several replicas (`details.replicas`: database, chunk, worker, verifyTime); in the form
 *   'multi' one for each replica, all of which must be loaded.
 * What fails on a worker says so in `details.worker`, and `details.finalTable` where it was one; in publish also `details.phase`: grant,
 *   enable, create, finish, count or deploy.
 * publish: OPEN_TRANSACTIONS (`details.open`: id, state and ways to end each); ILLEGAL_STATE without any chunk, or for a table
 *   without schema; resumable; published already is success, or with `mustChange` DATABASE_PUBLISHED. Only unpublished tables are
 *   worked on, but every partitioned table gets the chunk tables that it lacks. Next versions take the place of the tables that they
 *   replace, last of all: old rows, a gap in which the CSS metadata hides the table, new rows. Once one is hidden there is no way
 *   back: publish, registerTable and deleteTable first end what an earlier call began, and until then no super-transaction begins
 *   (ILLEGAL_STATE).
 * unpublish: not published already is success, or with `mustChange` ILLEGAL_STATE.
 * rebuildEmptyChunks: DATABASE_PUBLISHED; ALREADY_EXISTS when there is a list and no `force`.
 * deleteTable: what is not there is success, or with `mustChange` UNKNOWN_DATABASE or UNKNOWN_TABLE; DATABASE_PUBLISHED unless
 *   `published` says that it may be; ILLEGAL_STATE for a director that other tables refer to, whichever database they are in
 *   (`details.dependents`), and for a table whose next version is registered (delete that one first).
 * deleteDatabase: as deleteTable. Open super-transactions are no obstacle, references from other databases neither.
 */
export interface Controller
  extends AdministrationOperations,
    ContributionQueries,
    RowCounterOperations,
    TableIndexOperations,
    ScanRatingOperations,
    TableSchemaOperations {
  readonly capabilities: ControllerCapabilities;
  registerDatabase(definition: DatabaseDefinition, options?: RegisterOptions): Promise<DatabaseDescriptor>;
  registerTable(
    database: string,
    definition: TableDefinition,
    options?: RegisterTableOptions,
  ): Promise<TableDescriptor>;
  database(name: string): Promise<DatabaseDescriptor>;
  databases(): Promise<DatabaseDescriptor[]>;
  beginTransaction(database: string, context: Record<string, unknown>): Promise<TransactionDescriptor>;
  endTransaction(
    id: number,
    how: 'commit' | 'abort',
    context?: Record<string, unknown>,
    options?: EndOptions,
  ): Promise<EndedTransaction>;
  transaction(id: number, parts?: TransactionParts): Promise<TransactionDescriptor>;
  /** Newest first. */
  transactions(filter: TransactionFilter, parts?: TransactionParts): Promise<TransactionDescriptor[]>;
  /** Enabled, writable workers; where each contribution of a regular table must go. NO_WORKERS when there is none. */
  locateRegular(scope: LocationScope): Promise<WorkerLocation[]>;
  allocateChunks(scope: LocationScope, chunks: number[], form?: PlacementForm): Promise<ChunkLocation[]>;
  /** Existing allocations of the database. */
  chunks(database: string): Promise<ChunkLocation[]>;
  /** How many different chunks the database has on enabled workers, in any publish state. */
  chunkCount(database: string): Promise<number>;
  /** How workers read sources of the database by reference: what was ever set. In any publish state. */
  ingestConfig(database: string): Promise<IngestConfig>;
  /** Changes the given parameters; they hold from the next read on. */
  setIngestConfig(database: string, changes: IngestConfig): Promise<void>;
  publish(database: string, options?: PublishOptions): Promise<PublishReport>;
  /** Opens a published database for new tables; what queries see stays. */
  unpublish(database: string, options?: ChangeOptions): Promise<DatabaseDescriptor>;
  /** Rebuilds the list of chunks without data by which queries are spread. */
  rebuildEmptyChunks(database: string, options?: { force?: boolean }): Promise<EmptyChunksReport>;
  /**
   * Builds the director index of a published table from all its chunks, and puts it in the place of the one that is there, which
   * answers until then. INVALID_INPUT for a table that is no director; ILLEGAL_STATE for one that is not published; ALREADY_EXISTS
   * when there is an index and no rebuild is asked for; INDEX_FAILED when rows were refused, `details.failures` = {worker: {chunk:
   * text}}. What was taken in is kept: another call with the same options reads only chunks that failed or are missing. After a
   * call that ended well, another one builds anew.
   */
  buildDirectorIndex(database: string, table: string, options?: DirectorIndexOptions): Promise<DirectorIndexReport>;
  /** Counts by scan in the workers' databases, one entry a table. */
  countRows(database: string): Promise<TableCount[]>;
  /** Drops the table everywhere, records included. */
  deleteTable(database: string, table: string, options?: DeleteOptions): Promise<void>;
  /** Drops the database everywhere, with everything recorded of it. */
  deleteDatabase(database: string, options?: DeleteOptions): Promise<void>;
  close(): Promise<void>;
}

export type { FamilyDescriptor, WorkerDescriptor } from './administration';
export type { ColumnDefinition, TableDefinition, TableDescriptor };
