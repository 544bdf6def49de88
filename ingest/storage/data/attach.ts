import { partitionName, STAGING_SCHEMA } from '../../core/names';
import { DDL_BUSY_SECONDS, whileBusy } from './again';
import { MYSQL, mysqlErrno, quoteId, quoteTable, type Statements } from './connection';
import { partitionClause, partitionsClause } from './definition';

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
): Promise<void> {
  const name = quoteTable(database, table);
  const add = () =>
    whileBusy(DDL_BUSY_SECONDS, () =>
      server.run(
        `add a partition to ${database}.${table}`,
        `ALTER TABLE ${name} NOWAIT ADD PARTITION IF NOT EXISTS (${partitionClause(transactionId)})`,
      ),
    );
  try {
    await add();
  } catch (error) {
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
