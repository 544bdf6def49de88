import { partitionName, STAGING_SCHEMA, stagingPrefix } from '../../core/names';
import { MYSQL, mysqlErrno, quoteId, quoteTable, type Statements } from './connection';
import { dropTables, tableNames } from './drop-tables';

/** Drops a super-transaction's partition. A table that is missing or has no partitions is success: no row of it is there. */
export async function dropPartition(
  server: Statements,
  database: string,
  table: string,
  transactionId: number,
): Promise<void> {
  const sql = `ALTER TABLE ${quoteTable(database, table)} DROP PARTITION IF EXISTS ${quoteId(partitionName(transactionId))}`;
  try {
    await server.run(`drop a partition of ${database}.${table}`, sql);
  } catch (error) {
    const errno = mysqlErrno(error);
    if (errno !== MYSQL.NO_SUCH_TABLE && errno !== MYSQL.NOT_PARTITIONED) throw error;
  }
}

/** Drops the staging tables of all attempts of a super-transaction. */
export async function dropStagingTables(server: Statements, transactionId: number): Promise<void> {
  const prefix = stagingPrefix(transactionId);
  const names = (await tableNames(server, STAGING_SCHEMA)).filter((name) => name.startsWith(prefix));
  await dropTables(server, STAGING_SCHEMA, names);
}
