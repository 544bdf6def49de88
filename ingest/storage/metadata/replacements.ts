import type { TableDescriptor } from '../../core/tables';
import type { Queryable, Transaction } from './open';
import { deleteTableRecord, tablesOf } from './tables';

/** Records of next versions: tables of a database that will take the place of published ones (`replaces`). */

/** The next version of a published table. `replaces` is there; `replaced` once the other one is out of sight. */
export type NextVersion = TableDescriptor & { replaces: string };

/** Next versions that wait for publish, or whose publish was interrupted (`replaced` is set). By name of their tables. */
export async function nextVersions(sql: Queryable, database: string): Promise<NextVersion[]> {
  const tables = await tablesOf(sql, database);
  const next = tables.filter((table): table is NextVersion => table.replaces !== undefined);
  return next.sort((a, b) => (a.replaces < b.replaces ? -1 : 1));
}

/** PostgreSQL's clock, ms: the processes that begin and end a replacement may run on different machines. */
const now = (sql: Queryable) => sql`(extract(epoch FROM clock_timestamp()) * 1000)::bigint`;

/** From here on there is no way back. All at once, so that a restart finds the same ones. A time that is set already stays. */
export async function markHidden(sql: Queryable, database: string): Promise<void> {
  await sql`
    UPDATE qserv.config_database_table SET hidden_at = ${now(sql)}
    WHERE database = ${database} AND replaces <> '' AND hidden_at = 0`;
}

/** Those that were hidden are in sight again, in their new versions. */
export async function markShown(sql: Queryable, database: string): Promise<void> {
  await sql`
    UPDATE qserv.config_database_table SET shown_at = ${now(sql)}
    WHERE database = ${database} AND replaces <> '' AND hidden_at <> 0 AND shown_at = 0`;
}

/**
 * The next version gets the name and the place of its table, published; contributions and statistics of the old one go, those of the
 * new one follow by foreign keys. `publish_time` stays `shown_at` until the database is published (`markDatabasePublished`).
 */
export async function putInPlace(tx: Transaction, database: string, next: NextVersion): Promise<void> {
  await deleteTableRecord(tx, database, next.replaces);
  await tx`
    UPDATE qserv.config_database_table
    SET "table" = ${next.replaces}, replaces = '', is_published = true, publish_time = shown_at
    WHERE database = ${database} AND "table" = ${next.definition.name}`;
}
