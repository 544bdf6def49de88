import { Client, type ClientConfig, Pool, types } from 'pg';
import { metadataError } from './errors';
import { migrate } from './migrate';
import { type Queryable, queryable } from './sql';

export type { Queryable } from './sql';
/** All or nothing. */
export type Transaction = Queryable;

/** Seconds after which a server that does not answer counts as away. */
const CONNECT_SECONDS = 10;

/** bigint and the sums of it hold milliseconds, bytes and row counts: all of them below 2^53. */
const BIGINT = 20;

/** Options of every connection to the records' database. */
function options(url: string): ClientConfig {
  return {
    connectionString: url,
    application_name: 'qserv-campaigns',
    connectionTimeoutMillis: CONNECT_SECONDS * 1000,
    keepAlive: true,
    types: {
      getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
        oid === BIGINT ? Number : types.getTypeParser(oid, format)) as typeof types.getTypeParser,
    },
  };
}

/** The records' database (PostgreSQL). Failures of everything run through it are IngestErrors. */
export interface Metadata {
  /** Connection URL; holds a password, so it is never logged. */
  readonly url: string;
  /** The pool, for query functions' callers that translate errors themselves. */
  readonly sql: Queryable;
  /** One question to the pool. */
  run<T>(question: (sql: Queryable) => Promise<T>): Promise<T>;
  /** All or nothing. */
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
  /** See migrate.ts. */
  migrate(): Promise<void>;
  close(): Promise<void>;
}

/** Opens a pool; connects with the first query. `max` is the pool's size. */
export function openMetadata(url: string, max = 10): Metadata {
  const pool = new Pool({ ...options(url), max });
  // A connection that breaks between queries is replaced; the next query says if the server is away. Without listeners, at
  // every moment of a connection's life, it would end the process.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  const sql = queryable(pool);
  const translated = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw metadataError(error);
    }
  };
  const transaction = <T>(work: (tx: Transaction) => Promise<T>) => translated(() => inTransaction(pool, work));
  return {
    url,
    sql,
    run: (question) => translated(() => question(sql)),
    transaction,
    migrate: () => migrate({ transaction, run: (question) => translated(() => question(sql)) }),
    close: () => pool.end(),
  };
}

async function inTransaction<T>(pool: Pool, work: (tx: Transaction) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken = false;
  const lost = () => {
    broken = true;
  };
  client.on('error', lost);
  try {
    await client.query('BEGIN');
    const result = await work(queryable(client));
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch(lost);
    throw error;
  } finally {
    client.removeListener('error', lost);
    client.release(broken);
  }
}

/** One connection of its own, e.g. to hold a session's advisory lock. It is never replaced when it breaks. */
export interface OwnConnection {
  sql: Queryable;
  close(): Promise<void>;
}

/** Connects. `onClose` tells that the connection ended, for whatever reason. */
export async function openConnection(url: string, onClose: () => void): Promise<OwnConnection> {
  const client = new Client(options(url));
  client.on('error', onClose);
  client.on('end', onClose);
  await client.connect();
  return { sql: queryable(client), close: () => client.end() };
}
