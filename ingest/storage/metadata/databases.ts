import type { DatabaseDescriptor, FamilyDescriptor } from '../../controller/controller';
import type { Queryable, Transaction } from './open';
import { tablesOf } from './tables';

interface FamilyRow {
  name: string;
  min_replication_level: number;
  num_stripes: number;
  num_sub_stripes: number;
  overlap: number;
}

const family = (row: FamilyRow): FamilyDescriptor => ({
  name: row.name,
  replicationLevel: row.min_replication_level,
  numStripes: row.num_stripes,
  numSubStripes: row.num_sub_stripes,
  overlap: row.overlap,
});

export async function findFamily(sql: Queryable, name: string): Promise<FamilyDescriptor | undefined> {
  const [row] = await sql<FamilyRow[]>`SELECT * FROM qserv.config_database_family WHERE name = ${name}`;
  return row && family(row);
}

/** By name. */
export async function allFamilies(sql: Queryable): Promise<FamilyDescriptor[]> {
  const rows = await sql<FamilyRow[]>`SELECT * FROM qserv.config_database_family ORDER BY name COLLATE "C"`;
  return rows.map(family);
}

/** With everything recorded for its databases. */
export async function deleteFamilyRecord(sql: Queryable, name: string): Promise<void> {
  await sql`DELETE FROM qserv.config_database_family WHERE name = ${name}`;
}

/** The family of a partitioning; overlap does not matter, the alphabetically last wins (docs/contract/controller.md §4.1). */
export async function familyOfGeometry(
  sql: Queryable,
  numStripes: number,
  numSubStripes: number,
): Promise<FamilyDescriptor | undefined> {
  const [row] = await sql<FamilyRow[]>`
    SELECT * FROM qserv.config_database_family
    WHERE num_stripes = ${numStripes} AND num_sub_stripes = ${numSubStripes} ORDER BY name COLLATE "C" DESC LIMIT 1`;
  return row && family(row);
}

export async function insertFamily(sql: Queryable, f: FamilyDescriptor): Promise<void> {
  await sql`
    INSERT INTO qserv.config_database_family (name, min_replication_level, num_stripes, num_sub_stripes, overlap)
    VALUES (${f.name}, ${f.replicationLevel}, ${f.numStripes}, ${f.numSubStripes}, ${f.overlap})
    ON CONFLICT DO NOTHING`;
}

/** A database without its tables. */
export interface DatabaseRecord {
  name: string;
  family: string;
  isPublished: boolean;
  createTime: number;
  publishTime: number;
  autoBuildDirectorIndex: boolean;
}

interface DatabaseRow {
  database: string;
  family_name: string;
  is_published: boolean;
  create_time: number;
  publish_time: number;
  auto_build: string | null;
}

const record = (row: DatabaseRow): DatabaseRecord => ({
  name: row.database,
  family: row.family_name,
  isPublished: row.is_published,
  createTime: row.create_time,
  publishTime: row.publish_time,
  autoBuildDirectorIndex: row.auto_build === '1',
});

const selectDatabase = (sql: Queryable) => sql`
  SELECT d.*, i.value AS auto_build FROM qserv.config_database d
  LEFT JOIN qserv.database_ingest i
    ON i.database = d.database AND i.category = 'secondary-index' AND i.param = 'auto-build'`;

export async function findDatabase(sql: Queryable, name: string): Promise<DatabaseRecord | undefined> {
  const [row] = await sql<DatabaseRow[]>`${selectDatabase(sql)} WHERE d.database = ${name}`;
  return row && record(row);
}

/** The database whose name differs from this one in case only, if any. */
export async function findCaseless(sql: Queryable, name: string): Promise<string | undefined> {
  const [row] = await sql<{ database: string }[]>`
    SELECT database FROM qserv.config_database WHERE lower(database) = lower(${name}) AND database <> ${name}`;
  return row?.database;
}

export async function allDatabases(sql: Queryable): Promise<DatabaseRecord[]> {
  const rows = await sql<DatabaseRow[]>`${selectDatabase(sql)} ORDER BY d.database COLLATE "C"`;
  return rows.map(record);
}

export async function describeDatabase(sql: Queryable, database: DatabaseRecord): Promise<DatabaseDescriptor> {
  const { name, family: of, isPublished, createTime, publishTime } = database;
  return { name, family: of, isPublished, createTime, publishTime, tables: await tablesOf(sql, name) };
}

export async function insertDatabase(
  sql: Queryable,
  database: { name: string; family: string; autoBuildDirectorIndex: boolean },
): Promise<void> {
  await sql`
    INSERT INTO qserv.config_database (database, family_name, create_time)
    VALUES (${database.name}, ${database.family}, ${Date.now()})`;
  await sql`
    INSERT INTO qserv.database_ingest (database, category, param, value)
    VALUES (${database.name}, 'secondary-index', 'auto-build', ${database.autoBuildDirectorIndex ? '1' : '0'})`;
}

/**
 * The database's flag, and publish time with it. Tables that took another version's place since it was published before get the
 * same time: by this they are told from those of earlier times (`replacedTables`).
 */
export async function markDatabasePublished(tx: Transaction, name: string): Promise<void> {
  const now = Date.now();
  await tx`
    UPDATE qserv.config_database_table SET publish_time = ${now}
    WHERE database = ${name} AND shown_at <> 0 AND publish_time = shown_at`;
  await tx`UPDATE qserv.config_database SET is_published = true, publish_time = ${now} WHERE database = ${name}`;
}

/** The database's flag; tables keep theirs, and the publish time stays. */
export async function markDatabaseUnpublished(sql: Queryable, name: string): Promise<void> {
  await sql`UPDATE qserv.config_database SET is_published = false WHERE database = ${name}`;
}

/** Names of the databases of a family, published ones first. */
export async function databasesOfFamily(sql: Queryable, family: string): Promise<string[]> {
  const rows = await sql<{ database: string }[]>`
    SELECT database FROM qserv.config_database WHERE family_name = ${family}
    ORDER BY is_published DESC, database COLLATE "C"`;
  return rows.map((row) => row.database);
}

/** With everything recorded for it: tables, chunks, transactions, contributions. */
export async function deleteDatabaseRecord(sql: Queryable, name: string): Promise<void> {
  await sql`DELETE FROM qserv.config_database WHERE database = ${name}`;
}
