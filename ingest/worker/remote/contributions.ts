import { fromWireContribution } from '../../../api/qserv/contribution';
import { fromReferenceRequest, loadFile, queueFile } from '../../../api/qserv/worker/reference';
import {
  cancelFile,
  cancelTransactionFiles,
  retryFile,
  retryQueuedFile,
  transactionFiles,
} from '../../../api/qserv/worker/requests';
import type { Contribution } from '../../core/contributions';
import { IngestError } from '../../core/errors';
import { shownUrl } from '../../core/shown-url';
import { isCode } from '../../remote/outcome';
import type { ReferenceRequest } from '../contributions';
import type { LoadOptions } from '../worker';
import type { RemoteWorkerContext } from './context';

/** A failed one where Qserv tells of it; replies to synchronous requests say no more than why, so it is looked for. */
export async function submit(
  context: RemoteWorkerContext,
  request: ReferenceRequest,
  { signal }: LoadOptions = {},
): Promise<Contribution> {
  const headers = request.http.headers.map((header) => header.slice(header.indexOf(':') + 1).trim());
  const secrets = [...(shownUrl(request.url) === request.url ? [] : [request.url]), ...headers, request.http.data];
  try {
    const endpoint = request.isAsync ? queueFile : loadFile;
    const { contrib } = await context.call(
      endpoint,
      { body: fromReferenceRequest(request) },
      { long: !request.isAsync, signal, secrets },
    );
    return fromWireContribution(contrib);
  } catch (error) {
    return failed(context, request, error);
  }
}

/** The contribution that a refused request left in its final state, or the refusal, with `details.contribution` where it left any. */
async function failed(context: RemoteWorkerContext, request: ReferenceRequest, error: unknown): Promise<Contribution> {
  if (!(error instanceof IngestError) || error.details.refusal === undefined) throw error;
  const refusal = inTheirWords(error);
  if (isCode(error, 'UNKNOWN_TRANSACTION', 'UNKNOWN_TABLE', 'UNKNOWN_DATABASE', 'NOT_ALLOWED')) throw refusal;
  const { transactionId, table } = request;
  const all = await context.controller.contributions({ transactionIds: [transactionId], worker: context.name, table });
  const mine = all.filter(({ url }) => shownUrl(url) === shownUrl(request.url));
  const found = mine.filter(({ status }) => status !== 'IN_PROGRESS' && status !== 'FINISHED').at(-1);
  if (found === undefined) throw refusal;
  if (found.status !== 'CREATE_FAILED') return found;
  throw new IngestError(refusal.code, refusal.message, { ...refusal.details, contribution: found.id });
}

/** Qserv's text alone: these operations say what it says. */
export function inTheirWords(error: IngestError): IngestError {
  const { refusal, ...details } = error.details;
  return refusal === undefined ? error : new IngestError(error.code, String(refusal), details);
}

async function plainly<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof IngestError ? inTheirWords(error) : error;
  }
}

export async function retry(
  context: RemoteWorkerContext,
  id: number,
  { isAsync }: { isAsync: boolean },
  { signal }: LoadOptions = {},
): Promise<Contribution> {
  try {
    const endpoint = isAsync ? retryQueuedFile : retryFile;
    const { contrib } = await context.call(endpoint, { params: { id } }, { long: !isAsync, signal });
    return fromWireContribution(contrib);
  } catch (error) {
    if (!(error instanceof IngestError) || error.details.refusal === undefined) throw error;
    const refusal = inTheirWords(error);
    const found = await context.controller.contribution(id).catch(() => undefined);
    // The same words tell that it was tried again, and failed again.
    if (found?.status === 'IN_PROGRESS' || found?.error.trim() !== refusal.message) throw refusal;
    return found;
  }
}

/** The controller knows more of those that are over than the worker does. */
export function contribution(context: RemoteWorkerContext, id: number): Promise<Contribution> {
  return plainly(() => context.controller.contribution(id));
}

export function asyncContributions(context: RemoteWorkerContext, transactionId: number): Promise<Contribution[]> {
  return plainly(async () => {
    const { contribs } = await context.call(transactionFiles, { params: { id: transactionId } });
    return contribs.map(fromWireContribution);
  });
}

export function cancel(context: RemoteWorkerContext, id: number): Promise<Contribution> {
  return plainly(async () => fromWireContribution((await context.call(cancelFile, { params: { id } })).contrib));
}

export function cancelAsync(context: RemoteWorkerContext, transactionId: number): Promise<Contribution[]> {
  return plainly(async () => {
    const { contribs } = await context.call(cancelTransactionFiles, { params: { id: transactionId } });
    return contribs.map(fromWireContribution);
  });
}
