import type { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { finished, type Readable } from 'node:stream';
import { createPool, type Pool, type PoolConnection, type ResultSetHeader, type RowDataPacket } from 'mysql2/promise';
import { IngestError } from '../../core/errors';
import { Race } from '../../core/race';
import { fromMysql, MYSQL, mysqlErrno } from './mysql-errors';

export { quoteId, quoteTable } from './identifiers';
export { fromMysql, MYSQL, mysqlErrno } from './mysql-errors';

/** Where a MariaDB is and who we are there, with the password itself (entries resolve it). */
export interface MysqlAccess {
  host: string;
  port: number;
  user: string;
  password?: string;
}

/**
 * The server's SQL mode, or MariaDB's own where the server reads backslashes and double quotes in texts in other ways than we and
 * mysql2 write them: a text could end early there.
 */
export const USUAL_SQL_MODE = `IF(@@GLOBAL.sql_mode REGEXP 'NO_BACKSLASH_ESCAPES|ANSI_QUOTES',
  'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_AUTO_CREATE_USER,NO_ENGINE_SUBSTITUTION', @@GLOBAL.sql_mode)`;

export interface DataServerOptions {
  /** Connections at most; further callers wait. Default 10. */
  connections?: number;
  /** Seconds that a statement waits for a metadata lock before it fails with BUSY. MariaDB's default is a day. Default 10. */
  lockWaitSeconds?: number;
}

export type SqlValue = string | number | bigint | boolean | Date | Buffer | null;

/** One row of a result. BIGINT and DECIMAL beyond 2^53 arrive as strings, see `bigNumberStrings` of mysql2. */
export type Row = Record<string, unknown>;

/** `warnings` as the server's reply has it, at most 65535. */
export interface Outcome {
  affectedRows: number;
  warnings: number;
}

/** Statements on one connection. `doing` says in errors what was tried. All errors are IngestErrors, see `fromMysql`. */
export interface Statements {
  /** Rows of a SELECT or SHOW. */
  rows<T extends Row = Row>(doing: string, sql: string, values?: SqlValue[]): Promise<T[]>;
  /** DDL, INSERT, SET …: affected rows and the number of warnings. */
  run(doing: string, sql: string, values?: SqlValue[]): Promise<Outcome>;
}

/** Bytes of each column as the server sends text, in the connection's character set. */
export type RawRow = (Buffer | null)[];

/** Rows on their way. Those that have arrived still come after `pause`. */
export interface RowFlow {
  done: Promise<void>;
  pause(): void;
  resume(): void;
}

/** Of mysql2's own connection. */
interface Flowing {
  query(options: { sql: string; rowsAsArray: true; typeCast: false }): EventEmitter;
  pause(): void;
  resume(): void;
}

/** One connection. It is never replaced silently: when it breaks, every later statement fails with UNAVAILABLE. */
export class DataConnection implements Statements {
  private fail!: (error: Error) => void;
  private readonly untilDestroyed = new Race(
    new Promise<never>((_, reject) => {
      this.fail = reject;
    }),
  );

  constructor(private readonly connection: PoolConnection) {}

  /** The server's id of this connection, for `KILL`. */
  get threadId(): number {
    return this.connection.threadId;
  }

  async rows<T extends Row = Row>(doing: string, sql: string, values: SqlValue[] = []): Promise<T[]> {
    const [rows] = await this.settle(doing, this.connection.query<RowDataPacket[]>(sql, values));
    return rows as unknown as T[];
  }

  async run(doing: string, sql: string, values: SqlValue[] = []): Promise<Outcome> {
    const [result] = await this.settle(doing, this.connection.query<ResultSetHeader>(sql, values));
    return { affectedRows: result.affectedRows, warnings: result.warningStatus };
  }

  /**
   * A `LOAD DATA LOCAL INFILE` statement fed from `source`. A source that fails or closes early destroys the connection and
   * rejects with the source's error: to mysql2 an error of the source is the end of the file, and on one that closes without
   * a word its query never settles.
   */
  async runWithInput(doing: string, sql: string, source: Readable): Promise<Outcome> {
    // Listens before mysql2 does, so the connection is gone before the server could be told "end of file".
    const stop = finished(source, { writable: false }, (error) => {
      if (error) this.destroy(error);
    });
    try {
      const query = this.connection.query<ResultSetHeader>({ sql, infileStreamFactory: () => source });
      const [result] = await this.settle(doing, query);
      return { affectedRows: result.affectedRows, warnings: result.warningStatus };
    } finally {
      stop();
    }
  }

  /**
   * A SELECT whose rows go to `onRow` one by one as the server sends them, each column as bytes (null for NULL). Settled by `done`,
   * also when the connection breaks. Nothing else may run on the connection until then.
   */
  flow(doing: string, sql: string, onRow: (row: RawRow) => void): RowFlow {
    const raw = this.connection.connection as unknown as EventEmitter & Flowing;
    const ended = new Promise<void>((resolve, reject) => {
      // A query without a callback hears nothing of a connection that broke.
      const lost = (error?: Error) => settle(() => reject(error ?? new IngestError('UNAVAILABLE', `${doing}: closed`)));
      const settle = (how: () => void) => {
        raw.removeListener('error', lost);
        raw.removeListener('end', lost);
        how();
      };
      raw.on('error', lost);
      raw.on('end', lost);
      const query = raw.query({ sql, rowsAsArray: true, typeCast: false });
      query.on('error', lost);
      query.on('result', onRow);
      query.on('end', () => settle(resolve));
    });
    ended.catch(() => {});
    const done = this.settle(doing, ended);
    done.catch(() => {});
    return { done, pause: () => raw.pause(), resume: () => raw.resume() };
  }

  /** Breaks the connection at once. What runs on it, and whatever is tried on it later, fails with `reason`. */
  destroy(reason?: Error): void {
    this.fail(reason ?? new IngestError('UNAVAILABLE', 'the connection was closed'));
    this.connection.destroy();
    // mysql2 only ends the socket, and would first send all that is buffered.
    (this.connection.connection as unknown as { stream: Socket }).stream.destroy();
  }

  /** mysql2 leaves the callers of a destroyed connection without an answer; here they get one. */
  private async settle<T>(doing: string, query: Promise<T>): Promise<T> {
    try {
      return await this.untilDestroyed.with(query);
    } catch (error) {
      throw fromMysql(error, doing);
    }
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
      // A second failure of a broken connection has no other listener and would end the process.
      connection.on('error', () => {});
      connection.query(`SET SESSION lock_wait_timeout = ${lockWait}, SESSION sql_mode = ${USUAL_SQL_MODE}`, () => {});
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
    const connection = new DataConnection(borrowed);
    try {
      const result = await work(connection);
      borrowed.release();
      return result;
    } catch (error) {
      connection.destroy();
      throw fromMysql(error, `${this.name}: ${doing}`);
    }
  }

  rows<T extends Row = Row>(doing: string, sql: string, values: SqlValue[] = []): Promise<T[]> {
    return this.connection(doing, (c) => c.rows<T>(`${this.name}: ${doing}`, sql, values));
  }

  run(doing: string, sql: string, values: SqlValue[] = []): Promise<Outcome> {
    return this.connection(doing, (c) => c.run(`${this.name}: ${doing}`, sql, values));
  }

  /** Kills a connection of this server by its id; a connection that is gone is success. */
  async kill(threadId: number): Promise<void> {
    try {
      await this.run('kill a connection', `KILL ${Math.trunc(threadId)}`);
    } catch (error) {
      if (mysqlErrno(error) !== MYSQL.NO_SUCH_THREAD) throw error;
    }
  }

  /** Closes all connections. */
  async close(): Promise<void> {
    await this.pool.end();
  }
}
