import { readdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ingestQueue } from '../ingest/core/task-queues';
import { killProcessesOf } from './identity';
import { withLock } from './lock';
import { MariaDbServer } from './mariadb';
import { PostgresServer } from './postgres';
import type { ManagedProcess } from './process';
import { ServerPortFiles } from './server-ports';
import { ServiceProcess } from './service';
import { checkedRoot, type StackServers, StackSettings } from './stack-settings';
import { type StackStatus, stackStatus } from './stack-status';
import { TemporalServer } from './temporal';

/** Qserv workers of the stack: each has a MariaDB server and an ingest process. */
export const WORKERS = ['w1', 'w2'] as const;

/** First choice of each port; where one is taken, another is used and remembered. */
const PREFERRED_PORTS = {
  postgres: 25432,
  temporal: 7233,
  ui: 8233,
  master: 23306,
  w1: 23307,
  w2: 23308,
} as const;

export interface StackOptions {
  /** Everything the stack keeps lies here (as root, PostgreSQL's data lie under /var/lib/qserv-campaigns). */
  dir: string;
  /** false: any free ports, for stacks beside the first one. */
  preferredPorts?: boolean;
  /** Named folders that file:// sources may lie in, besides `examples`. */
  sourceRoots?: Record<string, string>;
  /** Environment variables that campaigns may send to sources. */
  sourceSecrets?: string[];
  /** false: without the REST and binary services, where nobody asks for them. */
  servers?: boolean;
  /** Settings of our own processes besides the usual ones, read when one starts. */
  extraEnvironment?: () => Record<string, string | undefined>;
  report?: (name: string, message: string) => void;
}

/**
 * Everything a campaign needs, on one machine: a Qserv czar's and two Qserv workers' MariaDB, PostgreSQL, Temporal, and our
 * processes. All of it is found again by its folder, so each call may come from another process than the one before.
 */
export class Stack implements StackServers {
  readonly dir: string;
  readonly postgres: PostgresServer;
  readonly temporal: TemporalServer;
  readonly master: MariaDbServer;
  readonly workers: ReadonlyMap<string, MariaDbServer>;
  readonly services: ServiceProcess[];
  private readonly settings: StackSettings;
  private readonly serverPorts: ServerPortFiles | undefined;

  constructor(private readonly options: StackOptions) {
    this.dir = resolve(options.dir);
    const port = (name: keyof typeof PREFERRED_PORTS) =>
      options.preferredPorts === false ? undefined : PREFERRED_PORTS[name];
    const at = (name: string) => ({
      name,
      dir: join(this.dir, name),
      report: (message: string) => this.report(name, message),
    });
    const passwordFile = join(this.dir, 'mysql-password');
    this.postgres = new PostgresServer({ ...at('postgres'), port: port('postgres') });
    this.temporal = new TemporalServer({ ...at('temporal'), port: port('temporal'), uiPort: port('ui') });
    this.master = new MariaDbServer({ ...at('mariadb-master'), role: 'master', port: port('master'), passwordFile });
    this.workers = new Map(
      WORKERS.map((name) => [name, new MariaDbServer({ ...at(`mariadb-${name}`), port: port(name), passwordFile })]),
    );
    this.settings = new StackSettings(this.dir, this, options);
    const env = () => ({ ...this.environment(), ...this.options.extraEnvironment?.() });
    this.services = [
      new ServiceProcess({ ...at('campaigns'), entry: 'workers/campaigns.js', env }),
      ...WORKERS.map(
        (name) => new ServiceProcess({ ...at(ingestQueue(name)), entry: 'workers/ingest.js', args: [name], env }),
      ),
    ];
    if (options.servers === false) return;
    this.serverPorts = new ServerPortFiles(this.dir, WORKERS, options.preferredPorts !== false);
    this.services.push(
      new ServiceProcess({ ...at('server-controller'), entry: 'server/serve-controller.js', env }),
      ...WORKERS.map(
        (name) => new ServiceProcess({ ...at(`server-${name}`), entry: 'server/serve-worker.js', args: [name], env }),
      ),
    );
  }

  private get servers(): ManagedProcess[] {
    return [this.postgres, this.temporal, this.master, ...this.workers.values()];
  }

  /** All processes, in the order in which they are shown. */
  get parts(): ManagedProcess[] {
    return [...this.servers, ...this.services];
  }

  /** The process of that name; the error lists the names. */
  part(name: string): ManagedProcess {
    const part = this.parts.find((candidate) => candidate.name === name);
    if (!part)
      throw new Error(`no process ${name} in the stack; there are ${this.parts.map((p) => p.name).join(', ')}`);
    return part;
  }

  /** Starts what does not run; restarts our processes if their settings, their configuration or their code changed. Harmless when all runs. */
  async up(): Promise<void> {
    await this.exclusively(async () => {
      await this.all(this.servers, (server) => this.start(server));
      await this.serverPorts?.choose((service) => this.part(service).pid !== undefined);
      this.settings.write(this.serverPorts?.known);
      await this.all(this.services, async (service) => {
        if (service.isOutdated) {
          this.report(service.name, 'settings or code changed: restarting');
          await service.stop();
        }
        await this.start(service);
      });
    });
  }

  /** Stops everything, our processes first, then Temporal, then the databases. Data stay. */
  async down(): Promise<void> {
    await this.exclusively(() => this.stopAll());
  }

  /** Stops everything and deletes all data. */
  async reset(): Promise<void> {
    await this.exclusively(async () => {
      await this.stopAll();
      await this.all(this.parts, (part) => part.remove());
      for (const name of readdirSync(this.dir)) {
        if (!name.includes('lock')) rmSync(join(this.dir, name), { recursive: true, force: true });
      }
    });
  }

  /** Lets campaigns read files below a folder, as root://NAME/… or file://, from the next `up` on. It is remembered. */
  async addSourceRoot(name: string, folder: string): Promise<void> {
    const root = checkedRoot(name, folder);
    await this.exclusively(async () => this.settings.addSourceRoot(root));
  }

  async kill(name: string, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.part(name).kill(signal);
  }

  async restart(name: string): Promise<void> {
    const part = this.part(name);
    await this.exclusively(async () => {
      await part.stop();
      await this.start(part);
    });
  }

  status(): StackStatus {
    return stackStatus(this, this.parts, this.serverPorts?.known);
  }

  /** Settings, secrets included, for our own processes and for clients of this stack. The servers must have been started once. */
  environment(): Record<string, string | undefined> {
    return this.settings.environment();
  }

  get configFile(): string {
    return this.settings.configFile;
  }

  private async start(part: ManagedProcess): Promise<void> {
    const wasRunning = part.pid !== undefined;
    const started = Date.now();
    const seconds = () => `${((Date.now() - started) / 1000).toFixed(1)} s`;
    const waiting = setInterval(() => this.report(part.name, `still starting, ${seconds()}`), 10_000);
    try {
      await part.start();
    } finally {
      clearInterval(waiting);
    }
    this.report(part.name, wasRunning ? 'runs already' : `ready, ${seconds()}`);
  }

  private async stopAll(): Promise<void> {
    const databases = [this.postgres, this.master, ...this.workers.values()];
    const groups: (readonly ManagedProcess[])[] = [this.services, [this.temporal], databases];
    for (const group of groups) {
      await this.all(group, async (part) => {
        if (part.pid === undefined) return part.stop();
        await part.stop();
        this.report(part.name, 'stopped');
      });
    }
    await killProcessesOf(this.dir);
  }

  /** Does the work for all parts at the same time and to the end, then fails with everything that failed. */
  private async all<T extends ManagedProcess>(parts: readonly T[], work: (part: T) => Promise<void>): Promise<void> {
    const results = await Promise.allSettled(parts.map(work));
    const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as Error] : []));
    if (failures.length === 1) throw failures[0];
    if (failures.length > 1) throw new AggregateError(failures, failures.map((failure) => failure.message).join('\n'));
  }

  private exclusively(work: () => Promise<void>): Promise<void> {
    const onWait = (pid: number) => this.report('stack', `waiting for process ${pid}, which is changing this stack`);
    return withLock(join(this.dir, 'lock'), work, onWait);
  }

  private report(name: string, message: string): void {
    this.options.report?.(name, message);
  }
}
