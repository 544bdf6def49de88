import { DEFAULT_DIALECT } from '../../ingest/core/dialect';
import { chunkTable, stagingPrefix, TRANSACTION_COLUMN, TRANSACTION_COLUMN_TYPE } from '../../ingest/core/names';
import type { TransactionState } from '../../ingest/core/transactions';
import { DataServer, type MysqlAccess, quoteId, quoteTable } from '../../ingest/storage/data/connection';
import { isAbsent, scanRows } from '../../ingest/storage/data/scan';
import { listStaging } from '../../ingest/storage/data/staging';
import { type Metadata, openMetadata, type Transaction } from '../../ingest/storage/metadata';
import type { ContributionSource, LoadUnit } from '../../ingest/worker/worker';
import { type TableFacts, tableFacts } from './checksum';

/** A table of a test catalog: `Object` has one chunk table a chunk, `Filter` is a regular table. */
const OBJECT_COLUMNS: [string, string][] = [
  ['objectId', 'BIGINT NOT NULL'],
  ['ra', 'DOUBLE NOT NULL'],
  ['decl', 'DOUBLE NOT NULL'],
  ['mag', 'FLOAT'],
  ['flag', 'TINYINT NOT NULL'],
  ['name', 'VARCHAR(32) NOT NULL'],
  ['subChunkId', 'INT NOT NULL'],
];
const FILTER_COLUMNS: [string, string][] = [
  ['filterId', 'INT NOT NULL'],
  ['name', 'CHAR(8) NOT NULL'],
];

/**
 * A registered, unpublished catalog with one worker, as loading finds it: records in PostgreSQL, prototypes in the worker's
 * MariaDB. What the controller does for it is told by the controller's own tests.
 */
export class TestCatalog {
  private constructor(
    readonly database: string,
    readonly worker: string,
    readonly postgresUrl: string,
    readonly metadata: Metadata,
    readonly server: DataServer,
  ) {}

  static async create(database: string, worker: string, postgresUrl: string, mysql: MysqlAccess): Promise<TestCatalog> {
    const metadata = openMetadata(postgresUrl);
    await metadata.migrate();
    const catalog = new TestCatalog(database, worker, postgresUrl, metadata, new DataServer('test', mysql));
    await catalog.register();
    return catalog;
  }

  private async register(): Promise<void> {
    const { metadata, database, worker } = this;
    await metadata.transaction(async (tx) => {
      await tx`INSERT INTO qserv.config_worker VALUES (${worker}, true, false) ON CONFLICT DO NOTHING`;
      await tx`INSERT INTO qserv.config_database_family VALUES ('test', 1, 85, 12, 0.01667) ON CONFLICT DO NOTHING`;
      await tx`INSERT INTO qserv.config_database (database, family_name) VALUES (${database}, 'test')`;
      for (const [table, columns] of [
        ['Object', OBJECT_COLUMNS],
        ['Filter', FILTER_COLUMNS],
      ] as const) {
        await this.record(tx, table, columns);
      }
    });
    await this.server.run('create', `CREATE DATABASE ${quoteId(database)}`);
    await this.createTable('Object', OBJECT_COLUMNS);
    await this.createTable('Filter', FILTER_COLUMNS);
  }

  private async record(tx: Transaction, table: string, columns: readonly [string, string][]): Promise<void> {
    const { database } = this;
    await tx`INSERT INTO qserv.config_database_table (database, "table", is_partitioned)
      VALUES (${database}, ${table}, ${table === 'Object'})`;
    const all = [[TRANSACTION_COLUMN, TRANSACTION_COLUMN_TYPE], ...columns] as [string, string][];
    for (const [i, [name, type]] of all.entries()) {
      await tx`INSERT INTO qserv.config_database_table_schema VALUES (${database}, ${table}, ${i}, ${name}, ${type})`;
    }
  }

  /** Registers another regular table, with columns that suit the test. */
  async addRegular(table: string, columns: [string, string][]): Promise<void> {
    await this.metadata.transaction((tx) => this.record(tx, table, columns));
    await this.createTable(table, columns);
  }

  private async createTable(table: string, columns: [string, string][]): Promise<void> {
    const all = [[TRANSACTION_COLUMN, TRANSACTION_COLUMN_TYPE], ...columns];
    await this.server.run(
      'create',
      `CREATE TABLE ${quoteTable(this.database, table)} (${all.map(([n, t]) => `${quoteId(n as string)} ${t}`).join(', ')})
       ENGINE=MyISAM DEFAULT CHARSET=latin1 COLLATE=latin1_general_ci
       PARTITION BY LIST (qserv_trans_id) (PARTITION p0 VALUES IN (0))`,
    );
  }

  /** A new super-transaction, STARTED. */
  async begin(): Promise<number> {
    const [row] = await this.metadata.run(
      (sql) => sql<{ id: number }[]>`INSERT INTO qserv.transaction (database, state, begin_time, start_time)
        VALUES (${this.database}, 'STARTED', 1, 1) RETURNING id`,
    );
    return (row as { id: number }).id;
  }

  async setState(transactionId: number, state: TransactionState): Promise<void> {
    await this.metadata.run((sql) => sql`UPDATE qserv.transaction SET state = ${state} WHERE id = ${transactionId}`);
  }

  async allocate(chunk: number): Promise<void> {
    await this.metadata.run(
      (sql) => sql`INSERT INTO qserv.replica (worker, database, chunk, verify_time)
        VALUES (${this.worker}, ${this.database}, ${chunk}, 1) ON CONFLICT DO NOTHING`,
    );
  }

  unit(transactionId: number, chunk: number, more: Partial<LoadUnit> = {}): LoadUnit {
    return { transactionId, database: this.database, table: 'Object', chunk, overlap: false, ...more };
  }

  /** What the unit's partition holds; null when it is not there. */
  async contents(unit: LoadUnit): Promise<TableFacts | null> {
    const table = finalTable(unit);
    if ((await scanRows(this.server, this.database, table, unit.transactionId)) === null) return null;
    return tableFacts(this.server, this.database, table, `p${unit.transactionId}`);
  }

  async setPublished(what: 'database' | 'table', published: boolean): Promise<void> {
    await this.metadata.run((sql) =>
      what === 'database'
        ? sql`UPDATE qserv.config_database SET is_published = ${published} WHERE database = ${this.database}`
        : sql`UPDATE qserv.config_database_table SET is_published = ${published} WHERE database = ${this.database}`,
    );
  }

  /** Values of a partition, ordered by the first column; null when it is not there. */
  async rows(unit: LoadUnit): Promise<unknown[][] | null> {
    const columns = (unit.table === 'Filter' ? FILTER_COLUMNS : OBJECT_COLUMNS).map(([name]) => quoteId(name));
    const sql = `SELECT ${columns.join(', ')} FROM ${quoteTable(this.database, finalTable(unit))}
      PARTITION (p${unit.transactionId}) ORDER BY 1`;
    try {
      return (await this.server.rows('select', sql)).map((row) => Object.values(row));
    } catch (error) {
      if (isAbsent(error)) return null;
      throw error;
    }
  }

  /** Staging tables of this catalog's super-transactions. */
  async stagingTables(): Promise<string[]> {
    const ids = await this.metadata.run((sql) => sql<{ id: number }[]>`SELECT id FROM qserv.transaction`);
    const all = await listStaging(this.server);
    return all.filter((name) => ids.some(({ id }) => name.startsWith(stagingPrefix(this.database, id))));
  }

  async contributions(transactionId: number): Promise<Record<string, unknown>[]> {
    return this.metadata.run(
      (sql) => sql`SELECT c.*, (SELECT coalesce(json_agg(w ORDER BY pos), '[]') FROM qserv.transaction_contrib_warn w
          WHERE w.contrib_id = c.id) AS warnings
        FROM qserv.transaction_contrib c WHERE transaction_id = ${transactionId} ORDER BY id`,
    );
  }

  async close(): Promise<void> {
    await this.server.run('drop', `DROP DATABASE IF EXISTS ${quoteId(this.database)}`).catch(() => {});
    await this.server.close();
    await this.metadata.close();
  }
}

function finalTable(unit: LoadUnit): string {
  return unit.table === 'Filter' ? 'Filter' : chunkTable(unit.table, unit.chunk, unit.overlap);
}

/** A source in the default dialect. */
export function plainSource(url: string, more: Partial<ContributionSource> = {}): ContributionSource {
  return { url, dialect: DEFAULT_DIALECT, charset: '', ...more };
}
