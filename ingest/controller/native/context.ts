import { IngestError, withFacts } from '../../core/errors';
import type { StepHook } from '../../core/steps';
import type { TableDescriptor } from '../../core/tables';
import { DataServer, type DataServerOptions, type MysqlAccess } from '../../storage/data/connection';
import { endLanes } from '../../storage/data/lanes';
import type { Metadata } from '../../storage/metadata';
import { type DatabaseRecord, findDatabase } from '../../storage/metadata/databases';
import { type HeldLocks, withLocks } from '../../storage/metadata/locks';
import { findTable } from '../../storage/metadata/tables';
import { logEvent } from '../../storage/metadata/transactions';
import { configureWorkers } from '../../storage/metadata/workers';
import type { WorkerDescriptor, WorkerLocation } from '../controller';
import { Addresses } from './addresses';

/** A worker of a native target, with the account's password itself. */
export interface NativeWorkerAccess {
  name: string;
  mysql: MysqlAccess;
  /** Where Qserv's clients reach the worker's services. */
  host: string;
  binaryPort: number;
  httpPort: number;
  enabled: boolean;
  readOnly: boolean;
}

export interface NativeServers {
  master: MysqlAccess;
  workers: NativeWorkerAccess[];
}

export interface NativeControllerOptions {
  /** Name of the target; records of one PostgreSQL database serve one. */
  target: string;
  servers: NativeServers;
  metadata: Metadata;
  steps: StepHook;
  /** Milliseconds that an operation waits for another one on the same database or super-transaction before BUSY. */
  lockWaitMs?: number;
  connections?: DataServerOptions;
  /** Milliseconds between two log events about the progress of an end of a super-transaction; default 60 000. */
  progressMs?: number;
}

/** What the operations of the native controller share. */
export class NativeContext {
  readonly metadata: Metadata;
  readonly steps: StepHook;
  readonly progressMs: number;
  readonly master: DataServer;
  /** All of them, disabled ones included, by name. */
  readonly workers: Map<string, DataServer>;
  /** To the same workers. Whoever has a connection of a worker and kills another one must not wait for those who do the same. */
  private readonly controls: Map<string, DataServer>;
  private readonly access: Map<string, NativeWorkerAccess>;
  private readonly addresses = new Addresses();
  private configured: Promise<void> | undefined;

  constructor(private readonly options: NativeControllerOptions) {
    const { servers, connections } = options;
    this.metadata = options.metadata;
    this.steps = options.steps;
    this.progressMs = options.progressMs ?? 60_000;
    this.master = new DataServer('master', servers.master, connections);
    this.access = new Map(servers.workers.map((w) => [w.name, w]));
    const open = (options?: DataServerOptions) =>
      new Map(servers.workers.map((w) => [w.name, new DataServer(w.name, w.mysql, options)]));
    this.workers = open(connections);
    this.controls = open({ ...connections, connections: 1 });
  }

  /** Brings the records' workers in line with the configuration, once. */
  async ready(): Promise<void> {
    const workers = [...this.access.values()].map((w) => ({
      name: w.name,
      isEnabled: w.enabled,
      isReadOnly: w.readOnly,
    }));
    this.configured ??= this.metadata.transaction((tx) => configureWorkers(tx, this.options.target, workers));
    try {
      await this.configured;
    } catch (error) {
      this.configured = undefined;
      throw error;
    }
  }

  worker(name: string): DataServer {
    return known(this.workers, name);
  }

  /** Kills connections of the worker; nothing else. */
  control(name: string): DataServer {
    return known(this.controls, name);
  }

  async location(name: string): Promise<WorkerLocation> {
    const w = known(this.access, name);
    const address = await this.addresses.of(w.host);
    return {
      worker: w.name,
      host: address,
      hostName: w.host,
      port: w.binaryPort,
      httpHost: address,
      httpHostName: w.host,
      httpPort: w.httpPort,
    };
  }

  /** Those of the configuration, by name. */
  workerDescriptors(): Promise<WorkerDescriptor[]> {
    const byName = [...this.access.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    return Promise.all(
      byName.map(async ({ name, enabled, readOnly }) => ({
        name,
        isEnabled: enabled,
        isReadOnly: readOnly,
        location: await this.location(name),
      })),
    );
  }

  /** Does something on every worker, side by side. All are waited for; then the first failure is thrown, with `details.worker`. */
  async onWorkers(work: (server: DataServer) => Promise<void>): Promise<void> {
    const servers = [...this.workers.values()];
    const results = await Promise.allSettled(
      servers.map((server) => withFacts({ worker: server.name }, () => work(server))),
    );
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  /** Ends what a process that is gone, or has lost the database's lock, still changes in final tables; the caller has the lock. */
  async endOthers(database: string): Promise<void> {
    await endLanes(this.master, database);
    await this.onWorkers((server) => endLanes(server, database));
  }

  /** Nothing else may change the database's tables meanwhile. */
  changingDatabase<T>(database: string, work: (held: HeldLocks) => Promise<T>): Promise<T> {
    return withLocks(this.metadata, [{ name: databaseLock(database) }], work, this.options.lockWaitMs);
  }

  /** As `changingDatabase`, for several. */
  changingDatabases<T>(databases: string[], work: (held: HeldLocks) => Promise<T>): Promise<T> {
    // Always in the same order, so that no two callers wait for each other.
    const locks = [...databases].sort().map((database) => ({ name: databaseLock(database) }));
    return withLocks(this.metadata, locks, work, this.options.lockWaitMs);
  }

  /** Super-transactions begin and end side by side, but not while the database's tables are changed. */
  withinDatabase<T>(database: string, work: (held: HeldLocks) => Promise<T>): Promise<T> {
    return withLocks(this.metadata, [{ name: databaseLock(database), shared: true }], work, this.options.lockWaitMs);
  }

  /** UNKNOWN_DATABASE when there is none. */
  async requireDatabase(name: string): Promise<DatabaseRecord> {
    const database = await this.metadata.run((sql) => findDatabase(sql, name));
    if (database === undefined)
      throw new IngestError('UNKNOWN_DATABASE', `no such database '${name}'`, { database: name });
    return database;
  }

  /** UNKNOWN_TABLE when there is none. */
  async requireTable(database: string, name: string): Promise<TableDescriptor> {
    const table = await this.metadata.run((sql) => findTable(sql, database, name));
    if (table !== undefined) return table;
    throw new IngestError('UNKNOWN_TABLE', `no such table '${database}.${name}'`, { database, table: name });
  }

  async requireUnpublished(name: string): Promise<DatabaseRecord> {
    const database = await this.requireDatabase(name);
    if (database.isPublished) throw alreadyPublished(name);
    return database;
  }

  /** Adds an event to the log of a super-transaction, docs/contract/storage.md §7. */
  logEvent(id: number, name: string, data: Record<string, unknown>): Promise<void> {
    return this.metadata.run((sql) => logEvent(sql, id, name, data));
  }

  async close(): Promise<void> {
    await Promise.all(
      [this.master, ...this.workers.values(), ...this.controls.values()].map((server) => server.close()),
    );
  }
}

/** UNKNOWN_WORKER. */
function known<T>(workers: Map<string, T>, name: string): T {
  const found = workers.get(name);
  if (found === undefined) throw new IngestError('UNKNOWN_WORKER', `no such worker '${name}'`, { worker: name });
  return found;
}

export function alreadyPublished(database: string): IngestError {
  return new IngestError('DATABASE_PUBLISHED', `the database '${database}' is already published`, { database });
}

/** What an interrupted deletion left of a table is not used for anything: some of its rows may be gone, some not. */
export function halfDeleted(
  code: 'ALREADY_EXISTS' | 'ILLEGAL_STATE',
  database: string,
  { definition: { name } }: TableDescriptor,
): IngestError {
  const message = `table '${database}.${name}' is being deleted, and its deletion was interrupted: delete it again`;
  return new IngestError(code, message, { database, table: name, beingDeleted: true });
}

function databaseLock(database: string): string {
  // Names that differ in case only are one database's.
  return `database ${database.toLowerCase()}`;
}

/** The exclusive lock under which a super-transaction begins or ends. */
export function transactionLock(id: number): string {
  return `super-transaction ${id}`;
}

/** Work for each item, at most `width` at once. After a failure nothing new is begun, and it is thrown when all have ended. */
export async function forEach<T>(items: T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  let failed: { error: unknown } | undefined;
  const lane = async () => {
    while (failed === undefined && next < items.length) {
      try {
        await work(items[next++] as T);
      } catch (error) {
        failed ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, lane));
  if (failed !== undefined) throw failed.error;
}

export function unpublished(tables: TableDescriptor[]): TableDescriptor[] {
  return tables.filter((table) => !table.isPublished);
}
