import { Refusal, type RefusalClass } from '../../api/qserv/refusal';
import type { Contribution } from '../../ingest/core/contributions';
import type { IngestError } from '../../ingest/core/errors';
import type { RefusalTexts } from '../http/refusals';

/** The failure's own text, in a class; `error_ext` names the record that it left, if it did. */
const as =
  (kind: RefusalClass, before = '') =>
  ({ message, details: { contribution } }: IngestError) =>
    new Refusal(kind, before + message, contribution === undefined ? {} : { contribution });

/** Refusals of a contribution by reference, docs/contract/worker.md §1. */
export function notSubmitted({ table }: { table: string }): RefusalTexts {
  return {
    UNKNOWN_TABLE: ({ details: { database } }) =>
      new Refusal('P', `INGEST-REQUEST  IngestRequest no such table '${table}' in database '${database}'.`),
    DATABASE_PUBLISHED: as('F'),
    TABLE_PUBLISHED: as('F'),
    ILLEGAL_STATE: as('F'),
    CHUNK_NOT_ALLOCATED: as('P'),
  };
}

/** Refusals of JSON rows, docs/contract/worker.md §2 and §6. */
export const NOT_RECEIVED_ROWS: RefusalTexts = {
  // What left no record is a matter of the parameters alone.
  INVALID_INPUT: (e) => (e.details.contribution === undefined ? undefined : as('E')(e)),
  ILLEGAL_STATE: as('E'),
  DATABASE_PUBLISHED: as('E'),
  TABLE_PUBLISHED: as('F'),
  CHUNK_NOT_ALLOCATED: as('E'),
};

/** Refusals of a CSV file, docs/contract/worker.md §3 and §6. */
export const NOT_RECEIVED_FILE: RefusalTexts = {
  ILLEGAL_STATE: (e) =>
    e.details.status === 'CREATE_FAILED' ? as('E', 'INGEST-FILE-HTTP-SVC onStartOfFile ')(e) : as('F')(e),
  DATABASE_PUBLISHED: as('F'),
  TABLE_PUBLISHED: as('F'),
  CHUNK_NOT_ALLOCATED: as('P'),
};

/** docs/contract/worker.md §4. */
export function notRetried(id: number): RefusalTexts {
  return {
    UNKNOWN_CONTRIBUTION: () =>
      new Refusal('F', `INGEST-REQUEST  createRetry failed to locate the contribution id=${id} in the database.`),
    ILLEGAL_STATE: ({ message }) => new Refusal('P', message),
  };
}

/** docs/contract/worker.md §4. */
export function notFound(id: number): RefusalTexts {
  return { UNKNOWN_CONTRIBUTION: () => new Refusal('F', `INGEST-REQUEST-MGR  find request ${id} was not found`) };
}

/** A contribution by reference that is FINISHED; else the refusal that tells how it ended, docs/contract/worker.md §1. */
export function finished(contribution: Contribution): Contribution {
  const { id, status, error, httpError, systemError, retryAllowed } = contribution;
  if (status === 'FINISHED') return contribution;
  if (status === 'READ_FAILED') {
    const retry_allowed = retryAllowed ? 1 : 0;
    throw new Refusal('E', error, { http_error: httpError, system_error: systemError, retry_allowed });
  }
  const isArgument = status === 'START_FAILED' && error.includes('is not allocated to worker');
  throw new Refusal(isArgument ? 'P' : 'F', error, { contribution: id });
}

/** The same of a contribution by value, docs/contract/worker.md §2 and §3. */
export function loaded(contribution: Contribution): Contribution {
  if (contribution.status === 'FINISHED') return contribution;
  throw new Refusal('E', contribution.error, { contribution: contribution.id });
}
