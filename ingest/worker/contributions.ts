import type { Readable } from 'node:stream';
import type { Contribution, DialectInput } from '../core/contributions';
import type { LoadOptions } from './worker';

/** What a client says of a contribution, whichever way its rows come; values as the client gave them, '' and 0 mean the default. */
export interface ContributionTarget {
  transactionId: number;
  /** Base table name. */
  table: string;
  /** Any value for regular tables. */
  chunk: number;
  overlap: boolean;
  charset: string;
  dialect: DialectInput;
  /** Warnings kept; 0 means the worker's default. */
  maxNumWarnings: number;
}

/** A contribution that the worker reads by itself. */
export interface ReferenceRequest extends ContributionTarget {
  /** file://[host]/path, http:// or https://. */
  url: string;
  http: { method: string; data: string; headers: string[] };
  /** Reads after the first one; undefined means the worker's default. Capped by the worker. */
  maxRetries?: number;
  isAsync: boolean;
}

/** A contribution whose rows the client sends. */
export interface ValueRequest extends ContributionTarget {
  channel: 'json' | 'csv' | 'binary';
  /** Bookkeeping only: data-json://…, data-csv://…, file://…. */
  url: string;
}

/** A by-value contribution that was checked and recorded, and now waits for its rows. */
export interface OpenContribution {
  readonly id: number;
  /** Names of the table's columns and their types, in the order in which rows must have them. */
  readonly columns: readonly { name: string; type: string }[];
  /** Rows cut from the input so far. */
  rows(): number;
  /**
   * Takes CSV in the request's dialect; when the stream has ended, the rows are attached, all or none. A stream that breaks leaves
   * nothing: READ_FAILED, or START_FAILED when it broke with an IngestError whose `details.stage` is 'start'. Resolves with the
   * contribution in its final state, whatever that is; rejects only when its record could not be written.
   */
  load(csv: Readable, options?: LoadOptions): Promise<Contribution>;
}

/**
 * Contributions one by one, as Qserv's clients send them, docs/contract/worker.md. Several may go into one partition. Each is
 * prepared in private and attached in one step; where the partition has rows already, by a copy within MariaDB, and only a failure
 * in that step leaves rows behind (`retryAllowed` false, the super-transaction must be aborted).
 *
 * submit, receive: refusals are IngestErrors: UNKNOWN_TRANSACTION, UNKNOWN_TABLE, DATABASE_PUBLISHED, TABLE_PUBLISHED,
 *   ILLEGAL_STATE (the super-transaction is not STARTED), INVALID_INPUT (url, dialect, charset, method), CHUNK_NOT_ALLOCATED. Where a
 *   record was made, `details.contribution` is its id, and `details.field` names the parameter at fault.
 * submit: async: recorded and queued, IN_PROGRESS. Else the contribution in its final state, which may be a failed one.
 * retry: another attempt of a contribution that is READ_FAILED; ILLEGAL_STATE (`details.status`), UNKNOWN_CONTRIBUTION;
 *   `details.worker` when it belongs to another worker.
 * contribution: any one of the instance. cancel: what is queued or being read ends CANCELLED; what is being loaded or is over stays.
 */
export interface ContributionOperations {
  submit(request: ReferenceRequest, options?: LoadOptions): Promise<Contribution>;
  retry(id: number, how: { isAsync: boolean }, options?: LoadOptions): Promise<Contribution>;
  receive(request: ValueRequest): Promise<OpenContribution>;
  /** UNKNOWN_CONTRIBUTION. */
  contribution(id: number): Promise<Contribution>;
  /** Asynchronous contributions of a super-transaction at this worker; none of an unknown one. INVALID_INPUT when they are too many to list. */
  asyncContributions(transactionId: number): Promise<Contribution[]>;
  /** UNKNOWN_CONTRIBUTION. */
  cancel(id: number): Promise<Contribution>;
  cancelAsync(transactionId: number): Promise<Contribution[]>;
}
