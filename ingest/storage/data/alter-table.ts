import type { ShownColumn } from '../../core/altered-columns';
import { IngestError } from '../../core/errors';
import { DDL_BUSY_SECONDS, whileBusy } from './again';
import { type DataConnection, mysqlErrno, quoteTable, USUAL_SQL_MODE } from './connection';
import { shownColumns } from './table-columns';

/** Seconds that a statement waits for readers, who in turn wait behind it: see table-indexes.ts. */
const WAIT_SECONDS = 2;

/** Texts are read as core/sql-text.ts reads them, and a value that does not fit its new type is an error, not another value. */
const SQL_MODE = 'STRICT_TRANS_TABLES,STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION';

/** Statements in a known SQL mode, whatever the server's is. */
export async function inKnownMode<T>(connection: DataConnection, work: () => Promise<T>): Promise<T> {
  const set = (mode: string) => connection.run('set the SQL mode', `SET SESSION sql_mode = ${mode}`);
  await set(`'${SQL_MODE}'`);
  try {
    return await work();
  } finally {
    // A connection that broke has its failure told already.
    await set(USUAL_SQL_MODE).catch(() => {});
  }
}

/** Changes a table; `sql` was checked (core/alteration.ts). In a known SQL mode. */
export async function alterTable(
  connection: DataConnection,
  database: string,
  table: string,
  sql: string,
): Promise<void> {
  const statement = `ALTER TABLE ${quoteTable(database, table)} WAIT ${WAIT_SECONDS} ${sql}`;
  await whileBusy(DDL_BUSY_SECONDS, () => connection.run(`change ${database}.${table}`, statement));
}

const DOING = 'try the change';

/**
 * Lets MariaDB judge a change by a temporary table that is like this one. Returns the columns that it would have. INVALID_INPUT with
 * MariaDB's words (`details.said`) when it is refused. In a known SQL mode.
 */
export async function tryAlteration(
  connection: DataConnection,
  database: string,
  table: string,
  sql: string,
): Promise<ShownColumn[]> {
  const name = 'qserv_ingest_probe';
  const probe = quoteTable(database, name);
  await connection.run(DOING, `CREATE TEMPORARY TABLE ${probe} LIKE ${quoteTable(database, table)}`);
  try {
    await connection.run(DOING, `ALTER TABLE ${probe} ${sql}`);
    return await shownColumns(connection, database, name);
  } catch (error) {
    if (mysqlErrno(error) === undefined || (error as IngestError).code !== 'INTERNAL') throw error;
    throw refusal(table, error as IngestError);
  } finally {
    await connection.run(DOING, `DROP TEMPORARY TABLE IF EXISTS ${probe}`).catch(() => {});
  }
}

function refusal(table: string, cause: IngestError): IngestError {
  const said = cause.message.startsWith(`${DOING}: `) ? cause.message.slice(DOING.length + 2) : cause.message;
  const message = `MariaDB refuses the change of table ${table}: ${said}`;
  const details = { errno: mysqlErrno(cause), said, faults: [{ path: 'spec', message }] };
  return new IngestError('INVALID_INPUT', message, details, { cause });
}
