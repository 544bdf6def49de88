import { setTimeout as sleep } from 'node:timers/promises';
import { parseFinalTable } from '../../ingest/core/names';
import type { DataServer } from '../../ingest/storage/data/connection';
import { type TableFacts, tableFacts } from './checksum';

/** What a reader found of a table: its facts by final table and worker, or that the metadata hide it. */
export type Reading = { at: number; hidden: true } | { at: number; hidden: false; tables: Record<string, TableFacts> };

/** Reads a published catalog as Qserv would: which tables there are is what CSS says, the rows are in the workers' final tables. */
export class CatalogReader {
  readonly errors: unknown[] = [];
  readonly readings: Reading[] = [];
  private reading?: Promise<void>;
  private stopped = false;

  constructor(
    private readonly master: DataServer,
    private readonly workers: ReadonlyMap<string, DataServer>,
    private readonly database: string,
    private readonly table: string,
  ) {}

  /** Reads again and again, `perSecond` times a second, until `stop`. */
  start(perSecond: number): this {
    this.reading = (async () => {
      while (!this.stopped) {
        const next = sleep(1000 / perSecond);
        try {
          const found = await this.read();
          if (found !== undefined) this.readings.push(found);
        } catch (error) {
          this.errors.push(error);
        }
        await next;
      }
    })();
    return this;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.reading;
  }

  /** Undefined when the metadata changed while it read: such an answer is nobody's. */
  async read(): Promise<Reading | undefined> {
    const before = await this.metadata();
    const at = Date.now();
    if (before === undefined) return { at, hidden: true };
    try {
      const tables = await this.rows();
      return (await this.metadata()) === before ? { at, hidden: false, tables } : undefined;
    } catch (error) {
      if ((await this.metadata()) !== before) return undefined;
      throw error;
    }
  }

  /** All that CSS says of the table, and which publication of it that is; undefined while it is not READY. */
  private async metadata(): Promise<string | undefined> {
    const key = `/DBS/${this.database}/TABLES/${this.table}`;
    const rows = await this.master.rows<{ kvId: number; kvKey: string; kvVal: string }>(
      'read the metadata',
      'SELECT kvId, kvKey, kvVal FROM qservCssData.kvData WHERE kvKey = ? OR LEFT(kvKey, ?) = ? ORDER BY kvKey',
      [key, key.length + 1, `${key}/`],
    );
    if (rows.find(({ kvKey }) => kvKey === key)?.kvVal !== 'READY') return undefined;
    return JSON.stringify(rows);
  }

  private async rows(): Promise<Record<string, TableFacts>> {
    const facts: Record<string, TableFacts> = {};
    for (const [worker, server] of this.workers) {
      const names = await server.rows<{ name: string }>(
        'list final tables',
        'SELECT TABLE_NAME AS name FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? ORDER BY TABLE_NAME',
        [this.database],
      );
      for (const { name } of names) {
        if (name !== this.table && parseFinalTable(name).table !== this.table) continue;
        facts[`${worker} ${name}`] = await tableFacts(server, this.database, name);
      }
    }
    return facts;
  }
}
