import { IngestError } from '../../core/errors';
import { TRANSACTION_COLUMN } from '../../core/names';
import type { TransactionState } from '../../core/transactions';
import type { LoadUnit } from '../../worker/worker';
import type { Queryable, Transaction } from './open';

/** A column of a table as its rows come. */
export interface FileColumn {
  name: string;
  type: string;
}

/** What decides whether a contribution may be taken. */
export interface ContributionContext {
  database: string;
  state: TransactionState;
  databasePublished: boolean;
  tablePublished: boolean;
  tableBeingDeleted: boolean;
  partitioned: boolean;
  /** In file order, without the super-transaction's. */
  columns: FileColumn[];
}

/**
 * What a contribution's super-transaction and table are now; the state stays as it is until this transaction ends.
 * UNKNOWN_TRANSACTION, UNKNOWN_TABLE.
 */
export async function contributionContext(
  tx: Transaction,
  transactionId: number,
  table: string,
): Promise<ContributionContext> {
  const [row] = await tx<
    {
      database: string;
      state: TransactionState;
      database_published: boolean;
      table_published: boolean | null;
      being_deleted: boolean;
      is_partitioned: boolean;
      columns: FileColumn[] | null;
    }[]
  >`
    SELECT x.database, x.state, d.is_published AS database_published, t.is_published AS table_published,
      t.being_deleted, t.is_partitioned,
      (SELECT json_agg(json_build_object('name', s.col_name, 'type', s.col_type) ORDER BY s.col_position)
        FROM qserv.config_database_table_schema s
        WHERE s.database = x.database AND s."table" = t."table" AND s.col_name <> ${TRANSACTION_COLUMN}) AS columns
    FROM qserv.transaction x JOIN qserv.config_database d ON d.database = x.database
    LEFT JOIN qserv.config_database_table t ON t.database = x.database AND t."table" = ${table}
    WHERE x.id = ${transactionId}::bigint FOR SHARE OF x`;
  if (!row) {
    throw new IngestError('UNKNOWN_TRANSACTION', `no such super-transaction ${transactionId}`, { id: transactionId });
  }
  const { database, state, table_published } = row;
  if (table_published === null) {
    throw new IngestError('UNKNOWN_TABLE', `no such table '${table}' in database '${database}'`, { database, table });
  }
  return {
    database,
    state,
    databasePublished: row.database_published,
    tablePublished: table_published,
    tableBeingDeleted: row.being_deleted,
    partitioned: row.is_partitioned,
    columns: row.columns ?? [],
  };
}

/** Whether the chunk is allocated to the worker. */
export async function isAllocated(sql: Queryable, worker: string, database: string, chunk: number): Promise<boolean> {
  const rows = await sql`
    SELECT 1 FROM qserv.replica WHERE worker = ${worker} AND database = ${database} AND chunk = ${chunk}::bigint`;
  return rows.length > 0;
}

/**
 * A partition is filled either by a campaign's load unit or by contributions that come one by one: each of them knows what the
 * partition held before, and undoes what it must, for its own rows alone. Claims of one partition come one after the other.
 */
export async function claimForContributions(tx: Transaction, worker: string, place: LoadUnit): Promise<void> {
  await lockPlace(tx, worker, place);
  const rows = await tx`
    SELECT 1 FROM qserv.load_unit
    WHERE transaction_id = ${place.transactionId} AND worker = ${worker} AND "table" = ${place.table}
      AND chunk = ${place.chunk} AND is_overlap = ${place.overlap}`;
  if (rows.length === 0) return;
  throw new IngestError(
    'ILLEGAL_STATE',
    `a campaign loads this part of table '${place.table}' in super-transaction ${place.transactionId}: use another one`,
    { place },
  );
}

/** ILLEGAL_STATE when contributions that came one by one are in the partition, or are about to be. */
export async function claimForUnit(tx: Transaction, worker: string, place: LoadUnit): Promise<void> {
  await lockPlace(tx, worker, place);
  const rows = await tx<{ contrib_id: number }[]>`
    SELECT contrib_id FROM qserv.contribution_request
    WHERE transaction_id = ${place.transactionId} AND worker = ${worker} AND "table" = ${place.table}
      AND chunk = ${place.chunk} AND is_overlap = ${place.overlap}
      AND (phase <> 'over' OR attached IS NOT NULL OR rows_left) LIMIT 1`;
  const [found] = rows;
  if (!found) return;
  throw new IngestError(
    'ILLEGAL_STATE',
    `contribution ${found.contrib_id} was sent into this part of table '${place.table}' in super-transaction ${place.transactionId}: a load unit needs it for itself`,
    { place, contribution: found.contrib_id },
  );
}

async function lockPlace(tx: Transaction, worker: string, place: LoadUnit): Promise<void> {
  const name = JSON.stringify(['place', worker, place.transactionId, place.table, place.chunk, place.overlap]);
  await tx`SELECT pg_advisory_xact_lock(hashtextextended(${name}, 0))`;
}
