import { IngestError } from '../../core/errors';
import { partitionName, TRANSACTION_COLUMN } from '../../core/names';
import { MYSQL, mysqlErrno, quoteId, quoteTable, type Statements } from './connection';

/**
 * The part of a table's definition that a staging table and a chunk table share with their prototype: columns and options,
 * without partitions. Read from the server, so that EXCHANGE PARTITION finds both sides alike whatever made the prototype.
 * LOAD_FAILED when the prototype is not there.
 */
export async function definitionOf(server: Statements, database: string, table: string): Promise<string> {
  try {
    const [row] = await server.rows(`show ${database}.${table}`, `SHOW CREATE TABLE ${quoteTable(database, table)}`);
    const text = String(row?.['Create Table']);
    // Newlines inside comments are escaped by SHOW CREATE, column lines begin with two spaces.
    const end = text.indexOf('\n PARTITION BY ');
    return text.slice(text.indexOf('('), end === -1 ? undefined : end);
  } catch (error) {
    const errno = mysqlErrno(error);
    if (errno !== MYSQL.NO_SUCH_TABLE && errno !== MYSQL.NO_SUCH_DATABASE) throw error;
    throw new IngestError('LOAD_FAILED', `table ${database}.${table} is missing on this worker: register it again`, {
      database,
      table,
    });
  }
}

/** `PARTITION pN VALUES IN (N)`, docs/contract/storage.md §2. */
export function partitionClause(transactionId: number): string {
  return `PARTITION ${quoteId(partitionName(transactionId))} VALUES IN (${integer(transactionId)})`;
}

/** `PARTITION BY LIST …` with p0, which exists always, and the partitions of super-transactions. */
export function partitionsClause(...transactionIds: number[]): string {
  return `PARTITION BY LIST (${quoteId(TRANSACTION_COLUMN)}) (${[0, ...transactionIds].map(partitionClause).join(', ')})`;
}

/** A number as it goes into a statement that takes no parameters. */
export function integer(value: number): string {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`not a whole number: ${value}`);
  return String(value);
}
