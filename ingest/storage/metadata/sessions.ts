import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { IngestError } from '../../core/errors';
import { Connection } from './connection';
import { metadataError } from './errors';
import type { Metadata, Queryable } from './open';

/** A connection that broke is replaced after so long, and so on. */
const AGAIN_MS = 200;

const lockName = (id: string) => `session:${id}`;

/**
 * What this process is in the records: an id, with an advisory lock on a connection of its own, which ends with the process. By it
 * others tell a request that is being worked on from one that a dead process left.
 */
export class Session {
  readonly id = randomUUID();
  private connection: Connection | undefined;
  private opening: Promise<void> | undefined;
  private closed = false;

  constructor(private readonly metadata: Pick<Metadata, 'url'>) {}

  /** Makes sure that others see this process alive. UNAVAILABLE. */
  async hold(): Promise<void> {
    if (this.closed) throw new IngestError('UNAVAILABLE', 'records: closed');
    if (this.connection?.isOpen) return;
    this.opening ??= this.open().finally(() => {
      this.opening = undefined;
    });
    await this.opening;
  }

  get isClosed(): boolean {
    return this.closed;
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.opening?.catch(() => {});
    await this.connection?.close();
  }

  private async open(): Promise<void> {
    try {
      const connection = await Connection.open(this.metadata.url);
      try {
        await connection.sql`SELECT pg_advisory_lock(hashtextextended(${lockName(this.id)}, 0))`;
      } catch (error) {
        connection.end();
        throw error;
      }
      this.connection = connection;
      connection.lost.catch(() => this.reopen());
    } catch (error) {
      throw metadataError(error);
    }
  }

  private async reopen(): Promise<void> {
    while (!this.closed && !this.connection?.isOpen) {
      await sleep(AGAIN_MS, undefined, { ref: false });
      if (!this.closed) await this.hold().catch(() => {});
    }
  }
}

/** Those of the sessions whose process is there. */
export async function livingSessions(sql: Queryable, ids: string[]): Promise<Set<string>> {
  const living = new Set<string>();
  for (const id of new Set(ids)) {
    const [row] = await sql<{ free: boolean }[]>`
      SELECT pg_try_advisory_xact_lock_shared(hashtextextended(${lockName(id)}, 0)) AS free`;
    if (!row?.free) living.add(id);
  }
  return living;
}
