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

/** A chunk's rows on one worker. */
export interface ChunkPlace {
  chunk: number;
  worker: string;
  /** To be read rather than others of the same chunk. */
  preferred: boolean;
}

/** Chunks of a table to which a super-transaction has contributions; those that finished are preferred. */
export async function chunkPlaces(sql: Queryable, transactionId: number, table: string): Promise<ChunkPlace[]> {
  return await sql<ChunkPlace[]>`
    SELECT chunk, worker, bool_or(preferred) AS preferred FROM (
      SELECT chunk, worker, status = 'FINISHED' AND NOT is_overlap AS preferred FROM qserv.transaction_contrib
      WHERE transaction_id = ${transactionId} AND "table" = ${table}
      UNION ALL
      SELECT chunk, worker, record IS NOT NULL AND NOT is_overlap FROM qserv.load_unit
      WHERE transaction_id = ${transactionId} AND "table" = ${table}) AS places
    GROUP BY chunk, worker ORDER BY chunk, worker COLLATE "C"`;
}

/** Every replica of every chunk of a database; those on enabled workers are preferred. */
export async function replicaPlaces(sql: Queryable, database: string): Promise<ChunkPlace[]> {
  return await sql<ChunkPlace[]>`
    SELECT r.chunk, r.worker, w.is_enabled AS preferred FROM qserv.replica r JOIN qserv.config_worker w ON w.name = r.worker
    WHERE r.database = ${database} ORDER BY r.chunk, r.worker COLLATE "C"`;
}
