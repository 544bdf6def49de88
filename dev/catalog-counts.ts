import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise';
import { DUMMY_CHUNK, parseFinalTable } from '../ingest/core/names';
import { quoteTable } from '../ingest/storage/data/identifiers';
import type { MySqlAccount } from './mariadb';

export interface CatalogTable {
  name: string;
  isPartitioned: boolean;
}

export type TableCounts = { rows: number; overlap: number } | { rows: number; workers: number };

export interface CatalogCounts {
  /** Every worker's Qserv serves the database, and no table waits for its super-transactions any more. */
  published: boolean;
  tables: Record<string, TableCounts>;
}

/** Counts a catalog's rows by reading them, in the workers' MariaDB servers, past everything that this service has recorded. */
export async function countCatalog(
  workers: readonly MySqlAccount[],
  database: string,
  tables: readonly CatalogTable[],
): Promise<CatalogCounts> {
  const connections: Connection[] = [];
  try {
    for (const worker of workers) connections.push(await createConnection(worker));
    const served = await Promise.all(connections.map((connection) => isServed(connection, database)));
    const counts: Record<string, TableCounts> = {};
    for (const { name, isPartitioned } of tables) {
      counts[name] = isPartitioned
        ? await countChunks(connections, database, name)
        : await countCopies(connections, database, name);
    }
    return { published: served.every(Boolean), tables: counts };
  } finally {
    for (const connection of connections) connection.destroy();
  }
}

async function isServed(connection: Connection, database: string): Promise<boolean> {
  const [row] = await select(
    connection,
    `SELECT
       (SELECT COUNT(*) FROM qservw_worker.Dbs WHERE db = ?) AS served,
       (SELECT COUNT(*) FROM information_schema.partitions WHERE table_schema = ? AND partition_name IS NOT NULL) AS parts`,
    [database, database],
  );
  return Number(row?.served) === 1 && Number(row?.parts) === 0;
}

/** Rows of the chunk tables and of the overlap tables, over all workers. */
async function countChunks(connections: Connection[], database: string, table: string) {
  const counts = { rows: 0, overlap: 0 };
  for (const connection of connections) {
    for (const name of await tableNames(connection, database)) {
      const parsed = parseFinalTable(name);
      if (parsed.table !== table || parsed.chunk === undefined || parsed.chunk === DUMMY_CHUNK) continue;
      counts[parsed.overlap ? 'overlap' : 'rows'] += await countRows(connection, database, name);
    }
  }
  return counts;
}

/** Rows of a table that every worker holds in full, and how many workers do; copies that differ are an error. */
async function countCopies(connections: Connection[], database: string, table: string) {
  const copies: number[] = [];
  for (const connection of connections) {
    if ((await tableNames(connection, database)).includes(table)) {
      copies.push(await countRows(connection, database, table));
    }
  }
  const [rows = 0] = copies;
  if (copies.some((copy) => copy !== rows)) {
    throw new Error(`the workers hold different copies of ${table}: ${copies.join(', ')} rows`);
  }
  return { rows, workers: copies.length };
}

async function tableNames(connection: Connection, database: string): Promise<string[]> {
  const sql = 'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = ?';
  return (await select(connection, sql, [database])).map(({ name }) => String(name));
}

/** COUNT(*) would read MyISAM's header, docs/design.md §4. */
async function countRows(connection: Connection, database: string, table: string): Promise<number> {
  const [row] = await select(connection, `SELECT SUM(1) AS n FROM ${quoteTable(database, table)}`);
  return Number(row?.n ?? 0);
}

async function select(connection: Connection, sql: string, values: unknown[] = []): Promise<RowDataPacket[]> {
  const [rows] = await connection.query<RowDataPacket[]>(sql, values);
  return rows;
}
