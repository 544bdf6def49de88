import { PUBLISH_SCHEMA } from '../../core/names';
import { MYSQL, mysqlErrno, quoteId, quoteTable, type Statements } from './connection';
import { createSchema } from './create-tables';
import { isAbsent } from './scan';

/**
 * Which chunks an index has: written in the transaction that loads the chunk, so a chunk is marked if and only if its rows are
 * there. `transaction_id` is 0 in a build on request.
 */

/** Of one layer of one index. */
export interface MarkPlace {
  /** Name in PUBLISH_SCHEMA. */
  marks: string;
  transactionId: number;
}

/** Rows by chunk. */
export type Marks = Map<number, number>;

export async function createMarks(master: Statements, marks: string): Promise<void> {
  await createSchema(master, PUBLISH_SCHEMA);
  await master.run(
    'make the marks of an index',
    `CREATE TABLE IF NOT EXISTS ${quoteTable(PUBLISH_SCHEMA, marks)} (
      transaction_id INT UNSIGNED NOT NULL,
      chunk INT UNSIGNED NOT NULL,
      num_rows BIGINT UNSIGNED NOT NULL DEFAULT 0,
      PRIMARY KEY (transaction_id, chunk)
    ) ENGINE=InnoDB`,
  );
}

/** Undefined when there are no marks at all. */
export async function readMarks(master: Statements, { marks, transactionId }: MarkPlace): Promise<Marks | undefined> {
  try {
    const rows = await master.rows<{ chunk: number; num_rows: number }>(
      'read the marks of an index',
      `SELECT chunk, num_rows FROM ${quoteTable(PUBLISH_SCHEMA, marks)} WHERE transaction_id = ?`,
      [transactionId],
    );
    return new Map(rows.map((row) => [row.chunk, Number(row.num_rows)]));
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/**
 * Claims a chunk in the current transaction, before its rows are loaded: whoever else loads it waits here until this transaction
 * has ended. False when the chunk is there already.
 */
export async function mark(
  connection: Statements,
  { marks, transactionId }: MarkPlace,
  chunk: number,
): Promise<boolean> {
  const sql = `INSERT INTO ${quoteTable(PUBLISH_SCHEMA, marks)} (transaction_id, chunk) VALUES (?, ?)`;
  try {
    await connection.run('mark a chunk of an index', sql, [transactionId, chunk]);
    return true;
  } catch (error) {
    if (mysqlErrno(error) === MYSQL.DUPLICATE_KEY) return false;
    throw error;
  }
}

export async function countMark(connection: Statements, place: MarkPlace, chunk: number, rows: number): Promise<void> {
  await connection.run(
    'mark a chunk of an index',
    `UPDATE ${quoteTable(PUBLISH_SCHEMA, place.marks)} SET num_rows = ? WHERE transaction_id = ? AND chunk = ?`,
    [rows, place.transactionId, chunk],
  );
}

/** Forgets a layer; marks that are not there are success. */
export async function forgetMarks(master: Statements, { marks, transactionId }: MarkPlace): Promise<void> {
  const sql = `DELETE FROM ${quoteTable(PUBLISH_SCHEMA, marks)} WHERE ${quoteId('transaction_id')} = ?`;
  try {
    await master.run('forget marks of an index', sql, [transactionId]);
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
}
