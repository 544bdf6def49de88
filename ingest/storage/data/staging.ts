import { STAGING_SCHEMA } from '../../core/names';
import { whileBusy } from './again';
import { exchangePartition } from './attach';
import { mysqlErrno, quoteId, quoteTable, type Statements } from './connection';
import { partitionsClause } from './definition';

/**
 * Creates the table that an attempt loads into, by a definition of `definitionOf`; the staging schema too if it is missing.
 * It has the super-transaction's partition: LOAD DATA LOCAL ends the write cache of a MyISAM table without partitions before the
 * first row (it readies a look-up of duplicates), and then writes each row by a system call, a tenth of the load's time.
 */
export async function createStaging(
  server: Statements,
  staging: string,
  definition: string,
  transactionId: number,
): Promise<void> {
  const create = () =>
    server.run(
      `create staging table ${staging}`,
      `CREATE TABLE ${quoteTable(STAGING_SCHEMA, staging)} ${definition} ${partitionsClause(transactionId)}`,
    );
  try {
    await create();
  } catch (error) {
    // A missing schema shows in several ways, by what of the partitioned table is made first.
    if (mysqlErrno(error) === undefined) throw error;
    await server.run('create the staging schema', `CREATE DATABASE IF NOT EXISTS ${quoteId(STAGING_SCHEMA)}`);
    await create();
  }
}

/**
 * Takes the rows out of a staging table's partition into a new table without partitions, as EXCHANGE PARTITION wants its partner.
 * Costs nothing: what comes into the partition, and is checked row by row, is empty.
 */
export async function unwrapStaging(
  server: Statements,
  staging: string,
  plain: string,
  definition: string,
  transactionId: number,
): Promise<void> {
  await server.run(`create ${plain}`, `CREATE TABLE ${quoteTable(STAGING_SCHEMA, plain)} ${definition}`);
  await exchangePartition(server, STAGING_SCHEMA, staging, transactionId, plain);
}

/** Drops staging tables; one that is not there is success. BUSY when a statement on one does not end within `seconds`. */
export async function dropStaging(server: Statements, names: string[], seconds = 10): Promise<void> {
  const tables = names.map((name) => quoteTable(STAGING_SCHEMA, name)).join(', ');
  await whileBusy(seconds, () => server.run('drop staging tables', `DROP TABLE IF EXISTS ${tables} NOWAIT`));
}

/** Names of all staging tables on the server. */
export async function listStaging(server: Statements): Promise<string[]> {
  const rows = await server.rows(
    'list the staging tables',
    'SELECT TABLE_NAME AS name FROM information_schema.TABLES WHERE TABLE_SCHEMA = ?',
    [STAGING_SCHEMA],
  );
  return rows.map((row) => String(row.name));
}
