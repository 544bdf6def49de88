import { setTimeout as sleep } from 'node:timers/promises';
import { IngestError } from '../../core/errors';
import { Turns } from '../../core/turns';
import { Connection, type Queryable } from './connection';
import { metadataError } from './errors';
import { migrate } from './migrate';

export type { Queryable } from './connection';
/** All or nothing. */
export type Transaction = Queryable;

/** How long `close` waits for what is running. */
const CLOSE_MS = 5_000;

/** The records' database (PostgreSQL). Failures of everything run through it are IngestErrors. */
export interface Metadata {
  /** Connection URL; holds a password, so it is never logged. */
  readonly url: string;
  /** One question, on a connection of the pool. */
  run<T>(question: (sql: Queryable) => PromiseLike<T>): Promise<T>;
  /** All or nothing. */
  transaction<T>(work: (tx: Transaction) => PromiseLike<T>): Promise<T>;
  /** See migrate.ts. */
  migrate(): Promise<void>;
  close(): Promise<void>;
}

/** Opens a pool; connects with the first query. `max` is the pool's size. */
export function openMetadata(url: string, max = 10): Metadata {
  const pool = new Pool(url, max);
  const run = <T>(question: (sql: Queryable) => PromiseLike<T>) => pool.use(({ sql }) => question(sql));
  const transaction = <T>(work: (tx: Transaction) => PromiseLike<T>) => pool.use((own) => inTransaction(own, work));
  return { url, run, transaction, migrate: () => migrate({ run, transaction }), close: () => pool.close() };
}

async function inTransaction<T>(connection: Connection, work: (tx: Transaction) => PromiseLike<T>): Promise<T> {
  const { sql } = connection;
  await sql`BEGIN`;
  try {
    const result = await work(sql);
    const { command } = await sql`COMMIT`;
    if (command !== 'COMMIT') throw new IngestError('INTERNAL', 'records: a statement failed, so nothing was written');
    return result;
  } catch (error) {
    await sql`ROLLBACK`.catch(() => connection.end());
    throw error;
  }
}

/** Connections, each used by one caller at a time. Those that broke are not given out again. */
class Pool {
  private readonly idle: Connection[] = [];
  private readonly running = new Set<Promise<unknown>>();
  private readonly turns: Turns;
  private closed = false;

  constructor(
    private readonly url: string,
    max: number,
  ) {
    this.turns = new Turns(max);
  }

  async use<T>(work: (connection: Connection) => PromiseLike<T>): Promise<T> {
    const running = this.useNext(work);
    this.running.add(running);
    try {
      return await running;
    } catch (error) {
      throw metadataError(error);
    } finally {
      this.running.delete(running);
    }
  }

  async close(): Promise<void> {
    this.closed = true;
    await Promise.race([Promise.allSettled(this.running), sleep(CLOSE_MS, undefined, { ref: false })]);
    await Promise.all(this.idle.map((connection) => connection.close()));
  }

  private async useNext<T>(work: (connection: Connection) => PromiseLike<T>): Promise<T> {
    const leave = await this.turns.take();
    let connection: Connection | undefined;
    try {
      if (this.closed) throw new IngestError('UNAVAILABLE', 'records: closed');
      connection = this.takeIdle() ?? (await Connection.open(this.url));
      return await connection.whileOpen(work(connection));
    } finally {
      if (connection?.isOpen) this.idle.push(connection);
      leave?.();
    }
  }

  private takeIdle(): Connection | undefined {
    let connection = this.idle.pop();
    while (connection && !connection.isOpen) connection = this.idle.pop();
    return connection;
  }
}
