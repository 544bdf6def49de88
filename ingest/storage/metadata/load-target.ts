import * as texts from '../../core/contribution-texts';
import { IngestError } from '../../core/errors';
import { TRANSACTION_COLUMN } from '../../core/names';
import type { LoadUnit } from '../../worker/worker';
import type { Queryable } from './open';

/** What a load must know of its table. */
export interface LoadTarget {
  partitioned: boolean;
  /** Column names in file order, without the transaction's. */
  columns: string[];
  /** Partitioned: the chunk is allocated to the worker. Regular tables are everywhere. */
  allocated: boolean;
}

/**
 * The table that a unit goes into. Errors: UNKNOWN_DATABASE, UNKNOWN_TABLE, DATABASE_PUBLISHED, TABLE_PUBLISHED, and
 * ILLEGAL_STATE for a super-transaction of another database.
 */
export async function loadTarget(sql: Queryable, worker: string, unit: LoadUnit): Promise<LoadTarget> {
  const { database, table, chunk, transactionId } = unit;
  const [row] = await sql<
    {
      database_published: boolean;
      table_published: boolean | null;
      being_deleted: boolean;
      is_partitioned: boolean;
      transaction_database: string | null;
      allocated: boolean;
      columns: string[] | null;
    }[]
  >`
    SELECT d.is_published AS database_published, t.is_published AS table_published,
      t.being_deleted, t.is_partitioned,
      (SELECT x.database FROM qserv.transaction x WHERE x.id = ${transactionId}) AS transaction_database,
      EXISTS (SELECT 1 FROM qserv.replica r
        WHERE r.worker = ${worker} AND r.database = d.database AND r.chunk = ${chunk}) AS allocated,
      (SELECT array_agg(s.col_name ORDER BY s.col_position) FROM qserv.config_database_table_schema s
        WHERE s.database = d.database AND s."table" = t."table" AND s.col_name <> ${TRANSACTION_COLUMN}) AS columns
    FROM qserv.config_database d
    LEFT JOIN qserv.config_database_table t ON t.database = d.database AND t."table" = ${table}
    WHERE d.database = ${database}`;
  if (!row) throw new IngestError('UNKNOWN_DATABASE', `no such database '${database}'`, { database });
  if (row.table_published === null) {
    throw new IngestError('UNKNOWN_TABLE', `no such table '${table}' in database '${database}'`, { database, table });
  }
  checkUnpublished(unit, row.database_published, row.table_published);
  checkStays(unit, row.being_deleted);
  if (row.transaction_database !== null && row.transaction_database !== database) {
    throw new IngestError(
      'ILLEGAL_STATE',
      `super-transaction ${transactionId} belongs to database '${row.transaction_database}', not '${database}'`,
      { transactionId },
    );
  }
  return {
    partitioned: row.is_partitioned,
    columns: row.columns ?? [],
    allocated: !row.is_partitioned || row.allocated,
  };
}

/** What is published takes no rows, whatever way they come: DATABASE_PUBLISHED, TABLE_PUBLISHED. */
export function checkUnpublished(
  { database, table }: LoadUnit,
  databasePublished: boolean,
  tablePublished: boolean,
): void {
  if (databasePublished) {
    throw new IngestError('DATABASE_PUBLISHED', `database '${database}' is already published`, { database });
  }
  if (tablePublished) {
    const message = `table '${table}' of database '${database}' is already published`;
    throw new IngestError('TABLE_PUBLISHED', message, { database, table });
  }
}

/** A table whose deletion was begun takes none either: ILLEGAL_STATE. */
export function checkStays({ database, table }: LoadUnit, beingDeleted: boolean): void {
  if (beingDeleted) throw new IngestError('ILLEGAL_STATE', texts.beingDeleted(database, table), { database, table });
}
