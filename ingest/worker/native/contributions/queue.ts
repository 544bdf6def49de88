import { setTimeout as sleep } from 'node:timers/promises';
import { IngestError } from '../../../core/errors';
import { takeNext } from '../../../storage/metadata/contribution-queue';
import { type HeldLocks, withLocks } from '../../../storage/metadata/locks';
import { sweepStaging } from '../sweep';
import type { ContributionContext } from './context';
import { type Restart, settleDead, settleOwnLeft } from './restart';

export interface QueueOptions {
  /** Asynchronous contributions that are loaded at the same time. */
  threads: number;
  /** What a dead process left is queued again where nothing of it was attached (`async-loader-auto-resume`). Default: true. */
  autoResume?: boolean;
  /** Hears of failures after which the queue goes on. */
  onError?: (error: unknown) => void;
}

/** What the queue lets a worker do. */
export interface QueueWork {
  /** Loads a contribution; whatever becomes of it is in its record. */
  process(id: number, signal: AbortSignal): Promise<void>;
  isRunning(id: number): boolean;
}

/** Requests of other processes are seen after so long at most, ours at once. */
const POLL_MS = 200;
/** How often dead processes, and tables that they left, are looked for. */
const LOOK_MS = 10_000;
/** The same as long as MariaDB goes on with what a dead process had it do. */
const SOON_MS = 3000;
/** Pause after a failure, for instance because the records are away; also between questions for another process's lock. */
const AGAIN_MS = 500;
const LOCK_WAIT_MS = 1000;

/** Work that is stopped because its process ends: what was read goes back into the queue. */
export class Shutdown extends Error {
  constructor() {
    super('the worker is being stopped');
  }
}

/**
 * Works off the asynchronous contributions of a worker. One process at a time does it: others wait for its lock, which ends with
 * it. First what dead processes left is settled.
 */
export class ContributionQueue {
  private readonly stop = new AbortController();
  private readonly active = new Set<Promise<void>>();
  private readonly main: Promise<void>;
  private wakeUp: () => void = () => {};
  private lookAgain = 0;
  /** Nothing is begun before: what was begun last could not be done. */
  private beginAgain = 0;

  constructor(
    private readonly context: ContributionContext,
    private readonly work: QueueWork,
    private readonly options: QueueOptions,
  ) {
    this.main = this.run();
  }

  /** Looks at the queue at once: something was submitted, or ended. */
  wake(): void {
    this.wakeUp();
  }

  /** Begins nothing new. What is being read goes back into the queue, rows that are being attached are waited for. */
  async close(): Promise<void> {
    this.stop.abort(new Shutdown());
    this.wake();
    await this.main;
    await Promise.all(this.active);
  }

  private async run(): Promise<void> {
    const { metadata, name } = this.context;
    while (!this.stopped) {
      try {
        const lock = { name: `contributions of worker ${name}` };
        await withLocks(metadata, [lock], (held) => this.serve(held), LOCK_WAIT_MS);
      } catch (error) {
        if (this.stopped) return;
        const others = error instanceof IngestError && error.code === 'BUSY' && error.details.lock !== undefined;
        if (!others) this.options.onError?.(error);
        else await this.settleOwn();
        await sleep(AGAIN_MS, undefined, { signal: this.stop.signal }).catch(() => {});
      }
    }
  }

  private get stopped(): boolean {
    return this.stop.signal.aborted;
  }

  /** As long as the lock is ours. */
  private async serve(held: HeldLocks): Promise<void> {
    this.lookAgain = 0;
    while (!this.stopped) {
      const woken = new Promise<void>((resolve) => {
        this.wakeUp = resolve;
      });
      await held.check();
      await this.settle();
      while (!this.stopped && this.active.size < this.options.threads && (await this.beginNext()));
      await Promise.race([woken, sleep(POLL_MS, undefined, { signal: this.stop.signal }).catch(() => {})]);
    }
  }

  /** What cannot be settled now, because a database is away, is so later; the queue goes on. */
  private async settle(): Promise<void> {
    if (performance.now() < this.lookAgain) return;
    try {
      const settled = await settleDead(this.context, this.restart);
      await sweepStaging(this.context);
      this.lookAgain = performance.now() + (settled ? LOOK_MS : SOON_MS);
    } catch (error) {
      this.options.onError?.(error);
      this.lookAgain = performance.now() + AGAIN_MS;
    }
  }

  /** What this process left, while another one works off the queue. */
  private async settleOwn(): Promise<void> {
    try {
      await settleOwnLeft(this.context, this.restart);
    } catch (error) {
      this.options.onError?.(error);
    }
  }

  private get restart(): Restart {
    return { autoResume: this.options.autoResume ?? true, isRunning: (id) => this.work.isRunning(id) };
  }

  private async beginNext(): Promise<boolean> {
    if (performance.now() < this.beginAgain) return false;
    const { metadata, name, session } = this.context;
    await session.hold();
    const id = await metadata.run((sql) => takeNext(sql, name, session.id));
    if (id === undefined) return false;
    const running = this.work
      .process(id, this.stop.signal)
      .catch((error) => {
        this.beginAgain = performance.now() + AGAIN_MS;
        this.options.onError?.(error);
      })
      .finally(() => {
        this.active.delete(running);
        this.wake();
      });
    this.active.add(running);
    return true;
  }
}
