import { setTimeout as sleep } from 'node:timers/promises';
import { IngestError } from '../../core/errors';
import type { DataServer, Statements } from './connection';
import { ensureCssSchema, KV_TABLE } from './master-schemas';
import { isAbsent } from './scan';

/**
 * Qserv's CSS metadata: a tree of text values under slash-delimited keys in one InnoDB table of the master (lsst/qserv
 * src/css/KvInterfaceImplMySql.cc). Keys are compared without case there.
 */

/** Longest key, lsst/qserv src/css/KvInterface.h. */
const MAX_KEY = 255;

/** Holds several values of one parent as a JSON object of strings; a key of its own wins over the same in here. */
export const PACKED = '.packed.json';

/** How often changes that met another process's are made again. */
const ATTEMPTS = 10;

/** The values of a packed key as its text. */
export function pack(values: Record<string, string>): string {
  return JSON.stringify(Object.fromEntries(Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1))));
}

/** Values that `pack` made; none for a text that is no JSON object of strings. */
export function unpack(text: string | undefined): Record<string, string> {
  let json: unknown;
  try {
    json = JSON.parse(text || '{}');
  } catch {
    return {};
  }
  if (typeof json !== 'object' || json === null) return {};
  return Object.fromEntries(Object.entries(json).map(([key, value]) => [key, String(value)]));
}

/** Reads of the store; a missing store is an empty one. */
export class CssReader {
  constructor(protected readonly sql: Statements) {}

  /** Undefined when there is no such key. */
  async get(key: string): Promise<string | undefined> {
    const [row] = await this.select('kvKey = ?', [checked(key)]);
    return row?.value;
  }

  /** A key and everything below it, by key. */
  async tree(key: string): Promise<Map<string, string>> {
    const rows = await this.select("kvKey = ? OR kvKey LIKE ? ESCAPE '!'", [checked(key), below(key)]);
    return new Map(rows.map((row) => [row.key, row.value]));
  }

  /** Keys that fit a pattern of LIKE in which `!` escapes, by key. */
  async matching(pattern: string): Promise<Map<string, string>> {
    const rows = await this.select("kvKey LIKE ? ESCAPE '!'", [pattern]);
    return new Map(rows.map((row) => [row.key, row.value]));
  }

  private async select(where: string, values: string[]): Promise<{ key: string; value: string }[]> {
    try {
      return await this.sql.rows<{ key: string; value: string }>(
        'read the CSS metadata',
        `SELECT kvKey AS \`key\`, kvVal AS value FROM ${KV_TABLE} WHERE ${where} ORDER BY kvKey`,
        values,
      );
    } catch (error) {
      if (isAbsent(error)) return [];
      throw error;
    }
  }
}

/** Changes of the store inside one transaction, see `changeCss`. */
export class CssStore extends CssReader {
  private readonly ids = new Map<string, number>();

  /** Waits for other transactions that lock the key. Comes first: what is read after it is as they left it. */
  async lock(key: string): Promise<void> {
    await this.sql.rows(`lock CSS key ${key}`, `SELECT 1 FROM ${KV_TABLE} WHERE kvKey = ? FOR UPDATE`, [checked(key)]);
  }

  /** Writes a value; parents that are missing are made with empty ones. */
  async set(key: string, value: string): Promise<void> {
    const parent = key === '' ? null : await this.idOf(key.slice(0, key.lastIndexOf('/')));
    await this.sql.run(
      `write CSS key ${key}`,
      `INSERT INTO ${KV_TABLE} (kvKey, kvVal, parentKvId) VALUES (?, ?, ?) ON DUPLICATE KEY UPDATE kvVal = VALUES(kvVal)`,
      [checked(key), value, parent],
    );
  }

  /** Removes a key and everything below it; none is success. */
  async remove(key: string): Promise<void> {
    // Leaves first, for the sake of the foreign key.
    await this.sql.run(
      `remove CSS key ${key}`,
      `DELETE FROM ${KV_TABLE} WHERE kvKey = ? OR kvKey LIKE ? ESCAPE '!' ORDER BY LENGTH(kvKey) DESC`,
      [checked(key), below(key)],
    );
    this.ids.clear();
  }

  /** The next key of a numbered series (`prefix` and 10 digits): one above the highest. Its value is empty. */
  async next(prefix: string): Promise<string> {
    const rows = await this.sql.rows<{ key: string }>(
      `number CSS keys of ${prefix}`,
      `SELECT kvKey AS \`key\` FROM ${KV_TABLE} WHERE kvKey LIKE ? ESCAPE '!' FOR UPDATE`,
      [`${escaped(prefix)}__________`],
    );
    const numbers = rows.map(({ key }) => key.slice(prefix.length)).filter((digits) => /^[0-9]{10}$/.test(digits));
    const number = String(Math.max(0, ...numbers.map(Number)) + 1).padStart(10, '0');
    await this.set(prefix + number, '');
    return prefix + number;
  }

  private async idOf(key: string): Promise<number> {
    const known = this.ids.get(key) ?? (await this.findId(key));
    if (known !== undefined) {
      this.ids.set(key, known);
      return known;
    }
    await this.set(key, '');
    return this.idOf(key);
  }

  private async findId(key: string): Promise<number | undefined> {
    const sql = `SELECT kvId AS id FROM ${KV_TABLE} WHERE kvKey = ? LOCK IN SHARE MODE`;
    const [row] = await this.sql.rows<{ id: number }>(`look for CSS key ${key}`, sql, [checked(key)]);
    return row?.id;
  }
}

/**
 * Changes the CSS metadata in one transaction: readers see all of it or nothing, and a server that is killed has done all or nothing.
 * `work` is done again when it meets somebody else's changes.
 */
export async function changeCss<T>(master: DataServer, work: (store: CssStore) => Promise<T>): Promise<T> {
  await ensureCssSchema(master);
  for (let attempt = 1; ; attempt++) {
    try {
      return await master.connection('change the CSS metadata', async (connection) => {
        await connection.run('begin', 'START TRANSACTION');
        const result = await work(new CssStore(connection));
        await connection.run('commit', 'COMMIT');
        return result;
      });
    } catch (error) {
      if (!(error instanceof IngestError && error.code === 'BUSY') || attempt === ATTEMPTS) throw error;
      await sleep(20 * attempt * Math.random());
    }
  }
}

function checked(key: string): string {
  if (key.length <= MAX_KEY && /^(\/[^/]+)*$/.test(key)) return key;
  throw new RangeError(`not a key of the CSS metadata: ${JSON.stringify(key)}`);
}

const escaped = (text: string) => text.replace(/[!%_]/g, '!$&');
const below = (key: string) => `${escaped(key)}/%`;
