import { IngestError, withFacts } from '../../core/errors';
import { normalDefinition, type TableDescriptor } from '../../core/tables';
import { quoteId, quoteTable, type Statements } from './connection';
import { partitionsClause } from './definition';
import { mysqlErrno } from './mysql-errors';

/** MariaDB's errors that say that a column or a charset of the definition is wrong. */
const DEFINITION_ERRORS = new Set([
  1054, 1063, 1064, 1067, 1068, 1074, 1101, 1113, 1115, 1117, 1118, 1163, 1164, 1171, 1178, 1253, 1265, 1273, 1291,
  1294, 1425, 1426, 1427, 1439, 1503, 1659, 1901, 1906, 1907, 1908, 1910, 4161,
]);

const charsetName = (name: string) => {
  if (!/^[A-Za-z0-9_]+$/.test(name)) throw new IngestError('INVALID_INPUT', `'${name}' is not a MySQL charset`);
  return name;
};

/** Everything behind a new table's name: columns, engine, charset. Column types were checked at registration. */
export function tableBody(table: TableDescriptor): string {
  const columns = table.columns.map((c) => `${quoteId(c.name)} ${c.type}`).join(', ');
  return `(${columns}) ENGINE=MyISAM ${charsetClause(table)}`;
}

/** `DEFAULT CHARSET=… COLLATE=…` of the table's record. */
export function charsetClause(table: TableDescriptor): string {
  const { charset, collation } = normalDefinition(table.definition);
  const collate = collation ? ` COLLATE=${charsetName(collation)}` : '';
  return `DEFAULT CHARSET=${charsetName(charset ?? 'latin1')}${collate}`;
}

/**
 * Creates final tables unless they exist, with `p0` or without partitions. INVALID_INPUT when MariaDB refuses the definition. Errors
 * have `details.finalTable`.
 */
export async function createTables(
  server: Statements,
  database: string,
  names: string[],
  table: TableDescriptor,
  form: 'partitioned' | 'plain',
): Promise<void> {
  const body = tableBody(table) + (form === 'partitioned' ? ` ${partitionsClause()}` : '');
  for (const name of names) {
    const sql = `CREATE TABLE IF NOT EXISTS ${quoteTable(database, name)} ${body}`;
    await withFacts({ finalTable: name }, () => refusal(table, () => server.run(`create ${database}.${name}`, sql)));
  }
}

async function refusal(table: TableDescriptor, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const errno = mysqlErrno(error);
    if (errno === undefined || !DEFINITION_ERRORS.has(errno)) throw error;
    const message = `MariaDB refuses table ${table.definition.name}: ${(error as Error).message}`;
    throw new IngestError('INVALID_INPUT', message, { errno, faults: [{ path: 'schema', message }] }, { cause: error });
  }
}

/** Makes a schema unless it is there. Looks first: the statement waits for whoever changes a table of it, even to do nothing. */
export async function createSchema(server: Statements, database: string): Promise<void> {
  const [there] = await server.rows(
    `look for schema ${database}`,
    'SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ?',
    [database],
  );
  if (there === undefined) {
    await server.run(`create schema ${database}`, `CREATE DATABASE IF NOT EXISTS ${quoteId(database)}`);
  }
}
