import { IngestError } from '../../core/errors';
import type { TableDescriptor } from '../../core/tables';
import { mysqlErrno, quoteTable, type Statements } from './connection';
import { tableBody } from './create-tables';

const DOING = 'try the table';
const SYNTAX_ERROR = 1064;

/** What MariaDB refuses for reasons of its own: files, memory, rights, read-only servers. */
const NOT_THE_TABLE = new Set([1004, 1005, 1006, 1030, 1037, 1038, 1041, 1044, 1045, 1142, 1227, 1290, 1836]);

/**
 * Lets MariaDB judge a new table by a temporary one that is gone at once. INVALID_INPUT naming the column, with MariaDB's words
 * unless these are about its grammar.
 */
export async function tryDefinition(connection: Statements, database: string, table: TableDescriptor): Promise<void> {
  const probe = quoteTable(database, 'qserv_ingest_probe');
  const make = (columns: TableDescriptor['columns']) =>
    connection.run(DOING, `CREATE TEMPORARY TABLE ${probe} ${tableBody({ ...table, columns })}`);
  const drop = () => connection.run(DOING, `DROP TEMPORARY TABLE IF EXISTS ${probe}`);
  try {
    await make(table.columns);
  } catch (error) {
    const errno = mysqlErrno(error);
    if (errno === undefined || NOT_THE_TABLE.has(errno) || (error as IngestError).code !== 'INTERNAL') throw error;
    const culprit = await firstOf(table.columns, async (column) => {
      const alone = await make([column]).catch(mysqlErrno);
      await drop();
      return alone === errno;
    });
    throw refusal(table, errno, error as IngestError, culprit);
  }
  await drop();
}

async function firstOf<T>(items: readonly T[], is: (item: T) => Promise<boolean>): Promise<number> {
  for (const [i, item] of items.entries()) if (await is(item)) return i;
  return -1;
}

/** `culprit` counts the columns of the record, whose first one is not the caller's. */
function refusal({ definition, columns }: TableDescriptor, errno: number, cause: IngestError, culprit: number): Error {
  const column = columns[culprit];
  const said = cause.message.replace(/^.*?try the table: /s, '');
  const what = column === undefined ? `table ${definition.name}` : `column ${column.name} of table ${definition.name}`;
  const grammar =
    column === undefined ? 'its grammar has no such definition' : `its grammar has no type '${column.type}'`;
  const message = `MariaDB refuses ${what}: ${errno === SYNTAX_ERROR ? grammar : said}`;
  const path = culprit > 0 ? `schema[${culprit - 1}].type` : 'schema';
  return new IngestError('INVALID_INPUT', message, { errno, faults: [{ path, message }] }, { cause });
}
