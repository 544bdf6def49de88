import type { ContributionStatus } from '../core/contributions';
import type { Dialect } from '../core/dialect';
import type { ContributionOperations } from './contributions';

/**
 * One partition of one final table on one worker: what a load attempt fills and attaches as a whole.
 * `chunk` is 0 and `overlap` false for regular tables.
 */
export interface LoadUnit {
  transactionId: number;
  database: string;
  /** Base table name. */
  table: string;
  chunk: number;
  overlap: boolean;
}

/** How one source is read. Header values are references resolved in the worker's environment, never secrets. */
export interface ContributionSource {
  url: string;
  dialect: Dialect;
  /** MySQL character set of the file; '' means the worker's default (latin1). */
  charset: string;
  /** Facts the plan saw; a source that differs at load time is SOURCE_CHANGED. Bytes as stored (compressed). */
  expect?: { bytes?: number; etag?: string; mtimeMs?: number };
  http?: { method?: string; data?: string; headers?: string[] };
  compression?: 'none' | 'gzip' | 'zstd';
}

export interface LoadRequest {
  unit: LoadUnit;
  sources: ContributionSource[];
  /** strict: any MySQL warning fails the unit (BAD_ROWS). lenient: warnings are kept and counted. */
  quality: 'strict' | 'lenient';
  /** Warnings kept per contribution; 0 means the worker's default (64), at most 65535. */
  maxNumWarnings: number;
}

export interface LoadWarning {
  level: string;
  code: number;
  message: string;
}

/** What became of one source of a unit; the provenance record. */
export interface LoadedContribution {
  /** Contribution id, global to the instance. */
  id: number;
  /** Without the query, which may be a signature: this goes into histories. */
  url: string;
  status: ContributionStatus;
  /** Bytes of CSV that reached MySQL (after decompression). */
  bytes: number;
  rows: number;
  rowsLoaded: number;
  /** sha256 of the file as stored, hex; '' where the backend does not know it. */
  sha256: string;
  numWarnings: number;
  warnings: LoadWarning[];
  /** Attempts of the unit so far, this one included. */
  tries: number;
}

export interface LoadResult {
  unit: LoadUnit;
  rows: number;
  bytes: number;
  contributions: LoadedContribution[];
  /** True when an earlier attempt had attached the unit and only its record was read or completed. */
  alreadyLoaded: boolean;
}

/** What `verify` found for one unit. `agrees` is false when the partition's real rows differ from the record. */
export interface UnitCheck {
  unit: LoadUnit;
  recordedRows: number;
  actualRows: number | null;
  agrees: boolean;
}

export interface LoadProgress {
  /** Index of the source being read. */
  source: number;
  bytes: number;
  rows: number;
}

export interface LoadOptions {
  /** Cancels the attempt: its staging table goes away, the unit is as it was. */
  signal?: AbortSignal;
  /**
   * Asked when the signal came: true when nobody will take up this load again, because its super-transaction is given up. Else what a
   * worker of Qserv has begun is left for the next attempt to find.
   */
  isGivenUp?: () => boolean;
  /** Called a few times a second while data flow; errors thrown here cancel the attempt. */
  onProgress?: (progress: LoadProgress) => void;
}

/** Named differences between backends. */
export interface WorkerCapabilities {
  /** A failed load leaves nothing behind, so a unit may be repeated in the same super-transaction. */
  atomicUnits: boolean;
  /** A contribution by value is checked and recorded by `receive`, before its rows come; else `load` does both, and refuses. */
  opensContributions: boolean;
  /** Sources may be compressed. */
  compressedSources: boolean;
  /** What was loaded comes with the sha256 of its file; else with ''. */
  checksums: boolean;
}

/**
 * The worker's half of ingest: loads contributions into the MariaDB of one Qserv worker.
 *
 * load: before: the super-transaction is STARTED, the table registered and unpublished, the chunk allocated here.
 *   After success: the unit's partition holds exactly the rows of `sources`; its contributions are FINISHED.
 *   After failure: the partition is as before and no staging table of this attempt is left (a killed one is swept later).
 *   A second identical call returns the first one's record with `alreadyLoaded`.
 *   Errors: SOURCE_*, BAD_ROWS, LOAD_FAILED, REVOKED, UNAVAILABLE, DISK_FULL, CANCELLED, UNKNOWN_*, ILLEGAL_STATE, *_PUBLISHED,
 *   CHUNK_NOT_ALLOCATED. `details.retryAllowed` says whether the unit may be repeated in the same super-transaction.
 * verify: scans every recorded unit of the super-transaction on this worker and reports what disagrees. Changes nothing.
 * discard: empties the unit's partition and forgets its record, so it can be loaded again. "Already empty" is success.
 * sweep: drops staging tables whose attempt is gone; returns how many.
 */
export interface IngestWorker extends ContributionOperations {
  readonly name: string;
  readonly capabilities: WorkerCapabilities;
  load(request: LoadRequest, options?: LoadOptions): Promise<LoadResult>;
  verify(transactionId: number, options?: LoadOptions): Promise<UnitCheck[]>;
  discard(unit: LoadUnit): Promise<void>;
  sweep(): Promise<number>;
  close(): Promise<void>;
}
