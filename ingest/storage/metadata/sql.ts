import type { Writable } from 'node:stream';
import type { ClientBase, Pool, QueryResult } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';

/**
 * SQL as tagged templates over `pg`: values become parameters, statements in a template become parts of it. What the driver
 * `postgres` would offer is not used because one of its connections that breaks under load ends the process or never answers
 * again (https://github.com/porsager/postgres/pull/1215, /issues/1193).
 */

/** Rows of a statement; `count` is how many rows it returned or changed. */
export type Rows<T extends readonly unknown[]> = T & { count: number };

/** Who runs statements: a pool, or the connection of one transaction. */
type Runner = Pool | ClientBase;

/** A value that goes in as JSON. */
class Json {
  constructor(readonly text: string) {}
}

/** Names, or rows to insert, as part of a statement. */
class Part {
  constructor(readonly write: (parameters: unknown[]) => string) {}
}

/** One statement. It runs when it is first waited for, or not at all if it only is a part of another. */
export class Statement<T extends readonly unknown[]> implements Promise<Rows<T>> {
  readonly [Symbol.toStringTag] = 'Statement';
  private running: Promise<Rows<T>> | undefined;

  constructor(
    private readonly runner: Runner,
    private readonly strings: readonly string[],
    private readonly values: unknown[],
  ) {}

  /** The text with `$1`, `$2`, …; appends the values to `parameters`. */
  write(parameters: unknown[]): string {
    return this.strings.reduce((text, string, i) => text + writeValue(this.values[i - 1], parameters) + string);
  }

  /** A `COPY … FROM STDIN` statement: the stream that takes its input. Only within a transaction. */
  async writable(): Promise<Writable> {
    return (this.runner as ClientBase).query(copyFrom(this.write([])));
  }

  // biome-ignore lint/suspicious/noThenProperty: a statement is waited for like a promise.
  then<A = Rows<T>, B = never>(
    done?: ((rows: Rows<T>) => A | PromiseLike<A>) | null,
    failed?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.run().then(done, failed);
  }

  catch<B = never>(failed?: ((error: unknown) => B | PromiseLike<B>) | null): Promise<Rows<T> | B> {
    return this.run().catch(failed);
  }

  finally(ended?: (() => void) | null): Promise<Rows<T>> {
    return this.run().finally(ended);
  }

  private run(): Promise<Rows<T>> {
    this.running ??= this.send();
    return this.running;
  }

  private async send(): Promise<Rows<T>> {
    const parameters: unknown[] = [];
    const text = this.write(parameters);
    const result: QueryResult = await this.runner.query(text, parameters);
    // Not enumerable, so that rows compare as the arrays they are.
    return Object.defineProperty(result.rows, 'count', { value: result.rowCount ?? 0 }) as unknown as Rows<T>;
  }
}

function writeValue(value: unknown, parameters: unknown[]): string {
  if (value instanceof Statement || value instanceof Part) return value.write(parameters);
  if (value === undefined) throw new TypeError('a value of a statement is undefined');
  parameters.push(value instanceof Json ? value.text : value);
  return `$${parameters.length}`;
}

/** A PostgreSQL identifier, quoted. */
function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function insertion(given: object | object[]): Part {
  const rows = (Array.isArray(given) ? given : [given]) as Record<string, unknown>[];
  const columns = Object.keys(rows[0] ?? {});
  return new Part((parameters) => {
    const tuples = rows.map((row) => `(${columns.map((column) => writeValue(row[column], parameters)).join(', ')})`);
    return `(${columns.map(identifier).join(', ')}) VALUES ${tuples.join(', ')}`;
  });
}

/** A pool or one transaction: what query functions take. */
export interface Queryable {
  <T extends readonly unknown[] = Record<string, unknown>[]>(
    strings: TemplateStringsArray,
    ...values: unknown[]
  ): Statement<T>;
  /** An identifier. */
  (name: string): Part;
  /** `(columns) VALUES (…), …` of at least one row; all have the columns of the first. */
  (rows: object | object[]): Part;
  /** A parameter that is JSON. */
  json(value: unknown): Json;
  /** Several statements without parameters. */
  script(text: string): Promise<void>;
}

/** Statements through a pool or a connection. */
export function queryable(runner: Runner): Queryable {
  const sql = (first: TemplateStringsArray | string | object, ...values: unknown[]) => {
    if (typeof first === 'string') return new Part(() => identifier(first));
    if (Array.isArray(first) && 'raw' in first) return new Statement(runner, first, values);
    return insertion(first);
  };
  return Object.assign(sql, {
    json: (value: unknown) => new Json(JSON.stringify(value)),
    script: async (text: string) => {
      await runner.query(text);
    },
  }) as Queryable;
}
