import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readSync, renameSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readText, writeFileAtomic } from './files';
import { FOLDER_VARIABLE, identity, isSame, killProcessesOf, signal } from './identity';
import { PortFile } from './ports';

/** What to run. Secrets belong in `env` or in files, never in `args`, which everybody on the machine can read. */
export interface Launch {
  command: string;
  args: string[];
  /** Added to our own environment; undefined takes a variable away. */
  env?: Record<string, string | undefined>;
  cwd?: string;
  uid?: number;
  gid?: number;
}

export type ProcessState = 'running' | 'stopped';

/** A log that grew beyond this is set aside at the next start, as `log.old`. */
const MAX_LOG_BYTES = 16 << 20;

/** Where a process tells what it is doing while it takes long. */
export type Report = (message: string) => void;

/**
 * A background process with a folder of its own, which holds all that is known about it (`pid`, `log`, ports, data): another
 * object on the same folder, in this process or a later one, sees and steers the same process. It outlives whoever started it.
 */
export abstract class ManagedProcess {
  readonly dir: string;
  readonly logFile: string;
  private readonly pidFile: string;
  private readonly ports: Record<string, PortFile> = {};

  /** `ports`: name of each port and the one preferred, if any. */
  protected constructor(
    readonly name: string,
    dir: string,
    ports: Record<string, number | undefined> = {},
    protected readonly report: Report = () => {},
  ) {
    this.dir = resolve(dir);
    this.logFile = join(this.dir, 'log');
    this.pidFile = join(this.dir, 'pid');
    for (const [port, preferred] of Object.entries(ports)) this.ports[port] = new PortFile(this.dir, port, preferred);
  }

  /** Makes what must exist before the first start; called before every start. */
  protected abstract prepare(): Promise<void>;
  protected abstract launch(): Promise<Launch>;
  /** Resolves to true once the process serves; false or an error means "not yet". */
  protected abstract isReady(): Promise<boolean>;

  /** Seconds from launch until a process that lives but does not serve counts as failed. */
  protected readonly readyWithin: number = 60;
  protected readonly stopSignal: NodeJS.Signals = 'SIGTERM';

  /** True when the output of a process that died means that starting it again may help. */
  protected mayRetry(_output: string): boolean {
    return false;
  }

  /** Process id, while it lives. */
  get pid(): number | undefined {
    const noted = this.noted?.identity;
    return noted !== undefined && isSame(noted) ? Number.parseInt(noted, 10) : undefined;
  }

  /** What the pid file says: `PID START`, and on the next line where the log stood when the process was launched. */
  private get noted(): { identity: string; logStart: number } | undefined {
    const [who, logStart] = readText(this.pidFile)?.split('\n') ?? [];
    return who === undefined ? undefined : { identity: who, logStart: Number(logStart) };
  }

  /** What the latest process has written to its log so far (of much, the beginning). */
  protected get output(): string {
    return this.logFrom(this.noted?.logStart ?? 0);
  }

  get state(): ProcessState {
    return this.pid === undefined ? 'stopped' : 'running';
  }

  /** The chosen port; throws when the process was never started. */
  protected portOf(name: string): number {
    const port = this.ports[name]?.known;
    if (port === undefined) throw new Error(`${this.name} has no ${name} yet: start it first`);
    return port;
  }

  /** Starts the process and waits until it serves. Already running is success. Errors carry the end of its log. */
  async start(): Promise<void> {
    if (this.pid !== undefined) return this.waitUntilReady();
    mkdirSync(this.dir, { recursive: true });
    // The pid file may have gone missing, or children outlived their parent.
    await killProcessesOf(this.dir);
    await this.prepare();
    const taken = new Set<number>();
    for (let attempt = 1; ; attempt++) {
      for (const port of Object.values(this.ports)) await port.choose(taken);
      await this.spawn();
      try {
        return await this.waitUntilReady();
      } catch (error) {
        const portTaken = /address already in use/i.test(this.output);
        if (attempt >= 20 || this.pid !== undefined || !(portTaken || this.mayRetry(this.output))) {
          await this.stop(1000);
          throw error;
        }
        if (portTaken) for (const port of Object.values(this.ports)) if (port.known) taken.add(port.known);
        await sleep(100);
      }
    }
  }

  /** Ends the process and whatever it left behind: the polite signal, then SIGKILL. Not running is success. */
  async stop(graceMs = 15_000): Promise<void> {
    const pid = this.pid;
    if (pid !== undefined) {
      // A stopped (SIGSTOP) process takes the polite signal only once it continues.
      signal(pid, this.stopSignal);
      signal(pid, 'SIGCONT');
      if (!(await this.gone(pid, graceMs))) signal(pid, 'SIGKILL');
      await this.gone(pid, 10_000);
    }
    await killProcessesOf(this.dir);
    rmSync(this.pidFile, { force: true });
  }

  /** Sends a signal to the process itself; after SIGKILL waits until it is gone. Not running is success. */
  async kill(how: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const pid = this.pid;
    if (pid === undefined) return;
    signal(pid, how);
    if (how === 'SIGKILL') await this.gone(pid, 10_000);
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Stops the process and deletes its folder. */
  async remove(): Promise<void> {
    await this.stop(2000);
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** Environment of everything that runs for this folder, so that it is found again, and ended, when its parent dies. */
  protected get mark(): Record<string, string> {
    return { [FOLDER_VARIABLE]: this.dir };
  }

  /** The last lines of the log. */
  logTail(lines = 15): string {
    return this.logFrom(Math.max(0, this.logSize() - 16_384))
      .trimEnd()
      .split('\n')
      .slice(-lines)
      .join('\n');
  }

  private async spawn(): Promise<void> {
    const { command, args, env, cwd, uid, gid } = await this.launch();
    if (this.logSize() > MAX_LOG_BYTES) renameSync(this.logFile, `${this.logFile}.old`);
    const logStart = this.logSize();
    const log = openSync(this.logFile, 'a', 0o640);
    try {
      const child = spawn(command, args, {
        cwd: cwd ?? this.dir,
        env: { ...process.env, ...env, ...this.mark },
        detached: true,
        stdio: ['ignore', log, log],
        ...(uid === undefined ? {} : { uid, gid }),
      });
      await new Promise<void>((started, failed) => {
        child.once('spawn', started);
        child.once('error', failed);
      });
      child.unref();
      const pid = child.pid as number;
      writeFileAtomic(this.pidFile, `${identity(pid) ?? `${pid} gone`}\n${logStart}\n`);
    } finally {
      closeSync(log);
    }
  }

  private async waitUntilReady(): Promise<void> {
    const end = Date.now() + this.readyWithin * 1000;
    let reason: unknown;
    for (;;) {
      try {
        // Whoever answers may be a stranger on our port, as long as we have not seen that our process lives.
        if ((await this.isReady()) && this.pid !== undefined) return;
      } catch (error) {
        reason = error;
      }
      if (this.pid === undefined) {
        throw new Error(`${this.name} ended while starting:\n${lastLines(this.output)}`);
      }
      if (Date.now() > end) {
        const message = `${this.name} does not answer after ${this.readyWithin} s:\n${this.logTail()}`;
        throw new Error(message, { cause: reason });
      }
      await sleep(50);
    }
  }

  private async gone(pid: number, withinMs: number): Promise<boolean> {
    const noted = identity(pid);
    const end = Date.now() + withinMs;
    while (noted !== undefined && isSame(noted)) {
      if (Date.now() > end) return false;
      await sleep(20);
    }
    return true;
  }

  private logSize(): number {
    return statSync(this.logFile, { throwIfNoEntry: false })?.size ?? 0;
  }

  private logFrom(position: number): string {
    const size = Math.min(this.logSize() - position, 65_536);
    if (size <= 0) return '';
    const file = openSync(this.logFile, 'r');
    try {
      const buffer = Buffer.alloc(size);
      return buffer.subarray(0, readSync(file, buffer, 0, size, position)).toString('utf8');
    } finally {
      closeSync(file);
    }
  }
}

function lastLines(text: string): string {
  return text.trimEnd().split('\n').slice(-15).join('\n');
}
