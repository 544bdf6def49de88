import { partitionName } from '../../core/names';
import { MYSQL, mysqlErrno, quoteId, quoteTable, type Statements } from './connection';

/**
 * Rows of a table, or of the partition of one super-transaction, by a real scan: `COUNT(*)` reads MyISAM's header, which lies
 * after a crash of the server. Null when there is no such table or partition.
 */
export async function scanRows(
  server: Statements,
  database: string,
  table: string,
  transactionId?: number,
): Promise<number | null> {
  const partition = transactionId === undefined ? '' : ` PARTITION (${quoteId(partitionName(transactionId))})`;
  try {
    const [row] = await server.rows(
      `count the rows of ${database}.${table}`,
      `SELECT SUM(1) AS n FROM ${quoteTable(database, table)}${partition}`,
    );
    return Number(row?.n ?? 0);
  } catch (error) {
    if (isAbsent(error)) return null;
    throw error;
  }
}

/** Whether the partition holds a row; false when there is no such table or partition. */
export async function hasRows(
  server: Statements,
  database: string,
  table: string,
  transactionId: number,
): Promise<boolean> {
  try {
    const rows = await server.rows(
      `look into ${database}.${table}`,
      `SELECT 1 FROM ${quoteTable(database, table)} PARTITION (${quoteId(partitionName(transactionId))}) LIMIT 1`,
    );
    return rows.length > 0;
  } catch (error) {
    if (isAbsent(error)) return false;
    throw error;
  }
}

/** True when a statement failed because its database, table or partition is not there. */
export function isAbsent(error: unknown): boolean {
  const errno = mysqlErrno(error);
  return errno === MYSQL.NO_SUCH_TABLE || errno === MYSQL.NO_SUCH_PARTITION || errno === MYSQL.NO_SUCH_DATABASE;
}

/** Tables counted by one statement. */
const TABLES_AT_ONCE = 20;

/** Rows of many tables, counted as `scanRows` does. All must exist. */
export async function scanTables(server: Statements, database: string, names: string[]): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (let i = 0; i < names.length; i += TABLES_AT_ONCE) {
    const some = names.slice(i, i + TABLES_AT_ONCE);
    const sql = some
      .map((name) => `SELECT ? AS name, COALESCE(SUM(1), 0) AS total FROM ${quoteTable(database, name)}`)
      .join(' UNION ALL ');
    for (const row of await server.rows<{ name: string; total: string | number }>(
      `count rows of ${database}`,
      sql,
      some,
    )) {
      counts.set(row.name, Number(row.total));
    }
  }
  return counts;
}
