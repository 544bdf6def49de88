import type { Contribution, ContributionStatus } from '../core/contributions';

/** Which contributions; what is absent does not matter. */
export interface ContributionFilter {
  transactionIds: number[];
  table?: string;
  worker?: string;
  chunk?: number;
  statuses?: ContributionStatus[];
  /** Reads that failed and were tried again, at least. */
  minRetries?: number;
  minWarnings?: number;
  /** Only the first so many of each super-transaction; 0 = all. */
  maxEntries?: number;
}

/** What of a contribution is read beyond its record; what is not shows defaults. */
export interface ContributionParts {
  /** Character set, dialect, HTTP request, how many warnings are kept. Default true. */
  extensions?: boolean;
  /** Default true. */
  warnings?: boolean;
  /** The failed retries. Default true. */
  retries?: boolean;
}

/** Sums over FINISHED contributions; failed retries over those of any status. */
export interface ContributionTotals {
  bytes: number;
  rows: number;
  rowsLoaded: number;
  warnings: number;
  failedRetries: number;
}

/** Files are FINISHED contributions. */
export interface WorkerTotals extends ContributionTotals {
  regularFiles: number;
  chunkFiles: number;
  overlapFiles: number;
}

export interface TableTotals extends ContributionTotals {
  files: number;
}

/** Contributions of one super-transaction summed up, docs/contract/controller.md §6.5. */
export interface ContributionSummary extends WorkerTotals {
  filesByStatus: Record<ContributionStatus, number>;
  /** Earliest creation and latest load of FINISHED ones, ms; 0 when there are none. */
  firstCreateTime: number;
  lastLoadTime: number;
  /** By base table, without overlaps; these apart, for tables that have some. */
  tables: Record<string, TableTotals & { overlap?: TableTotals }>;
  /** Of every worker that has one of any status. */
  workers: Record<string, WorkerTotals>;
}

/** Contributions as they are recorded, whichever way they came. docs/contract/controller.md §6.4, §6.5, §7. */
export interface ContributionQueries {
  /** UNKNOWN_CONTRIBUTION. */
  contribution(id: number, parts?: ContributionParts): Promise<Contribution>;
  /** By id. None of an unknown super-transaction. INVALID_INPUT when there are too many for one answer: `maxEntries` is the way out. */
  contributions(filter: ContributionFilter, parts?: ContributionParts): Promise<Contribution[]>;
  /** One for each super-transaction asked for; of none all is 0. */
  contributionSummaries(filter: ContributionFilter): Promise<Map<number, ContributionSummary>>;
}
