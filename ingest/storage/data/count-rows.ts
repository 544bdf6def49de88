import { quoteTable, type Statements } from './connection';

/** Tables counted by one statement. */
const TABLES_AT_ONCE = 20;

/**
 * Rows of tables by a scan. Not COUNT(*), which reads the number in MyISAM's header, wrong after a crash of the server
 * (docs/design.md §4).
 */
export async function scanRows(server: Statements, database: string, names: string[]): Promise<Map<string, number>> {
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
