import { TRANSACTION_COLUMN } from '../../ingest/core/names';
import { quoteId, quoteTable, type Statements } from '../../ingest/storage/data/connection';

/** What a table holds, whatever the order of its rows and whichever super-transaction loaded them. */
export interface TableFacts {
  rows: number;
  /** XOR and sum of a hash of each row over all columns but the transaction's: equal bags of rows have equal checksums. */
  checksum: string;
}

/** Reads every row, of the whole table or of one partition; COUNT(*) would believe MyISAM's header. */
export async function tableFacts(
  server: Statements,
  database: string,
  table: string,
  partition?: string,
): Promise<TableFacts> {
  const columns = await server.rows<{ name: string }>(
    'read columns',
    'SELECT COLUMN_NAME AS name FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION',
    [database, table],
  );
  const fields = columns
    .map(({ name }) => name)
    .filter((name) => name !== TRANSACTION_COLUMN)
    .map((name) => `COALESCE(HEX(${quoteId(name)}), 'NULL')`);
  const hash = `CAST(CONV(LEFT(MD5(CONCAT_WS(':', ${fields.join(', ')})), 15), 16, 10) AS UNSIGNED)`;
  const [row] = await server.rows<{ n: string; x: string; s: string }>(
    'checksum',
    `SELECT CAST(COALESCE(SUM(1), 0) AS CHAR) AS n, CAST(BIT_XOR(h) AS CHAR) AS x, CAST(COALESCE(SUM(h), 0) AS CHAR) AS s
     FROM (SELECT ${hash} AS h FROM ${quoteTable(database, table)}${partition ? ` PARTITION (${quoteId(partition)})` : ''}) AS hashes`,
  );
  return { rows: Number(row?.n), checksum: `${row?.x}/${row?.s}` };
}

/** Facts of every table of a database on one server, by name. */
export async function databaseFacts(server: Statements, database: string): Promise<Record<string, TableFacts>> {
  const tables = await server.rows<{ name: string }>(
    'list tables',
    'SELECT TABLE_NAME AS name FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? ORDER BY TABLE_NAME',
    [database],
  );
  const facts: Record<string, TableFacts> = {};
  for (const { name } of tables) facts[name] = await tableFacts(server, database, name);
  return facts;
}
