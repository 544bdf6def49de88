import { STAGING_SCHEMA } from '../../core/names';
import { whileBusy } from './again';
import { type DataServer, MYSQL, mysqlErrno, quoteId, quoteTable, type Statements } from './connection';

/** Creates a staging table by a definition of `definitionOf`; the staging schema too if it is missing. */
export async function createStaging(server: Statements, staging: string, definition: string): Promise<void> {
  const create = () =>
    server.run(`create staging table ${staging}`, `CREATE TABLE ${quoteTable(STAGING_SCHEMA, staging)} ${definition}`);
  try {
    await create();
  } catch (error) {
    if (mysqlErrno(error) !== MYSQL.NO_SUCH_DATABASE) throw error;
    await server.run('create the staging schema', `CREATE DATABASE IF NOT EXISTS ${quoteId(STAGING_SCHEMA)}`);
    await create();
  }
}

/** Drops a staging table; one that is not there is success. BUSY when a statement on it does not end within `seconds`. */
export async function dropStaging(server: DataServer, staging: string, seconds = 10): Promise<void> {
  await whileBusy(seconds, () =>
    server.run(`drop staging table ${staging}`, `DROP TABLE IF EXISTS ${quoteTable(STAGING_SCHEMA, staging)} NOWAIT`),
  );
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
