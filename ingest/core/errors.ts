/** Failures of the ingest domain. Drivers' errors become these beside the driver; faces translate them outwards. */

/** Every code, with whether trying the same thing again can help (`transient`) or not (`terminal`). */
export const ERROR_CODES = {
  /** The caller's input breaks a rule; the message names the field and the remedy. */
  INVALID_INPUT: 'terminal',
  UNKNOWN_FAMILY: 'terminal',
  UNKNOWN_DATABASE: 'terminal',
  UNKNOWN_TABLE: 'terminal',
  UNKNOWN_TRANSACTION: 'terminal',
  UNKNOWN_CONTRIBUTION: 'terminal',
  UNKNOWN_WORKER: 'terminal',
  UNKNOWN_TARGET: 'terminal',
  ALREADY_EXISTS: 'terminal',
  DATABASE_PUBLISHED: 'terminal',
  TABLE_PUBLISHED: 'terminal',
  /** A move that the state machine does not know; details name both ends. */
  ILLEGAL_STATE: 'terminal',
  /** Super-transactions that are not ended stand in the way; details list their ids. */
  OPEN_TRANSACTIONS: 'terminal',
  INVALID_CHUNK: 'terminal',
  CHUNK_NOT_ALLOCATED: 'terminal',
  /** An administrator's key is needed and was not given, or is another one. */
  NOT_ALLOWED: 'terminal',
  /** Rows that the director index cannot take, details list the failures by worker and chunk; or no further partition. */
  INDEX_FAILED: 'terminal',
  /** Some final tables could not be treated; details list them by worker, and repeating redoes only these. */
  TABLES_FAILED: 'terminal',
  /** Another campaign holds the database; details name its workflow. */
  CLAIMED: 'terminal',
  /** No enabled, writable worker can take the data now. */
  NO_WORKERS: 'transient',
  /** The source does not exist or is refused (404, outside the source roots, …). */
  SOURCE_MISSING: 'terminal',
  SOURCE_DENIED: 'terminal',
  /** The source is no longer what was planned (size, ETag or mtime differ). */
  SOURCE_CHANGED: 'terminal',
  /** The source broke off, stalled, ended early or answered 5xx. */
  SOURCE_BROKEN: 'transient',
  /** Rows that MySQL cannot take as they are; details carry the warnings. */
  BAD_ROWS: 'terminal',
  /** Loading failed in MySQL for a reason that is not the rows. */
  LOAD_FAILED: 'transient',
  /** This attempt was overtaken by another, or its super-transaction was ended. */
  REVOKED: 'terminal',
  /** A database or service does not answer, or its connection broke. */
  UNAVAILABLE: 'transient',
  /** A lock or a long operation of somebody else is in the way. */
  BUSY: 'transient',
  DISK_FULL: 'transient',
  CANCELLED: 'terminal',
  /** A defect of ours, or an answer that should not exist. */
  INTERNAL: 'transient',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** A database of ours is away or in the way: everything waits, no unit is held for it (docs/design.md §6). */
export const WAITED_FOR: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['UNAVAILABLE', 'BUSY']);

/** JSON-able facts about a failure. Never holds a secret. */
export type ErrorDetails = Record<string, unknown>;

export class IngestError extends Error {
  override readonly name = 'IngestError';

  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly details: ErrorDetails = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  /** True when the same operation may succeed later. */
  get transient(): boolean {
    return ERROR_CODES[this.code] === 'transient';
  }
}

/** Does `work`; an IngestError that it fails with gets these facts as well, its own come first. */
export async function withFacts<T>(facts: ErrorDetails, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof IngestError)) throw error;
    throw new IngestError(error.code, error.message, { ...facts, ...error.details }, { cause: error });
  }
}

/** One fault of an input: `path` as in `tables[1].schema[0].type`. */
export interface InputFault {
  path: string;
  message: string;
  /** Which rule is broken, for faces that have words of their own for it. */
  rule?: string;
}

/** All faults of one input as a single INVALID_INPUT error; `details.faults` is the list. */
export function invalidInput(what: string, faults: InputFault[]): IngestError {
  const lines = faults.map((f) => `${f.path}: ${f.message}`);
  return new IngestError('INVALID_INPUT', `${what}: ${lines.join('; ')}`, { faults });
}
