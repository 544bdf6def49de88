import { TRANSACTION_COLUMN, TRANSACTION_COLUMN_TYPE } from '../../core/names';
import type { ColumnDefinition, TableDefinition, TableDescriptor } from '../../core/tables';
import { kindOf, normalDefinition } from '../../core/tables';
import type { Queryable, Transaction } from './open';

interface TableRow {
  table: string;
  is_partitioned: boolean;
  director_table: string;
  director_key: string;
  director_table2: string;
  director_key2: string;
  flag: string;
  ang_sep: number;
  unique_primary_key: boolean;
  charset_name: string;
  collation_name: string;
  latitude_key: string;
  longitude_key: string;
  is_published: boolean;
  create_time: number;
  publish_time: number;
  replaces: string;
  hidden_at: number;
  shown_at: number;
  being_deleted: boolean;
  /** In order, the transaction column first. */
  columns: { name: string; type: string }[];
}

function definition(row: TableRow): TableDefinition {
  const common = {
    name: row.table,
    schema: row.columns.slice(1),
    charset: row.charset_name,
    collation: row.collation_name,
  };
  const { director_key: directorKey, latitude_key: latitudeKey, longitude_key: longitudeKey } = row;
  if (!row.is_partitioned) return { ...common, kind: 'regular' };
  if (row.director_table2 !== '') {
    return {
      ...common,
      kind: 'refMatch',
      director: row.director_table,
      directorKey,
      director2: row.director_table2,
      directorKey2: row.director_key2,
      flag: row.flag,
      angSep: row.ang_sep,
    };
  }
  if (row.director_table !== '') {
    return { ...common, kind: 'dependent', director: row.director_table, directorKey, latitudeKey, longitudeKey };
  }
  const uniquePrimaryKey = row.unique_primary_key;
  return { ...common, kind: 'director', directorKey, latitudeKey, longitudeKey, uniquePrimaryKey };
}

const descriptor = (row: TableRow): TableDescriptor => ({
  definition: definition(row),
  columns: row.columns,
  isPublished: row.is_published,
  createTime: row.create_time,
  publishTime: row.publish_time,
  ...(row.replaces === '' ? {} : { replaces: row.replaces }),
  ...(row.hidden_at === 0 ? {} : { replaced: { hidden: row.hidden_at, shown: row.shown_at } }),
  ...(row.being_deleted ? { beingDeleted: true } : {}),
});

const selectTables = (sql: Queryable) => sql`
  SELECT t.*, (SELECT coalesce(json_agg(json_build_object('name', s.col_name, 'type', s.col_type) ORDER BY s.col_position), '[]')
               FROM qserv.config_database_table_schema s
               WHERE s.database = t.database AND s."table" = t."table") AS columns
  FROM qserv.config_database_table t`;

/** Tables of a database, by name. */
export async function tablesOf(sql: Queryable, database: string): Promise<TableDescriptor[]> {
  const rows = await sql<TableRow[]>`
    ${selectTables(sql)} WHERE t.database = ${database} ORDER BY t."table" COLLATE "C"`;
  return rows.map(descriptor);
}

export async function findTable(sql: Queryable, database: string, table: string): Promise<TableDescriptor | undefined> {
  const [row] = await sql<TableRow[]>`${selectTables(sql)} WHERE t.database = ${database} AND t."table" = ${table}`;
  return row && descriptor(row);
}

/** Records a table and its columns, the transaction column first. `replaces`: the published table whose next version it is. */
export async function insertTable(
  tx: Transaction,
  database: string,
  given: TableDefinition,
  replaces = '',
): Promise<void> {
  const d = normalDefinition(given);
  const refers = d.kind === 'dependent' || d.kind === 'refMatch';
  const second = d.kind === 'refMatch' ? d : undefined;
  const placed = d.kind === 'director' || d.kind === 'dependent' ? d : undefined;
  await tx`
    INSERT INTO qserv.config_database_table ${tx({
      database,
      table: d.name,
      is_partitioned: kindOf(d).partitioned,
      director_table: refers ? d.director : '',
      director_key: d.kind === 'regular' ? '' : d.directorKey,
      director_table2: second?.director2 ?? '',
      director_key2: second?.directorKey2 ?? '',
      flag: second?.flag ?? '',
      ang_sep: second?.angSep ?? 0,
      unique_primary_key: d.kind === 'director' ? (d.uniquePrimaryKey ?? true) : true,
      charset_name: d.charset ?? '',
      collation_name: d.collation ?? '',
      latitude_key: placed?.latitudeKey ?? '',
      longitude_key: placed?.longitudeKey ?? '',
      create_time: Date.now(),
      replaces,
    })}`;
  await insertColumns(tx, database, d.name, [{ name: TRANSACTION_COLUMN, type: TRANSACTION_COLUMN_TYPE }, ...d.schema]);
}

/** Records the columns of a table that has none, in order. */
export async function insertColumns(
  tx: Transaction,
  database: string,
  table: string,
  columns: ColumnDefinition[],
): Promise<void> {
  await tx`
    INSERT INTO qserv.config_database_table_schema (database, "table", col_position, col_name, col_type)
    SELECT ${database}, ${table}, n - 1, name, type
    FROM unnest(${columns.map((c) => c.name)}::text[], ${columns.map((c) => c.type)}::text[]) WITH ORDINALITY AS c (name, type, n)`;
}

export async function markTablePublished(sql: Queryable, database: string, table: string): Promise<void> {
  await sql`
    UPDATE qserv.config_database_table SET is_published = true, publish_time = ${Date.now()}
    WHERE database = ${database} AND "table" = ${table}`;
}

/** From here on it takes no rows: whoever attaches some asks for this where `revokeTable` and its like would come too late. */
export async function markBeingDeleted(tx: Transaction, database: string, table: string): Promise<void> {
  await tx`
    UPDATE qserv.config_database_table SET being_deleted = true WHERE database = ${database} AND "table" = ${table}`;
}

/** With its contributions and statistics. */
export async function deleteTableRecord(sql: Queryable, database: string, table: string): Promise<void> {
  await sql`DELETE FROM qserv.config_database_table WHERE database = ${database} AND "table" = ${table}`;
}
