import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { getConfig } from '../../../api/qserv/controller/config';
import { fromWireDatabase, fromWireFamily, fromWireWorker } from '../../../api/qserv/descriptors';
import type { AnyEndpoint } from '../../../api/qserv/endpoint';
import { IngestError } from '../../core/errors';
import type { TableDescriptor } from '../../core/tables';
import { type CallOptions, QservClient, type Replied, type Sent } from '../../remote/client';
import type { DatabaseDescriptor, FamilyDescriptor, WorkerDescriptor } from '../controller';

export interface RemoteControllerOptions {
  /** Base URL of the controller's REST service. */
  url: string;
  authKey: string;
  /** Without it, nothing that needs an administrator is possible. */
  adminAuthKey?: string;
  /** Connections to the controller for what is answered at once; further requests wait. Default 8. */
  connections?: number;
  connectSeconds?: number;
  readSeconds?: number;
  /** How long a super-transaction that is being ended by others may show no sign of progress, seconds. Default 300. */
  settleSeconds?: number;
  /** Between two looks at it, ms. Default 1000. */
  pollMs?: number;
}

/** The whole configuration, of which only what is needed must fit: parameters come and go with Qserv's versions. */
const getRecords = {
  ...getConfig,
  reply: z.object({
    config: getConfig.reply.shape.config.pick({ workers: true, database_families: true, databases: true }),
  }),
};

/** What Qserv has on record, as of one moment. */
export interface Records {
  families: FamilyDescriptor[];
  databases: DatabaseDescriptor[];
  workers: WorkerDescriptor[];
}

/** What the operations of one remote controller share. */
export class RemoteContext {
  readonly client: QservClient;
  readonly settleMs: number;
  private readonly pollMs: number;
  private readonly closing = new AbortController();
  private readonly queues = new Map<string, Promise<unknown>>();
  /** Tables whose registration failed half-way and could not be taken back: `database.table`. */
  readonly halfMade = new Set<string>();

  constructor({ url, settleSeconds = 300, pollMs = 1000, ...options }: RemoteControllerOptions) {
    this.client = new QservClient({ ...options, service: 'controller', urls: [url] });
    this.settleMs = settleSeconds * 1000;
    this.pollMs = pollMs;
  }

  call<E extends AnyEndpoint>(endpoint: E, sent: Sent<E>, options?: CallOptions): Promise<Replied<E>> {
    return this.client.call(endpoint, sent, options);
  }

  async records(): Promise<Records> {
    const { config } = await this.call(getRecords, {});
    const byName = <T extends { name: string }>(all: T[]) => all.sort((a, b) => (a.name < b.name ? -1 : 1));
    return {
      families: byName((config.database_families ?? []).map(fromWireFamily)),
      databases: byName((config.databases ?? []).map(fromWireDatabase)),
      workers: byName((config.workers ?? []).map(fromWireWorker)),
    };
  }

  async requireDatabase(name: string): Promise<DatabaseDescriptor> {
    return databaseOf(await this.records(), name);
  }

  async requireTable(database: string, name: string): Promise<TableDescriptor> {
    return tableOf(await this.requireDatabase(database), name);
  }

  /** Those with the same name come one after the other, in this process. */
  async oneAtATime<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.queues.get(name) ?? Promise.resolve();
    const mine = before.catch(() => {}).then(work);
    this.queues.set(name, mine);
    try {
      return await mine;
    } finally {
      if (this.queues.get(name) === mine) this.queues.delete(name);
    }
  }

  /** Waits until it is time for another look. CANCELLED once the controller is closed. */
  async pause(): Promise<void> {
    try {
      await pause(this.pollMs, undefined, { signal: this.closing.signal });
    } catch {
      throw new IngestError('CANCELLED', 'the controller was closed');
    }
  }

  async close(): Promise<void> {
    this.closing.abort();
    await this.client.close();
  }
}

export function databaseOf({ databases }: Records, name: string): DatabaseDescriptor {
  const found = databases.find((database) => database.name === name);
  if (found !== undefined) return found;
  throw new IngestError('UNKNOWN_DATABASE', `no such database '${name}'`, { database: name });
}

export function tableOf({ name: database, tables }: DatabaseDescriptor, name: string): TableDescriptor {
  const found = tables.find(({ definition }) => definition.name === name);
  if (found !== undefined) return found;
  throw new IngestError('UNKNOWN_TABLE', `no such table '${name}' in the database '${database}'`, {
    database,
    table: name,
  });
}

export function familyOf({ families }: Records, name: string): FamilyDescriptor {
  const found = families.find((family) => family.name === name);
  if (found !== undefined) return found;
  throw new IngestError('UNKNOWN_FAMILY', `no such database family '${name}'`, { family: name });
}

export function requireUnpublished(database: DatabaseDescriptor): DatabaseDescriptor {
  if (!database.isPublished) return database;
  throw alreadyPublished(database.name);
}

export function alreadyPublished(database: string): IngestError {
  return new IngestError('DATABASE_PUBLISHED', `the database '${database}' is already published`, { database });
}
