import type { Contribution } from '../../core/contributions';
import type { OpenContribution, ReferenceRequest, ValueRequest } from '../contributions';
import type {
  IngestWorker,
  LoadOptions,
  LoadRequest,
  LoadResult,
  LoadUnit,
  UnitCheck,
  WorkerCapabilities,
} from '../worker';
import { RemoteWorkerContext, type RemoteWorkerOptions } from './context';
import { asyncContributions, cancel, cancelAsync, contribution, retry, submit } from './contributions';
import { discardUnit } from './discard';
import { loadUnit } from './load';
import { receive } from './receive';
import { verifyUnits } from './verify';

export type { RemoteWorkerOptions } from './context';

export const REMOTE_WORKER_CAPABILITIES: WorkerCapabilities = {
  atomicUnits: false,
  opensContributions: false,
  compressedSources: false,
  checksums: false,
};

/**
 * A worker of a Qserv that is driven over REST, docs/contract/worker.md: Qserv's rule throughout, so that a load that broke off costs
 * the super-transaction. Requests are sent once.
 */
export class RemoteIngestWorker implements IngestWorker {
  readonly name: string;
  readonly capabilities = REMOTE_WORKER_CAPABILITIES;
  private readonly context: RemoteWorkerContext;

  constructor(options: RemoteWorkerOptions) {
    this.name = options.name;
    this.context = new RemoteWorkerContext(options);
  }

  /** Returns as soon as the worker's service answers; NO_WORKERS when it has not for so long. */
  reach(seconds: number, signal?: AbortSignal): Promise<void> {
    return this.context.reach(seconds, signal);
  }

  load(request: LoadRequest, options?: LoadOptions): Promise<LoadResult> {
    return loadUnit(this.context, request, options);
  }

  verify(transactionId: number, options?: LoadOptions): Promise<UnitCheck[]> {
    return verifyUnits(this.context, transactionId, options);
  }

  discard(unit: LoadUnit): Promise<void> {
    return discardUnit(this.context, unit);
  }

  /** The worker sweeps by itself. */
  sweep(): Promise<number> {
    return Promise.resolve(0);
  }

  submit(request: ReferenceRequest, options?: LoadOptions): Promise<Contribution> {
    return submit(this.context, request, options);
  }

  retry(id: number, how: { isAsync: boolean }, options?: LoadOptions): Promise<Contribution> {
    return retry(this.context, id, how, options);
  }

  receive(request: ValueRequest): Promise<OpenContribution> {
    return receive(this.context, request);
  }

  contribution(id: number): Promise<Contribution> {
    return contribution(this.context, id);
  }

  asyncContributions(transactionId: number): Promise<Contribution[]> {
    return asyncContributions(this.context, transactionId);
  }

  cancel(id: number): Promise<Contribution> {
    return cancel(this.context, id);
  }

  cancelAsync(transactionId: number): Promise<Contribution[]> {
    return cancelAsync(this.context, transactionId);
  }

  close(): Promise<void> {
    return this.context.close();
  }
}
