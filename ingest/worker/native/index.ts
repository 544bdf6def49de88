import { randomBytes } from 'node:crypto';
import { noSteps, type StepHook } from '../../core/steps';
import { HttpClients, type SourceRules } from '../../source';
import { DataServer, type MysqlAccess } from '../../storage/data/connection';
import type { Metadata } from '../../storage/metadata';
import type {
  IngestWorker,
  LoadOptions,
  LoadRequest,
  LoadResult,
  LoadUnit,
  UnitCheck,
  WorkerCapabilities,
} from '../worker';
import type { WorkerContext } from './context';
import { discardUnit } from './discard';
import { loadUnit } from './load';
import { sweepStaging } from './sweep';
import { verifyUnits } from './verify';

export { LOAD_STEPS, type LoadStep } from './context';

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
  steps?: StepHook;
  /** Names of attempts, see `WorkerContext`; random by default. */
  attemptId?: () => string;
}

/** Loads straight into one MariaDB: every unit in a staging table of its own, attached in one step (docs/design.md §4). */
export class NativeIngestWorker implements IngestWorker {
  readonly name: string;
  readonly capabilities: WorkerCapabilities = { atomicUnits: true };
  private readonly context: WorkerContext;
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
    };
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

  async close(): Promise<void> {
    await Promise.all([this.context.server.close(), this.context.control.close(), this.clients.close()]);
  }
}
