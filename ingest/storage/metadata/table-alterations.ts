import type { PendingAlteration } from '../../core/pending-alteration';
import type { ColumnDefinition } from '../../core/tables';
import type { Queryable, Transaction } from './open';
import { insertColumns } from './tables';

/** The change that not all final tables of the table have yet, if any. */
export async function findAlteration(
  sql: Queryable,
  database: string,
  table: string,
): Promise<PendingAlteration | undefined> {
  const [row] = await sql<PendingAlteration[]>`
    SELECT spec, before, after, columns, undoes, mixed FROM qserv.table_alteration
    WHERE database = ${database} AND "table" = ${table}`;
  return row;
}

/** Notes a change before anything of it is done, in the place of the one that is noted. */
export async function noteAlteration(
  sql: Queryable,
  database: string,
  table: string,
  { spec, before, after, columns, undoes, mixed }: PendingAlteration,
): Promise<void> {
  const json = (value: object) => sql.json(value as never);
  await sql`
    INSERT INTO qserv.table_alteration (database, "table", spec, before, after, columns, undoes, mixed)
    VALUES (${database}, ${table}, ${spec}, ${json(before)}, ${json(after)}, ${json(columns)}, ${undoes}, ${mixed})
    ON CONFLICT (database, "table") DO UPDATE
      SET spec = excluded.spec, before = excluded.before, after = excluded.after, columns = excluded.columns,
          undoes = excluded.undoes, mixed = excluded.mixed`;
}

/** All final tables have the change: the record of the table gets its columns, and the note goes. */
export async function recordAlteration(
  tx: Transaction,
  database: string,
  table: string,
  columns: ColumnDefinition[],
): Promise<void> {
  await tx`DELETE FROM qserv.config_database_table_schema WHERE database = ${database} AND "table" = ${table}`;
  await insertColumns(tx, database, table, columns);
  await tx`DELETE FROM qserv.table_alteration WHERE database = ${database} AND "table" = ${table}`;
}
