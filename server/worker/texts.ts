import { Refusal } from '../../api/qserv/refusal';
import type { Contribution } from '../../ingest/core/contributions';
import type { ErrorCode, IngestError } from '../../ingest/core/errors';

type Texts = Partial<Record<ErrorCode, (error: IngestError) => Refusal>>;

/** The record that a refused contribution left, if it did: for programs. */
const recorded = ({ details: { contribution } }: IngestError) => (contribution === undefined ? {} : { contribution });

/** What a worker says when the state of things stands against a contribution, docs/contract/worker.md §1. */
function stateTexts(request: { transaction_id: number; table: string }): Texts {
  return {
    DATABASE_PUBLISHED: (e) => new Refusal('F', `database '${e.details.database}' is already published.`, recorded(e)),
    TABLE_PUBLISHED: (e) =>
      new Refusal(
        'F',
        `table '${request.table}' of database '${e.details.database}' is already published.`,
        recorded(e),
      ),
    ILLEGAL_STATE: (e) => new Refusal('F', `transactionId=${request.transaction_id} is not active`, recorded(e)),
  };
}

/** Refusals of a contribution by reference, docs/contract/worker.md §1. */
export function notSubmitted(request: { transaction_id: number; table: string }): Texts {
  return {
    ...stateTexts(request),
    UNKNOWN_TABLE: ({ details }) =>
      new Refusal(
        'P',
        `INGEST-REQUEST  IngestRequest no such table '${request.table}' in database '${details.database}'.`,
      ),
  };
}

/** docs/contract/worker.md §4. */
export function notRetried(id: number, here: string): Texts {
  return {
    UNKNOWN_CONTRIBUTION: () =>
      new Refusal('F', `INGEST-REQUEST  createRetry failed to locate the contribution id=${id} in the database.`),
    ILLEGAL_STATE: (e) => new Refusal('P', notRetriedText(id, here, e)),
  };
}

function notRetriedText(id: number, here: string, { details, message }: IngestError): string {
  if (details.worker !== undefined) {
    return `contribution id=${id} was originally processed by worker '${details.worker}', while this retry operation was request at worker '${here}'.`;
  }
  if (details.status !== undefined) {
    return `contribution id=${id} is not in state READ_FAILED, the actual state is ${details.status}.`;
  }
  return message;
}

/** docs/contract/worker.md §4. */
export function notFound(id: number): Texts {
  return { UNKNOWN_CONTRIBUTION: () => new Refusal('F', `INGEST-REQUEST-MGR  find request ${id} was not found`) };
}

/** A contribution by reference that is FINISHED; else the refusal that tells how it ended, docs/contract/worker.md §1. */
export function finished(contribution: Contribution): Contribution {
  const { status, error, httpError, systemError, retryAllowed } = contribution;
  if (status === 'FINISHED') return contribution;
  if (status === 'READ_FAILED') {
    throw new Refusal('E', error, {
      http_error: httpError,
      system_error: systemError,
      retry_allowed: retryAllowed ? 1 : 0,
    });
  }
  throw new Refusal('F', error, { contribution: contribution.id });
}
