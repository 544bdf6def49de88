import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { checkout } from '../../dev/files';
import type { LoadNews, LoadOrder } from './load-child';

/** A process of its own that loads one unit (test/support/load-child.ts), to be stopped and killed. */
export class LoadingProcess {
  readonly steps: string[] = [];
  private readonly child: ChildProcess;
  private end?: Exclude<LoadNews, { step: string }>;
  private readonly exited: Promise<void>;
  private changed: () => void = () => {};

  constructor(order: LoadOrder) {
    const script = join(checkout, 'dist', 'test', 'support', 'load-child.js');
    this.child = spawn(process.execPath, [script, JSON.stringify(order)], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.child.stdin?.on('error', () => {});
    const lines = createInterface({ input: this.child.stdout as NodeJS.ReadableStream });
    lines.on('line', (line) => {
      const news = JSON.parse(line) as LoadNews;
      if ('step' in news) this.steps.push(news.step);
      else this.end = news;
      this.changed();
    });
    this.exited = new Promise((resolve) =>
      this.child.once('close', () => {
        resolve();
        this.changed();
      }),
    );
  }

  signal(how: NodeJS.Signals): void {
    this.child.kill(how);
  }

  /** Waits until it announces the step; fails when it ends without. */
  async reaches(step: string): Promise<void> {
    while (!this.steps.includes(step)) {
      if (this.child.exitCode !== null || this.child.signalCode !== null || this.end) {
        throw new Error(`ended before ${step}: ${JSON.stringify(this.end)}`);
      }
      await new Promise<void>((resolve) => {
        this.changed = resolve;
      });
    }
  }

  /** Lets it go on from `waitAt`. */
  goOn(): void {
    this.child.stdin?.write('go\n');
  }

  /** What it said last; undefined when it was killed. */
  async outcome(): Promise<Exclude<LoadNews, { step: string }> | undefined> {
    await this.exited;
    return this.end;
  }
}
