import type { Queryable } from './open';

/** Where a super-transaction put, or may have put, rows. */
export interface TouchedPlace {
  worker: string;
  table: string;
  /** 0 for regular tables. */
  chunk: number;
}

/** Places with a contribution of any status or a load unit. */
export async function touchedPlaces(sql: Queryable, transactionId: number): Promise<TouchedPlace[]> {
  return await sql<TouchedPlace[]>`
    SELECT worker, "table", chunk FROM qserv.transaction_contrib WHERE transaction_id = ${transactionId}
    UNION
    SELECT worker, "table", chunk FROM qserv.load_unit WHERE transaction_id = ${transactionId}
    ORDER BY worker, "table", chunk`;
}
