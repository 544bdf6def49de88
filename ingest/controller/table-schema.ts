import type { ColumnDefinition } from '../core/tables';

/** Columns of tables, read and changed. docs/contract/controller.md §15. */
export interface TableSchemaOperations {
  /**
   * Columns in order, `qserv_trans_id` first. While the database is unpublished as they were registered, word by word; else as the
   * master's table has them, which queries see. UNKNOWN_DATABASE, UNKNOWN_TABLE.
   */
  tableSchema(database: string, table: string): Promise<ColumnDefinition[]>;
  /**
   * Changes a table of a published database (else ILLEGAL_STATE, `details.isPublished` false) by what follows `ALTER TABLE x` in SQL:
   * clauses on columns and harmless options, see core/alteration.ts. INVALID_INPUT for anything else, for columns that Qserv goes by,
   * and for what MariaDB refuses (`details.said` has its words); nothing is changed then. ILLEGAL_STATE when Qserv's query front end
   * does not know the table (`details.missing`: 'database' or 'table').
   *
   * The master's table is changed first, then what the front end knows, then every final table on every worker. Those that failed:
   * TABLES_FAILED (UNAVAILABLE, BUSY, DISK_FULL when only that was in the way) with details.failures = {worker: {final table:
   * {status, error}}}. The change is noted until all have it: the same call again changes those that lack it, and no other change
   * is taken before (ILLEGAL_STATE), but for one that takes it back. After a call that ended well, another one is another change.
   */
  alterTable(database: string, table: string, spec: string): Promise<void>;
}
