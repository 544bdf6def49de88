import { IngestError } from '../../core/errors';
import type { FoundIndex, IndexSpec, TableIndexDefinition } from '../../core/table-indexes';
import type { TableDescriptor } from '../../core/tables';
import { DDL_BUSY_SECONDS, whileBusy } from './again';
import { type DataConnection, mysqlErrno, quoteId, quoteTable, type Statements } from './connection';
import { tableBody } from './create-tables';

/**
 * Seconds that a statement on a final table's indexes waits for readers, who in turn wait behind it. It copies the table first, beside
 * readers, and needs it alone for a moment at the end: with NOWAIT, one reader then would cost the whole copy.
 */
const WAIT_SECONDS = 2;

const KEYWORD: Record<IndexSpec, string> = {
  DEFAULT: '',
  UNIQUE: 'UNIQUE ',
  FULLTEXT: 'FULLTEXT ',
  SPATIAL: 'SPATIAL ',
};

/** `CREATE … INDEX IF NOT EXISTS` up to the comment, which is a parameter. The definition was checked (core/table-indexes.ts). */
function createSql(definition: TableIndexDefinition, target: string, wait: string): string {
  const { index, columns, spec = 'DEFAULT' } = definition;
  const parts = columns.map(({ column, length = 0, ascending = true }) => {
    const part = length > 0 ? `(${Math.trunc(length)})` : '';
    return `${quoteId(column)}${part}${ascending ? '' : ' DESC'}`;
  });
  return `CREATE ${KEYWORD[spec]}INDEX IF NOT EXISTS ${quoteId(index)} ON ${target} (${parts.join(', ')})${wait} COMMENT ?`;
}

/** Makes the index on a final table. */
export async function createIndex(
  server: Statements,
  database: string,
  name: string,
  definition: TableIndexDefinition,
): Promise<void> {
  const sql = createSql(definition, quoteTable(database, name), ` WAIT ${WAIT_SECONDS}`);
  const doing = `index ${database}.${name}`;
  await whileBusy(DDL_BUSY_SECONDS, () => server.run(doing, sql, [definition.comment ?? '']));
}

/** Drops the index of a final table. */
export async function dropIndex(server: Statements, database: string, name: string, index: string): Promise<void> {
  const sql = `DROP INDEX IF EXISTS ${quoteId(index)} ON ${quoteTable(database, name)} WAIT ${WAIT_SECONDS}`;
  await whileBusy(DDL_BUSY_SECONDS, () => server.run(`drop an index of ${database}.${name}`, sql));
}

/** Indexes of a final table. */
export async function readIndexes(server: Statements, database: string, name: string): Promise<FoundIndex[]> {
  const rows = await server.rows<{
    Key_name: string;
    Non_unique: number;
    Seq_in_index: number;
    Column_name: string;
    Collation: string | null;
    Sub_part: number | null;
    Index_type: string;
    Index_comment: string;
  }>(`read the indexes of ${database}.${name}`, `SHOW INDEX FROM ${quoteTable(database, name)}`);
  const found = new Map<string, FoundIndex>();
  for (const row of rows) {
    const { Key_name: key, Index_type: type, Index_comment: comment } = row;
    const index = found.get(key) ?? { name: key, unique: row.Non_unique === 0, type, comment, columns: [] };
    index.columns.push({
      name: row.Column_name,
      seq: row.Seq_in_index,
      subPart: row.Sub_part ?? 0,
      collation: row.Collation === null ? 'NOT_SORTED' : row.Collation === 'A' ? 'ASC' : 'DESC',
    });
    found.set(key, index);
  }
  return [...found.values()];
}

/** Lets MariaDB judge the index by a temporary table of the same definition. INVALID_INPUT with MariaDB's words, warnings too. */
export async function tryIndex(
  connection: DataConnection,
  database: string,
  table: TableDescriptor,
  definition: TableIndexDefinition,
): Promise<void> {
  const probe = quoteTable(database, 'qserv_ingest_probe');
  await connection.run('try the index', `CREATE TEMPORARY TABLE ${probe} ${tableBody(table)}`);
  try {
    await connection.run('try the index', createSql(definition, probe, ''), [definition.comment ?? '']);
    const [warning] = await connection.rows<{ Message: string }>('read warnings', 'SHOW WARNINGS');
    if (warning !== undefined) throw refusal(definition, warning.Message);
  } catch (error) {
    if (mysqlErrno(error) === undefined || (error as IngestError).code !== 'INTERNAL') throw error;
    throw refusal(definition, (error as Error).message, error);
  }
  await connection.run('try the index', `DROP TEMPORARY TABLE ${probe}`);
}

function refusal({ index }: TableIndexDefinition, said: string, cause?: unknown): IngestError {
  const message = `MariaDB refuses index ${index}: ${said}`;
  return new IngestError('INVALID_INPUT', message, { faults: [{ path: 'columns', message }] }, { cause });
}
