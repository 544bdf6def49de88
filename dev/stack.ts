import { readdirSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { inputFaults } from '../api/campaign/faults';
import { sourceRules } from '../api/config';
import { invalidInput } from '../ingest/core/errors';
import { checkout, keptSecret, readText, writeFileAtomic } from './files';
import { killProcessesOf } from './identity';
import { withLock } from './lock';
import { MariaDbServer, type MySqlAccount } from './mariadb';
import { PostgresServer } from './postgres';
import type { ManagedProcess, ProcessState } from './process';
import { ServerPortFiles } from './server-ports';
import { ServiceProcess } from './service';
import { configText } from './service-config';
import { TemporalServer } from './temporal';
import { noTemporalSettings } from './temporal-env';

/** Qserv workers of the stack: each has a MariaDB server and an ingest process. */
export const WORKERS = ['w1', 'w2'] as const;

/** First choice of each port; where one is taken, another is used and remembered. */
export const PREFERRED_PORTS = {
  postgres: 25432,
  temporal: 7233,
  ui: 8233,
  master: 23306,
  w1: 23307,
  w2: 23308,
} as const;

/** Environment variables by which our processes are told where everything is. */
export const SETTINGS = [
  'TEMPORAL_ADDRESS',
  'TEMPORAL_NAMESPACE',
  'QSERV_CAMPAIGNS_CONFIG',
  'QSERV_POSTGRES_URL',
  'QSERV_MYSQL_PASSWORD',
  'QSERV_AUTH_KEY',
  'QSERV_ADMIN_AUTH_KEY',
] as const;

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

export interface StackStatus {
  temporal: { address: string; namespace: string; ui: string } | null;
  /** null: it has no REST services, or they were never started. */
  controller: { url: string } | null;
  workers: {
    name: string;
    httpUrl: string | null;
    binaryPort: number | null;
    taskQueue: string;
    mysql: MySqlAccount | null;
  }[];
  master: { mysql: MySqlAccount | null };
  postgres: { url: string } | null;
  processes: { name: string; pid: number | null; state: ProcessState }[];
}

/**
 * Everything a campaign needs, on one machine: a Qserv czar's and two Qserv workers' MariaDB, PostgreSQL, Temporal, and our
 * processes. All of it is found again by its folder, so each call may come from another process than the one before.
 */
export class Stack {
  readonly dir: string;
  readonly postgres: PostgresServer;
  readonly temporal: TemporalServer;
  readonly master: MariaDbServer;
  readonly workers: ReadonlyMap<string, MariaDbServer>;
  readonly services: ServiceProcess[];
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
    const env = () => ({ ...this.environment(), ...this.options.extraEnvironment?.() });
    this.services = [
      new ServiceProcess({ ...at('campaigns'), entry: 'workers/campaigns.js', env }),
      ...WORKERS.map(
        (name) => new ServiceProcess({ ...at(taskQueue(name)), entry: 'workers/ingest.js', args: [name], env }),
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
      this.writeConfig();
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
    const { data, error } = sourceRules.safeParse({ roots: { [name]: folder } });
    if (error) throw invalidInput('source', inputFaults(error.issues));
    if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) throw new Error(`${folder} is no folder`);
    await this.exclusively(async () => {
      writeFileAtomic(this.sourcesFile, `${JSON.stringify({ ...this.addedRoots(), ...data.roots }, null, 2)}\n`);
    });
  }

  private get sourcesFile(): string {
    return join(this.dir, 'sources.json');
  }

  private addedRoots(): Record<string, string> {
    return JSON.parse(readText(this.sourcesFile) ?? '{}');
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
    const ports = this.serverPorts?.known;
    return {
      temporal: known(() => ({
        address: this.temporal.address,
        namespace: this.temporal.namespace,
        ui: this.temporal.ui,
      })),
      controller: ports ? { url: localUrl(ports.controller) } : null,
      workers: [...this.workers].map(([name, server]) => ({
        name,
        httpUrl: ports?.workers[name] ? localUrl(ports.workers[name].http) : null,
        binaryPort: ports?.workers[name]?.binary ?? null,
        taskQueue: taskQueue(name),
        mysql: known(() => server.mysql),
      })),
      master: { mysql: known(() => this.master.mysql) },
      postgres: known(() => ({ url: this.postgres.url() })),
      processes: this.parts.map(({ name, pid, state }) => ({ name, pid: pid ?? null, state })),
    };
  }

  /** Settings, secrets included, for our own processes and for clients of this stack. The servers must have been started once. */
  environment(): Record<string, string | undefined> {
    const settings: Record<(typeof SETTINGS)[number], string> = {
      TEMPORAL_ADDRESS: this.temporal.address,
      TEMPORAL_NAMESPACE: this.temporal.namespace,
      QSERV_CAMPAIGNS_CONFIG: this.configFile,
      QSERV_POSTGRES_URL: this.postgres.url(),
      QSERV_MYSQL_PASSWORD: this.master.mysql.password,
      QSERV_AUTH_KEY: keptSecret(join(this.dir, 'auth-key')),
      QSERV_ADMIN_AUTH_KEY: keptSecret(join(this.dir, 'admin-key')),
    };
    return { ...noTemporalSettings(), ...settings };
  }

  get configFile(): string {
    return join(this.dir, 'config.json');
  }

  private writeConfig(): void {
    writeFileAtomic(this.configFile, this.configText());
    // By this the command line finds a checkout's stack without any setting (cli/support/environment.ts); it holds passwords.
    writeFileAtomic(join(this.dir, 'environment.json'), `${JSON.stringify(this.environment(), null, 2)}\n`, 0o600);
  }

  private configText(): string {
    const { sourceRoots, sourceSecrets: secrets } = this.options;
    const roots = { examples: join(checkout, 'examples'), ...this.addedRoots(), ...sourceRoots };
    const ports = this.serverPorts?.known;
    return configText({ master: this.master, workers: this.workers, ports, sources: { roots, secrets } });
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

/** Task queue, and name of the process, of an ingest worker; docs/design.md §3. */
function taskQueue(worker: string): string {
  return `ingest-${worker}`;
}

/** Of a service of ours on this machine. */
function localUrl(port: number): string {
  return `http://127.0.0.1:${port}`;
}

/** null for what is not known before the first start. */
function known<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}
