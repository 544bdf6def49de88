import { randomBytes } from 'node:crypto';
import type { Contribution } from '../../core/contributions';
import { noSteps, type StepHook } from '../../core/steps';
import { HttpClients, type SourceRules } from '../../source';
import { DataServer, type MysqlAccess } from '../../storage/data/connection';
import type { Metadata } from '../../storage/metadata';
import { Session } from '../../storage/metadata/sessions';
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
import { CONTRIBUTION_SETTINGS, type ContributionContext, type ContributionSettings } from './contributions/context';
import { NativeContributions } from './contributions/operations';
import type { ContributionQueue, QueueOptions } from './contributions/queue';
import { discardUnit } from './discard';
import { loadUnit } from './load';
import { sweepStaging } from './sweep';
import { verifyUnits } from './verify';

export { CONTRIBUTION_STEPS, type ContributionStep, LOAD_STEPS, type LoadStep } from './context';
export type { ContributionSettings } from './contributions/context';
export type { ContributionQueue, QueueOptions } from './contributions/queue';

export interface NativeWorkerOptions {
  /** Worker name, as in the records. */
  name: string;
  /** The MariaDB beside this worker. */
  mysql: MysqlAccess;
  /** The records; closed by whoever opened them. */
  metadata: Metadata;
  sources: Pick<SourceRules, 'roots' | 'stallSeconds' | 'http' | 'limits'>;
  /** Value behind `${env:NAME}` in HTTP headers. */
  resolveSecret?: (name: string) => string | undefined;
  /** Loads that run at once at most, further ones wait; default 10. */
  connections?: number;
  /** Qserv's settings for contributions that come one by one; each has a default. */
  contributions?: Partial<ContributionSettings>;
  steps?: StepHook;
  /** Names of attempts, see `WorkerContext`; random by default. */
  attemptId?: () => string;
}

export const NATIVE_WORKER_CAPABILITIES: WorkerCapabilities = {
  atomicUnits: true,
  opensContributions: true,
  compressedSources: true,
  checksums: true,
};

/** Loads straight into one MariaDB: every unit in a staging table of its own, attached in one step (docs/design.md §4). */
export class NativeIngestWorker implements IngestWorker {
  readonly name: string;
  readonly capabilities = NATIVE_WORKER_CAPABILITIES;
  private readonly context: ContributionContext;
  private readonly contributions: NativeContributions;
  private readonly clients = new HttpClients();

  constructor(options: NativeWorkerOptions) {
    this.name = options.name;
    this.context = {
      name: options.name,
      server: new DataServer(`worker ${options.name}`, options.mysql, { connections: options.connections }),
      control: new DataServer(`worker ${options.name}`, options.mysql, { connections: 2 }),
      metadata: options.metadata,
      sources: { ...options.sources, resolveSecret: options.resolveSecret, clients: this.clients },
      steps: options.steps ?? noSteps,
      attemptId: options.attemptId ?? (() => randomBytes(8).toString('hex')),
      session: new Session(options.metadata),
      settings: { ...CONTRIBUTION_SETTINGS, ...options.contributions },
    };
    this.contributions = new NativeContributions(this.context);
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

  sweep(): Promise<number> {
    return sweepStaging(this.context);
  }

  submit(request: ReferenceRequest, options?: LoadOptions): Promise<Contribution> {
    return this.contributions.submit(request, options);
  }

  retry(id: number, how: { isAsync: boolean }, options?: LoadOptions): Promise<Contribution> {
    return this.contributions.retry(id, how, options);
  }

  receive(request: ValueRequest): Promise<OpenContribution> {
    return this.contributions.receive(request);
  }

  contribution(id: number): Promise<Contribution> {
    return this.contributions.contribution(id);
  }

  asyncContributions(transactionId: number): Promise<Contribution[]> {
    return this.contributions.asyncContributions(transactionId);
  }

  cancel(id: number): Promise<Contribution> {
    return this.contributions.cancel(id);
  }

  cancelAsync(transactionId: number): Promise<Contribution[]> {
    return this.contributions.cancelAsync(transactionId);
  }

  /** Works off the asynchronous contributions of this worker, until it is closed; see `ContributionQueue`. */
  runQueue(options: QueueOptions): ContributionQueue {
    return this.contributions.runQueue(options);
  }

  async close(): Promise<void> {
    await this.contributions.close();
    const { server, control, session } = this.context;
    await Promise.all([server.close(), control.close(), session.close(), this.clients.close()]);
  }
}
