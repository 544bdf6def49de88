import { partitionName, stagingPrefix } from '../../core/names';
import { DDL_BUSY_SECONDS, whileBusy } from './again';
import { type DataServer, MYSQL, mysqlErrno, quoteId, quoteTable, type Statements } from './connection';
import { dropStaging, listStaging } from './staging';
import { killLockHolders } from './user-locks';

/** Partitions of a table; [] when it has none, undefined when there is no such table. */
export async function partitionNames(server: Statements, schema: string, table: string): Promise<string[] | undefined> {
  const rows = await server.rows<{ name: string | null }>(
    `read partitions of ${schema}.${table}`,
    'SELECT PARTITION_NAME AS name FROM information_schema.PARTITIONS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?',
    [schema, table],
  );
  if (rows.length === 0) return undefined;
  return rows.flatMap((row) => (row.name === null ? [] : [row.name]));
}

/** Drops a super-transaction's partition. A table that is missing or has no partitions is success: no row of it is there. */
export async function dropPartition(
  server: Statements,
  database: string,
  table: string,
  transactionId: number,
): Promise<void> {
  const sql = `ALTER TABLE ${quoteTable(database, table)} NOWAIT DROP PARTITION IF EXISTS ${quoteId(partitionName(transactionId))}`;
  try {
    await whileBusy(DDL_BUSY_SECONDS, () => server.run(`drop a partition of ${database}.${table}`, sql));
  } catch (error) {
    const errno = mysqlErrno(error);
    if (errno !== MYSQL.NO_SUCH_TABLE && errno !== MYSQL.NO_SUCH_DATABASE && errno !== MYSQL.NOT_PARTITIONED)
      throw error;
  }
}

/**
 * Drops the staging tables of all attempts of a super-transaction. Attempts still at work lose their connections first (they
 * hold a lock of the table's name), or the drop would wait for their LOAD.
 */
export async function dropStagingTables(server: DataServer, database: string, transactionId: number): Promise<void> {
  const prefix = stagingPrefix(database, transactionId);
  const names = (await listStaging(server)).filter((name) => name.startsWith(prefix));
  await killLockHolders(server, names);
  for (const name of names) await dropStaging(server, [name]);
}
