import type { Contribution } from '../../../core/contributions';
import { type ErrorCode, IngestError } from '../../../core/errors';
import { cancelRequest, cancelRequests } from '../../../storage/metadata/contribution-ends';
import { asyncContributions, findContribution } from '../../../storage/metadata/contribution-records';
import type { ContributionOperations, OpenContribution, ReferenceRequest, ValueRequest } from '../../contributions';
import type { LoadOptions } from '../../worker';
import { step } from '../context';
import type { ContributionContext } from './context';
import { createReference, createValue } from './create';
import { referenceWork, unknownContribution, valueWork, withRows } from './inputs';
import { ContributionQueue, type QueueOptions } from './queue';
import { takeUpAgain } from './retry';
import { run, runStarted } from './run';
import { start } from './start';
import { newAttempt } from './work';

/** The record went with its table or its database. */
const GONE: ReadonlySet<ErrorCode> = new Set(['UNKNOWN_TRANSACTION', 'UNKNOWN_TABLE', 'UNKNOWN_CONTRIBUTION']);

/** Contributions one by one, loaded by this process. See `ContributionOperations`. */
export class NativeContributions implements ContributionOperations {
  /** What this process works on, and how it is told to stop. */
  private readonly running = new Map<number, AbortController>();
  private queue: ContributionQueue | undefined;

  constructor(private readonly context: ContributionContext) {}

  async submit(request: ReferenceRequest, options: LoadOptions = {}): Promise<Contribution> {
    return this.begin((await createReference(this.context, request)).contribution, options);
  }

  async retry(id: number, { isAsync }: { isAsync: boolean }, options: LoadOptions = {}): Promise<Contribution> {
    return this.begin(await takeUpAgain(this.context, id, isAsync), options);
  }

  async receive(request: ValueRequest): Promise<OpenContribution> {
    const created = await createValue(this.context, request);
    const { id, columns } = created;
    const work = valueWork(created);
    const attempt = newAttempt(this.context, work);
    this.running.set(id, new AbortController());
    try {
      await step(this.context, attempt, 'start');
      await start(this.context, work, attempt);
    } catch (error) {
      this.running.delete(id);
      throw error;
    }
    let rows = () => 0;
    return {
      id,
      columns,
      rows: () => rows(),
      load: async (csv, options = {}) => {
        await this.watched(id, options, async (watched) => {
          const given = withRows(work, csv, this.context.sources.stallSeconds, watched);
          rows = given.rows;
          await runStarted(this.context, given, { ...attempt, inputs: [given.input], options: watched });
        });
        return this.contribution(id);
      },
    };
  }

  /** Loads one by reference that is this session's. Whatever becomes of it is in its record. */
  async process(id: number, options: LoadOptions = {}): Promise<void> {
    await this.watched(id, options, async (watched) => {
      try {
        await run(this.context, await referenceWork(this.context, id, watched));
      } catch (error) {
        const { code, details } = error as IngestError;
        const told = details?.status === 'START_FAILED' || code === 'REVOKED';
        if (!(error instanceof IngestError) || !(told || GONE.has(code))) throw error;
      }
    });
  }

  /** See `ContributionQueue`; one at a time. */
  runQueue(options: QueueOptions): ContributionQueue {
    const work = {
      process: (id: number, signal: AbortSignal) => this.process(id, { signal }),
      isRunning: (id: number) => this.running.has(id),
    };
    this.queue = new ContributionQueue(this.context, work, options);
    return this.queue;
  }

  /** Stops the queue if there is one. */
  async close(): Promise<void> {
    await this.queue?.close();
  }

  /** Shows a queued one as it was queued, though somebody may have begun it: whoever sends it expects it to be IN_PROGRESS. */
  private async begin(taken: Contribution, options: LoadOptions): Promise<Contribution> {
    if (taken.isAsync) {
      this.queue?.wake();
      return taken;
    }
    await this.process(taken.id, options);
    return this.contribution(taken.id);
  }

  async contribution(id: number): Promise<Contribution> {
    const found = await this.context.metadata.run((sql) => findContribution(sql, id));
    if (found === undefined) throw unknownContribution(id);
    return found;
  }

  asyncContributions(transactionId: number): Promise<Contribution[]> {
    return this.list(transactionId, '');
  }

  async cancel(id: number): Promise<Contribution> {
    await this.contribution(id);
    const cancelled = await this.context.metadata.transaction((tx) => cancelRequest(tx, this.context.name, id));
    if (cancelled) {
      this.running.get(id)?.abort();
      this.queue?.wake();
    }
    return this.contribution(id);
  }

  async cancelAsync(transactionId: number): Promise<Contribution[]> {
    const { metadata, name } = this.context;
    for (const id of await metadata.transaction((tx) => cancelRequests(tx, name, transactionId))) {
      this.running.get(id)?.abort();
    }
    this.queue?.wake();
    return this.list(transactionId, 'they are cancelled, but ');
  }

  /** Asynchronous ones of a super-transaction at this worker. INVALID_INPUT, with what is `done`, when they are too many. */
  private async list(transactionId: number, done: string): Promise<Contribution[]> {
    const { metadata, name, settings } = this.context;
    const most = settings.mostListed;
    const found = await metadata.run((sql) => asyncContributions(sql, name, transactionId, most));
    if (found !== undefined) return found;
    const what = `${done}there are more than ${most} contributions: ask for them one by one, or the controller for some`;
    throw new IngestError('INVALID_INPUT', what, { most });
  }

  /** Work on a contribution that `cancel` can stop, as the caller's own signal can. */
  private async watched(
    id: number,
    options: LoadOptions,
    work: (options: LoadOptions) => Promise<void>,
  ): Promise<void> {
    // It may have been cancelled between its start and its first row.
    const controller = this.running.get(id) ?? new AbortController();
    const { signal } = options;
    const stop = () => controller.abort(signal?.reason);
    this.running.set(id, controller);
    if (signal?.aborted) stop();
    signal?.addEventListener('abort', stop, { once: true });
    try {
      await work({ ...options, signal: controller.signal });
    } finally {
      signal?.removeEventListener('abort', stop);
      this.running.delete(id);
    }
  }
}
