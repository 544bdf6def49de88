/** Contribution statuses (Qserv's spelling), docs/contract/worker.md §7. */
export const CONTRIBUTION_STATUSES = [
  'IN_PROGRESS',
  'CREATE_FAILED',
  'START_FAILED',
  'READ_FAILED',
  'LOAD_FAILED',
  'CANCELLED',
  'FINISHED',
] as const;
export type ContributionStatus = (typeof CONTRIBUTION_STATUSES)[number];

/** Escape names as a client gave them, see core/dialect.ts; '' means the default. */
export interface DialectInput {
  fieldsTerminatedBy: string;
  fieldsEnclosedBy: string;
  fieldsEscapedBy: string;
  linesTerminatedBy: string;
}

/** What MySQL said of one row. */
export interface ContributionWarning {
  level: string;
  code: number;
  message: string;
}

/** An attempt that was followed by another one. Times in milliseconds. */
export interface FailedRetry {
  bytes: number;
  rows: number;
  startTime: number;
  readTime: number;
  tmpFile: string;
  httpError: number;
  systemError: number;
  error: string;
}

/** Everything known of one contribution, docs/contract/worker.md §8. Times in milliseconds since the Unix epoch, 0 = not reached. */
export interface Contribution {
  id: number;
  transactionId: number;
  worker: string;
  database: string;
  /** Base table name. */
  table: string;
  /** As submitted, for a regular table anything up to 4294967295. */
  chunk: number;
  overlap: boolean;
  /** As submitted. It may hold a signature, and headers secrets: faces mask both. */
  url: string;
  http: { method: string; data: string; headers: string[] };
  charset: string;
  dialect: DialectInput;
  isAsync: boolean;
  maxRetries: number;
  numFailedRetries: number;
  /** Oldest first. */
  failedRetries: FailedRetry[];
  /** Bytes and rows of the input. */
  bytes: number;
  rows: number;
  createTime: number;
  startTime: number;
  readTime: number;
  loadTime: number;
  status: ContributionStatus;
  tmpFile: string;
  httpError: number;
  systemError: number;
  /** Of the last attempt. */
  error: string;
  retryAllowed: boolean;
  maxNumWarnings: number;
  /** MySQL's own count; may be larger than the number of warnings kept. */
  numWarnings: number;
  warnings: ContributionWarning[];
  rowsLoaded: number;
}
