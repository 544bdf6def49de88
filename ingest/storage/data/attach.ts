import { partitionName, STAGING_SCHEMA, TRANSACTION_COLUMN } from '../../core/names';
import { DDL_BUSY_SECONDS, whileBusy } from './again';
import { MYSQL, mysqlErrno, quoteId, quoteTable, type Statements } from './connection';
import { partitionClause, partitionsClause } from './definition';
import { isCrashed, reopenTable } from './mend';

/**
 * Sees to it that the final table exists and has the super-transaction's partition; a new chunk table gets both in one
 * statement. `definition` of its prototype, see `definitionOf`.
 */
export async function ensurePartition(
  server: Statements,
  database: string,
  table: string,
  transactionId: number,
  definition: string,
  busySeconds = DDL_BUSY_SECONDS,
): Promise<void> {
  const name = quoteTable(database, table);
  const add = () =>
    whileBusy(busySeconds, () =>
      server.run(
        `add a partition to ${database}.${table}`,
        `ALTER TABLE ${name} NOWAIT ADD PARTITION IF NOT EXISTS (${partitionClause(transactionId)})`,
      ),
    );
  try {
    await add();
  } catch (error) {
    // Another super-transaction's partition: its own affair.
    if (isCrashed(error)) {
      await reopenTable(server, database, table);
      return void (await add());
    }
    if (mysqlErrno(error) !== MYSQL.NO_SUCH_TABLE) throw error;
    await server.run(
      `create ${database}.${table}`,
      `CREATE TABLE IF NOT EXISTS ${name} ${definition} ${partitionsClause(transactionId)}`,
    );
    // Somebody else may have created it meanwhile, for another super-transaction.
    await add();
  }
}

/**
 * Swaps the partition for a table of the staging schema that has none, in one step. The statement undoes itself when repeated: the caller has
 * looked that the partition is empty, and nobody else can attach.
 */
export async function exchangePartition(
  server: Statements,
  database: string,
  table: string,
  transactionId: number,
  plain: string,
): Promise<void> {
  const partition = quoteId(partitionName(transactionId));
  await whileBusy(DDL_BUSY_SECONDS, () =>
    server.run(
      `attach to ${database}.${table}`,
      `ALTER TABLE ${quoteTable(database, table)} NOWAIT
       EXCHANGE PARTITION ${partition} WITH TABLE ${quoteTable(STAGING_SCHEMA, plain)}`,
    ),
  );
}

/**
 * Copies a staging table's rows into the partition, which may have some. MyISAM undoes nothing: a copy that is broken off leaves
 * what it has written. Values were made by the same columns' rules, so they are taken as they are, whatever the server's SQL mode.
 */
export async function copyIntoPartition(
  server: Statements,
  database: string,
  table: string,
  transactionId: number,
  staging: string,
  columns: string[],
): Promise<void> {
  const names = [TRANSACTION_COLUMN, ...columns].map(quoteId).join(', ');
  const partition = quoteId(partitionName(transactionId));
  // A metadata lock that is waited for in vain is BUSY before the first row is written.
  await whileBusy(DDL_BUSY_SECONDS, () =>
    server.run(
      `copy into ${database}.${table}`,
      `SET STATEMENT sql_mode = 'NO_AUTO_VALUE_ON_ZERO' FOR
       INSERT INTO ${quoteTable(database, table)} PARTITION (${partition}) (${names})
       SELECT ${names} FROM ${quoteTable(STAGING_SCHEMA, staging)}`,
    ),
  );
}
