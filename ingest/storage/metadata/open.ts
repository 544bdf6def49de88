import postgres, { type Sql, type TransactionSql } from 'postgres';
import { metadataError } from './errors';
import { migrate } from './migrate';

/** bigint columns hold milliseconds, bytes and row counts: all of them below 2^53. */
const bigintAsNumber = {
  to: 20,
  from: [20],
  serialize: (value: number) => String(value),
  parse: (text: string) => Number(text),
};

type Types = { bigint: number };

/** A pool or one transaction: what query functions take. */
export type Queryable = Sql<Types> | TransactionSql<Types>;
export type Transaction = TransactionSql<Types>;

/** Options of every connection to the records' database. */
const OPTIONS = {
  types: { bigint: bigintAsNumber },
  onnotice: () => {},
  connection: { application_name: 'qserv-campaigns' },
};

/** The records' database (PostgreSQL). Failures of everything run through it are IngestErrors. */
export interface Metadata {
  /** Connection URL; holds a password, so it is never logged. */
  readonly url: string;
  /** The pool, for query functions' callers that translate errors themselves. */
  readonly sql: Sql<Types>;
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
  const sql: Sql<Types> = postgres(url, { ...OPTIONS, max });
  const translated = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw metadataError(error);
    }
  };
  return {
    url,
    sql,
    run: (question) => translated(() => question(sql)),
    transaction: (work) => translated(async () => (await sql.begin((tx) => work(tx))) as never),
    migrate: () => translated(() => migrate(sql as unknown as Sql)),
    close: () => sql.end({ timeout: 5 }),
  };
}

/** One connection of its own, e.g. to hold a session's advisory lock. `onClose` tells that it ended, for whatever reason. */
export function openConnection(url: string, onClose: () => void): Sql<Types> {
  return postgres(url, { ...OPTIONS, max: 1, idle_timeout: 0, max_lifetime: 0, onclose: onClose });
}
