import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { checkout } from '../../dev/files';
import type { ControllerOrder } from './controller-child';

/** A process of its own with a controller that does one thing and stays at a step of it, to be killed there. */
export class ControllerProcess {
  private constructor(private readonly child: ChildProcess) {}

  /** Resolves when the step is reached; fails when the process ends without reaching it. */
  static async waitingAt(order: ControllerOrder): Promise<ControllerProcess> {
    const script = join(checkout, 'dist', 'test', 'support', 'controller-child.js');
    const child = spawn(process.execPath, [script, JSON.stringify(order)], { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
    const ended = once(child, 'close').then(() => {
      throw new Error(`the controller process ended before ${order.waitAt}`);
    });
    await Promise.race([once(lines, 'line'), ended]);
    ended.catch(() => {});
    return new ControllerProcess(child);
  }

  /** SIGKILL; resolves when it is gone. */
  async kill(): Promise<void> {
    const gone = once(this.child, 'close');
    this.child.kill('SIGKILL');
    await gone;
  }
}
