import { toWireContribution } from '../../api/qserv/contribution';
import { loadFile, queueFile, type ReferenceBody, toReferenceRequest } from '../../api/qserv/worker/reference';
import {
  cancelFile,
  cancelTransactionFiles,
  fileStatus,
  retryFile,
  retryQueuedFile,
  transactionFiles,
} from '../../api/qserv/worker/requests';
import { saying } from '../http/refusals';
import { type Route, route } from '../http/route';
import type { WorkerServices } from './services';
import { finished, notFound, notRetried, notSubmitted } from './texts';

/** Contributions that the worker reads by itself, docs/contract/worker.md §1 and §4. */
export function referenceRoutes({ worker }: WorkerServices): Route[] {
  const submit = (body: ReferenceBody, isAsync: boolean) =>
    saying(notSubmitted(body), () => worker.submit(toReferenceRequest(body, isAsync)));
  const retry = (id: number, isAsync: boolean) => saying(notRetried(id), () => worker.retry(id, { isAsync }));
  return [
    route(loadFile, async ({ body }) => ({ contrib: toWireContribution(finished(await submit(body, false))) })),
    route(queueFile, async ({ body }) => ({ contrib: toWireContribution(await submit(body, true)) })),
    route(retryFile, async ({ params: { id } }) => ({ contrib: toWireContribution(finished(await retry(id, false))) })),
    route(retryQueuedFile, async ({ params: { id } }) => ({ contrib: toWireContribution(await retry(id, true)) })),
    route(fileStatus, async ({ params: { id } }) => {
      return { contrib: toWireContribution(await saying(notFound(id), () => worker.contribution(id))) };
    }),
    route(cancelFile, async ({ params: { id } }) => {
      return { contrib: toWireContribution(await saying(notFound(id), () => worker.cancel(id))) };
    }),
    route(transactionFiles, async ({ params: { id } }) => {
      return { contribs: (await worker.asyncContributions(id)).map(toWireContribution) };
    }),
    route(cancelTransactionFiles, async ({ params: { id } }) => {
      return { contribs: (await worker.cancelAsync(id)).map(toWireContribution) };
    }),
  ];
}
