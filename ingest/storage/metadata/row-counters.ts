import { isSelected, type OverlapSelector, type RowCounter } from '../../core/row-counters';
import type { Queryable, Transaction } from './open';

/** Counters of a table as they were stored, by chunk, sort and super-transaction. */
export async function storedCounters(sql: Queryable, database: string, table: string): Promise<RowCounter[]> {
  return await sql<RowCounter[]>`
    SELECT coalesce(transaction_id, 0) AS "transactionId", chunk, is_overlap AS overlap, num_rows AS rows,
           update_time AS "updateTime"
    FROM qserv.stats_table_rows WHERE database = ${database} AND "table" = ${table}
    ORDER BY chunk, is_overlap, transaction_id NULLS FIRST`;
}

/**
 * True when rows may have come or gone since then: a super-transaction that has, or may have, rows in the table is open, or ended
 * later.
 */
export async function changedSince(sql: Queryable, database: string, table: string, time: number): Promise<boolean> {
  const rows = await sql`
    SELECT 1 FROM qserv.transaction t
    WHERE t.database = ${database} AND (t.state NOT IN ('FINISHED', 'ABORTED') OR t.end_time >= ${time})
      AND (EXISTS (SELECT 1 FROM qserv.transaction_contrib c WHERE c.transaction_id = t.id AND c."table" = ${table})
        OR EXISTS (SELECT 1 FROM qserv.load_unit u WHERE u.transaction_id = t.id AND u."table" = ${table}))
    LIMIT 1`;
  return rows.length > 0;
}

/** Rows sent with one statement. */
const AT_ONCE = 10_000;

/**
 * Puts counters in the place of the stored ones of the selected sorts. Those of `kept` places (`chunk` + `overlap`) stay as they are.
 * Rows of super-transactions that the records do not know are counted under none.
 */
export async function storeCounters(
  tx: Transaction,
  database: string,
  table: string,
  selector: OverlapSelector,
  counters: RowCounter[],
  kept: { chunk: number; overlap: boolean }[],
): Promise<void> {
  await deleteCounters(tx, database, table, selector, kept);
  for (let i = 0; i < counters.length; i += AT_ONCE) {
    const some = counters.slice(i, i + AT_ONCE);
    await tx`
      INSERT INTO qserv.stats_table_rows (database, "table", transaction_id, chunk, is_overlap, num_rows, update_time)
      SELECT ${database}, ${table}, t.id, c.chunk, c.overlap = 1, sum(c.rows), max(c.time)
      FROM unnest(${some.map((c) => c.transactionId)}::bigint[], ${some.map((c) => c.chunk)}::bigint[],
                  ${some.map((c) => Number(c.overlap))}::integer[], ${some.map((c) => c.rows)}::bigint[],
                  ${some.map((c) => c.updateTime)}::bigint[]) AS c (id, chunk, overlap, rows, time)
        LEFT JOIN qserv.transaction t ON t.id = c.id AND t.database = ${database}
      GROUP BY t.id, c.chunk, c.overlap
      ON CONFLICT (database, "table", transaction_id, chunk, is_overlap)
        DO UPDATE SET num_rows = qserv.stats_table_rows.num_rows + excluded.num_rows`;
  }
}

/** Forgets the counters of the selected sorts, except those of `kept` places. */
export async function deleteCounters(
  sql: Queryable,
  database: string,
  table: string,
  selector: OverlapSelector,
  kept: { chunk: number; overlap: boolean }[] = [],
): Promise<void> {
  const sorts = [false, true].filter((overlap) => isSelected(selector, overlap)).map(Number);
  await sql`
    DELETE FROM qserv.stats_table_rows
    WHERE database = ${database} AND "table" = ${table} AND is_overlap::integer = ANY (${sorts}::integer[])
      AND (chunk, is_overlap::integer) NOT IN (
        SELECT * FROM unnest(${kept.map((k) => k.chunk)}::bigint[], ${kept.map((k) => Number(k.overlap))}::integer[]) AS k)`;
}
