import { connect, type Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres, { type Options, type Sql, type TransactionSql } from 'postgres';
import { IngestError } from '../../core/errors';
import { Race } from '../../core/race';
import { unfitText } from './errors';
import { TYPES, type Types } from './types';

/** What query functions take: one connection, within a transaction or not. */
export type Queryable = TransactionSql<Types> & {
  /** Several statements without parameters. */
  script(text: string): Promise<void>;
};

/** A server that does not answer for so long counts as away. */
const CONNECT_MS = 10_000;

/** U+0000 and halves of surrogate pairs, as JSON spells them. */
const UNFIT_JSON = /(?:^|[^\\])(?:\\\\)*\\u(?:0000|d[89a-f])/;

const lostError = () => new IngestError('UNAVAILABLE', 'records: the connection broke or is closed');

/**
 * One connection: an instance of the driver that is never used again once its connection ended, and that is given one statement
 * at a time. The driver's own pool, pipelines and `begin` are not used: when a connection breaks, 3.4.9 may throw outside of all
 * promises, leave callers waiting for ever, and run what is left of a transaction outside of it (docs/design.md, "Drivers").
 */
export class Connection {
  readonly sql: Queryable;
  /** Rejects when the connection ends, for whatever reason. */
  readonly lost: Promise<never>;
  private readonly untilLost: Race<never>;
  private ended = false;
  private lose: (error: IngestError) => void = () => {};
  private readonly driver: Sql<Types>;
  private socket: Socket | undefined;
  private copying: Writable | undefined;
  /** The latest statement. */
  private latest: Promise<unknown> = Promise.resolve();

  private constructor(url: string) {
    this.lost = new Promise<never>((_, reject) => {
      this.lose = reject;
    });
    this.untilLost = new Race(this.lost);
    this.driver = postgres(url, {
      types: TYPES,
      // Nobody would hear of it if the connection broke while the driver asks for them.
      fetch_types: false,
      onnotice: () => {},
      connection: { application_name: 'qserv-campaigns' },
      max: 1,
      idle_timeout: 0,
      max_lifetime: null,
      onclose: () => this.end(),
      socket: (options: SocketOptions) => this.open(options),
    } as Options<typeof TYPES>) as unknown as Sql<Types>;
    this.sql = this.queryable();
  }

  static async open(url: string): Promise<Connection> {
    const connection = new Connection(url);
    const timer = setTimeout(() => connection.end(), CONNECT_MS);
    try {
      await connection.sql`SELECT 1`;
      return connection;
    } catch (error) {
      connection.end();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** The value, as long as the connection stays. */
  whileOpen<T>(value: PromiseLike<T>): Promise<T> {
    return this.untilLost.with(value);
  }

  get isOpen(): boolean {
    return !this.ended;
  }

  /** Ends it at once: whatever waits for it fails. */
  end(): void {
    if (this.ended) return;
    this.ended = true;
    this.lose(lostError());
    this.copying?.destroy(lostError());
    this.socket?.destroy();
  }

  /** Says goodbye, and waits until the server has closed its side. */
  async close(seconds = 2): Promise<void> {
    if (!this.ended)
      await Promise.race([
        this.driver.end({ timeout: seconds }).catch(() => {}),
        sleep(seconds * 1000, undefined, { ref: false }),
      ]);
    this.end();
  }

  private open({ host, port, path }: SocketOptions): Promise<Socket> {
    return new Promise((resolve, reject) => {
      if (this.ended) throw lostError();
      const to = { host: host[0] ?? 'localhost', port: port[0] ?? 5432 };
      const socket = path ? connect({ path }) : connect(to);
      this.socket = socket;
      socket.once('error', reject);
      // The driver looks here for the name that the server's certificate must have.
      socket.once('connect', () => resolve(Object.assign(socket, to)));
    });
  }

  private queryable(): Queryable {
    const driver = this.driver as unknown as (...given: unknown[]) => Statement;
    const sql = (first: TemplateStringsArray | string | object, ...values: unknown[]) => {
      const part = driver(first, ...values);
      return Array.isArray(first) && 'raw' in first ? this.inTurn(part) : part;
    };
    const script = (text: string) => this.send(() => this.driver.unsafe(text).simple());
    return Object.assign(sql, { json: this.json, script }) as unknown as Queryable;
  }

  /** What PostgreSQL cannot keep is refused here: it would write the text around it, which may be secret, into its log. */
  private readonly json: Sql['json'] = (value) => {
    if (UNFIT_JSON.test(JSON.stringify(value))) throw unfitText();
    return this.driver.json(value);
  };

  /** Sends when the statements before have been answered. */
  private send<T>(statement: () => PromiseLike<T>): Promise<T> {
    const answer = this.latest.then(() => {
      if (this.ended) throw lostError();
      return this.untilLost.with(statement());
    });
    this.latest = answer.catch(() => {});
    return answer;
  }

  /** The driver's statement, sent in turn when it is first waited for; it may be a part of another one as well. */
  private inTurn(statement: Statement): Statement {
    let sent: Promise<unknown> | undefined;
    const answer = () => {
      sent ??= this.send(() => statement);
      return sent;
    };
    return new Proxy(statement, {
      get: (target, key) => {
        if (key === 'then' || key === 'catch' || key === 'finally') return answer()[key].bind(sent);
        if (key === 'writable') return () => this.copy(target);
        return Reflect.get(target, key, target);
      },
    });
  }

  private async copy(statement: Statement): Promise<Writable> {
    const stream = await this.send(() => statement.writable());
    this.copying = stream;
    stream.on('error', () => {});
    // The driver tells nobody of an error after the last row (its issue 1173), but a statement behind it fails then.
    const final = stream._final;
    stream._final = (done) => {
      final.call(stream, done);
      this.send(() => this.driver`SELECT 1`).catch((error) => stream.destroy(error));
    };
    return stream;
  }
}

interface SocketOptions {
  host: string[];
  port: number[];
  path?: string | false;
}

type Statement = Promise<unknown> & { writable(): Promise<Writable> };
