import { z } from 'zod';
import { endpoint } from '../endpoint';
import { pathId } from '../query-fields';
import { manyContributions, oneContribution } from './target';

const common = { service: 'worker', component: 'INGEST-HTTP-SVC', tag: 'contributions by reference' } as const;
const one = { params: z.object({ id: pathId.describe('Contribution.') }), reply: oneContribution };
const all = { params: z.object({ id: pathId.describe('Super-transaction.') }), reply: manyContributions };

/** Retry, status and cancellation, docs/contract/worker.md §4. */
const retry = {
  ...common,
  ...one,
  method: 'PUT',
  floor: 16,
  description: 'Of this worker and READ_FAILED. The failed attempt joins `failed_retries`.',
} as const;
export const retryFile = endpoint({
  ...retry,
  path: '/ingest/file/:id',
  summary: 'Tries a contribution again; answers when it is loaded',
});
export const retryQueuedFile = endpoint({
  ...retry,
  path: '/ingest/file-async/:id',
  summary: 'Queues another attempt at a contribution',
});

export const fileStatus = endpoint({
  ...common,
  ...one,
  method: 'GET',
  path: '/ingest/file-async/:id',
  floor: 13,
  summary: 'A contribution, any one of the instance',
});
export const transactionFiles = endpoint({
  ...common,
  ...all,
  method: 'GET',
  path: '/ingest/file-async/trans/:id',
  floor: 13,
  summary: 'Queued contributions of a super-transaction at this worker; none of an unknown one',
});

const CANCEL =
  'What is queued or being read ends CANCELLED; what is being loaded or is over stays as it is: see `status`.';
export const cancelFile = endpoint({
  ...common,
  ...one,
  method: 'DELETE',
  path: '/ingest/file-async/:id',
  floor: 13,
  summary: 'Cancels a contribution',
  description: CANCEL,
});
export const cancelTransactionFiles = endpoint({
  ...common,
  ...all,
  method: 'DELETE',
  path: '/ingest/file-async/trans/:id',
  floor: 13,
  summary: 'Cancels all queued contributions of a super-transaction at this worker',
  description: CANCEL,
});
