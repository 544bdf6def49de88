import { Refusal } from '../../api/qserv/refusal';
import type { IngestError } from '../../ingest/core/errors';
import { explained } from '../http/refusals';

/** `what` failed on a worker, in the words of docs/contract/controller.md; undefined when the error is none of a worker's. */
export function workerFailure(what: string): (error: IngestError) => Refusal | undefined {
  return (error) => {
    const { worker } = error.details;
    if (worker === undefined || error.code === 'UNKNOWN_WORKER') return undefined;
    return new Refusal('E', `${what}, worker: ${worker},  error: ${error.message}`, explained(error));
  };
}
