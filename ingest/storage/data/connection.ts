import type { Readable } from 'node:stream';
import { createPool, type Pool, type PoolConnection, type ResultSetHeader, type RowDataPacket } from 'mysql2/promise';
import { fromMysql } from './mysql-errors';

export { quoteId, quoteTable } from './identifiers';
export { fromMysql, MYSQL, mysqlErrno } from './mysql-errors';

/** Where a MariaDB is and who we are there, with the password itself (entries resolve it). */
export interface MysqlAccess {
  host: string;
  port: number;
  user: string;
  password?: string;
}

export interface DataServerOptions {
  /** Connections at most; further callers wait. Default 10. */
  connections?: number;
  /** Seconds that a statement waits for a metadata lock before it fails with BUSY. MariaDB's default is a day. Default 10. */
  lockWaitSeconds?: number;
}

export type SqlValue = string | number | bigint | boolean | Date | Buffer | null;

/** One row of a result. BIGINT and DECIMAL beyond 2^53 arrive as strings, see `bigNumberStrings` of mysql2. */
export type Row = Record<string, unknown>;

/** Statements on one connection. `doing` says in errors what was tried. All errors are IngestErrors, see `fromMysql`. */
export interface Statements {
  /** Rows of a SELECT or SHOW. */
  rows<T extends Row = Row>(doing: string, sql: string, values?: SqlValue[]): Promise<T[]>;
  /** DDL, INSERT, SET …: affected rows and the number of warnings. */
  run(doing: string, sql: string, values?: SqlValue[]): Promise<{ affectedRows: number; warnings: number }>;
}

/** One connection. It is never replaced silently: when it breaks, every later statement fails with UNAVAILABLE. */
export class DataConnection implements Statements {
  constructor(private readonly connection: PoolConnection) {}

  /** The server's id of this connection, for `KILL`. */
  get threadId(): number {
    return this.connection.threadId;
  }

  async rows<T extends Row = Row>(doing: string, sql: string, values: SqlValue[] = []): Promise<T[]> {
    try {
      const [rows] = await this.connection.query<RowDataPacket[]>(sql, values);
      return rows as unknown as T[];
    } catch (error) {
      throw fromMysql(error, doing);
    }
  }

  async run(doing: string, sql: string, values: SqlValue[] = []): Promise<{ affectedRows: number; warnings: number }> {
    try {
      const [result] = await this.connection.query<ResultSetHeader>(sql, values);
      return { affectedRows: result.affectedRows, warnings: result.warningStatus };
    } catch (error) {
      throw fromMysql(error, doing);
    }
  }

  /**
   * A `LOAD DATA LOCAL INFILE` statement fed from `source`. mysql2 takes an error of the source for the end of the file and
   * waits for ever on one that closes without a word, so whoever calls this destroys the connection when the source fails.
   */
  async runWithInput(
    doing: string,
    sql: string,
    source: Readable,
  ): Promise<{ affectedRows: number; warnings: number }> {
    try {
      const [result] = await this.connection.query<ResultSetHeader>({ sql, infileStreamFactory: () => source });
      return { affectedRows: result.affectedRows, warnings: result.warningStatus };
    } catch (error) {
      throw fromMysql(error, doing);
    }
  }

  /** Breaks the connection at once: the server rolls back what it does for it, and frees its locks. */
  destroy(): void {
    this.connection.destroy();
  }
}

/** A pool of connections to one MariaDB server. `name` says in errors which one. */
export class DataServer implements Statements {
  private readonly pool: Pool;

  constructor(
    readonly name: string,
    access: MysqlAccess,
    options: DataServerOptions = {},
  ) {
    this.pool = createPool({
      ...access,
      connectionLimit: options.connections ?? 10,
      connectTimeout: 10_000,
      supportBigNumbers: true,
      enableKeepAlive: true,
      charset: 'utf8mb4_general_ci',
    });
    const lockWait = Math.max(1, Math.round(options.lockWaitSeconds ?? 10));
    // Queued before any statement of the borrower; a failure shows in that statement.
    this.pool.pool.on('connection', (connection) => {
      connection.query(`SET SESSION lock_wait_timeout = ${lockWait}`, () => {});
    });
  }

  /**
   * Borrows a connection for `work` and gives it back; destroys it when `work` fails, so that no lock, session variable or
   * half-read result outlives a failure.
   */
  async connection<T>(doing: string, work: (connection: DataConnection) => Promise<T>): Promise<T> {
    let borrowed: PoolConnection;
    try {
      borrowed = await this.pool.getConnection();
    } catch (error) {
      throw fromMysql(error, `${this.name}: ${doing}`);
    }
    try {
      const result = await work(new DataConnection(borrowed));
      borrowed.release();
      return result;
    } catch (error) {
      borrowed.destroy();
      throw fromMysql(error, `${this.name}: ${doing}`);
    }
  }

  rows<T extends Row = Row>(doing: string, sql: string, values: SqlValue[] = []): Promise<T[]> {
    return this.connection(doing, (c) => c.rows<T>(`${this.name}: ${doing}`, sql, values));
  }

  run(doing: string, sql: string, values: SqlValue[] = []): Promise<{ affectedRows: number; warnings: number }> {
    return this.connection(doing, (c) => c.run(`${this.name}: ${doing}`, sql, values));
  }

  /** Kills a connection of this server by its id; a connection that is gone is success. */
  async kill(threadId: number): Promise<void> {
    try {
      await this.run('kill a connection', `KILL ${Math.trunc(threadId)}`);
    } catch (error) {
      const { errno } = (error as { details?: { errno?: number } }).details ?? {};
      if (errno !== 1094) throw error; // ER_NO_SUCH_THREAD
    }
  }

  /** Closes all connections. */
  async close(): Promise<void> {
    await this.pool.end();
  }
}
