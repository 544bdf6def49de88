import type { CounterPolicy, OverlapSelector, RowCounter } from '../core/row-counters';
import type { IndexOverlap, TableIndex, TableIndexDefinition } from '../core/table-indexes';

/** What is done with tables once their rows are there: row counters, SQL indexes, shared-scan ratings. */

export interface CollectRowCountersOptions {
  /** Which final tables of a partitioned table. Default: both sorts. */
  overlap?: OverlapSelector;
  /** Count although there are counters. Default false. */
  forceRescan?: boolean;
  /** What is kept. Default DISABLED: nothing. */
  policy?: CounterPolicy;
}

export interface DeleteRowCountersOptions {
  /** Keep the collected counters, take only those that Qserv has. Default false. */
  qservOnly?: boolean;
  /** Of which final tables the collected counters go. Default: both sorts. */
  overlap?: OverlapSelector;
}

export interface RowCountersReport {
  /** False when the stored counters were good. */
  scanned: boolean;
  /** Whether they are stored now. */
  stored: boolean;
  /** Final tables counted in this call, replicas included. */
  finalTables: number;
  /** Each chunk counted once, whatever its replicas; a regular table on one worker. */
  rows: number;
  overlapRows: number;
}

/**
 * Also of unpublished tables. UNKNOWN_DATABASE, UNKNOWN_TABLE; ILLEGAL_STATE while next versions of tables are being put in place.
 * docs/contract/controller.md §12.
 */
export interface RowCounterOperations {
  /**
   * Counts the rows of every final table on every worker by super-transaction, by a real scan, and keeps them as `policy` says.
   * Counters of exactly the registered chunks are not counted again, unless rows may have come or gone since. Where something
   * could not be counted, or replicas differ: TABLES_FAILED (UNAVAILABLE, BUSY when only that was in the way) with
   * details.failures = {worker: {final table: {status, error}}}; another call counts anew.
   */
  collectRowCounters(database: string, table: string, options?: CollectRowCountersOptions): Promise<RowCountersReport>;
  /**
   * Gives Qserv the collected counters in place of those that it has: its users never see half of them. ILLEGAL_STATE when there are
   * none of all chunks, or rows may have come or gone since.
   */
  deployRowCounters(database: string, table: string): Promise<void>;
  /** The collected counters, by chunk, sort and super-transaction. */
  rowCounters(database: string, table: string): Promise<RowCounter[]>;
  /** Takes the counters from Qserv, and forgets them. None there is success. */
  deleteRowCounters(database: string, table: string, options?: DeleteRowCountersOptions): Promise<void>;
}

/** Rating of a table of a kind that shared scans know (partitioned, no ref-match table). */
export interface ScanRating {
  family: string;
  database: string;
  table: string;
  /** Absent while Qserv's query front end does not know the table. */
  rating?: number;
}

/** In any publish state. docs/contract/controller.md §13. */
export interface ScanRatingOperations {
  /** Of all databases, by database and table. */
  scanRatings(): Promise<ScanRating[]>;
  /**
   * Sets the rating; again is success. Publish gives 1. INVALID_INPUT for a table that shared scans do not know, UNKNOWN_DATABASE,
   * UNKNOWN_TABLE also for one that was not published yet, since the query front end does not know it.
   */
  setScanRating(database: string, table: string, rating: number): Promise<void>;
}

export interface CreateTableIndexOptions extends IndexOverlap {
  /** A final table that has an index of the name is done, whatever its definition; else it fails. Default true. */
  ignoreDuplicateKey?: boolean;
}

/**
 * SQL indexes of the final tables of a published table (else ILLEGAL_STATE), dummy chunk included, prototype excluded. Nothing is
 * changed while next versions of tables are being put in place (ILLEGAL_STATE).
 * UNKNOWN_DATABASE, UNKNOWN_TABLE. Final tables that failed: TABLES_FAILED (UNAVAILABLE, BUSY, DISK_FULL when only that was in the
 * way) with details.failures = {worker: {final table: {status, error}}}. docs/contract/controller.md §14.
 */
export interface TableIndexOperations {
  /** Makes the index where it is missing; another call does what is left. INVALID_INPUT for a definition that cannot be. */
  createTableIndex(
    database: string,
    table: string,
    definition: TableIndexDefinition,
    options?: CreateTableIndexOptions,
  ): Promise<void>;
  /** What indexes there are, by name. */
  tableIndexes(database: string, table: string, options?: IndexOverlap): Promise<TableIndex[]>;
  /** Drops the index where it is. None there is success. */
  dropTableIndex(database: string, table: string, index: string, options?: IndexOverlap): Promise<void>;
}
