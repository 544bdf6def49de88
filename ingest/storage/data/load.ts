import type { Readable } from 'node:stream';
import type { Dialect } from '../../core/dialect';
import { IngestError } from '../../core/errors';
import { STAGING_SCHEMA, TRANSACTION_COLUMN } from '../../core/names';
import type { LoadWarning } from '../../worker/worker';
import { type DataConnection, quoteId, quoteTable, type Statements } from './connection';
import { integer } from './definition';

/** MySQL's limit for max_error_count, docs/contract/worker.md §5. */
const MAX_WARNINGS = 65_535;

/** Readies a session for LOAD: how many warnings it keeps, and how long the server waits for the next bytes. */
export async function prepareSession(
  connection: DataConnection,
  { maxWarnings, readTimeoutSeconds }: { maxWarnings: number; readTimeoutSeconds: number },
): Promise<void> {
  await connection.run(
    'prepare the session',
    'SET SESSION max_error_count = ?, SESSION net_read_timeout = ?, SESSION net_write_timeout = ?',
    [Math.min(maxWarnings, MAX_WARNINGS), readTimeoutSeconds, readTimeoutSeconds],
  );
}

export interface LoadStatement {
  staging: string;
  transactionId: number;
  /** In file order. */
  columns: string[];
  dialect: Dialect;
  charset: string;
}

/** The dialect's escape names as SQL string literals; `\0` (no enclosing character) is left out. */
const LITERALS: Record<string, string> = {
  '\\t': "'\\t'",
  ',': "','",
  "'": "'\\''",
  '"': "'\"'",
  '\\\\': "'\\\\'",
  '\\n': "'\\n'",
};

/** `LOAD DATA LOCAL INFILE`, docs/contract/worker.md §5. The server asks for a file by name; what it gets is the stream. */
export function loadStatement(load: LoadStatement): string {
  const { dialect, charset } = load;
  if (!/^[A-Za-z0-9_]+$/.test(charset)) {
    throw new IngestError('INVALID_INPUT', `'${charset}' is not the name of a character set`, { charset });
  }
  const enclosed = dialect.fieldsEnclosedBy === '\\0' ? '' : ` ENCLOSED BY ${literal(dialect.fieldsEnclosedBy)}`;
  return [
    `LOAD DATA LOCAL INFILE 'contribution' INTO TABLE ${quoteTable(STAGING_SCHEMA, load.staging)}`,
    `CHARACTER SET ${quoteId(charset)}`,
    `FIELDS TERMINATED BY ${literal(dialect.fieldsTerminatedBy)}${enclosed} ESCAPED BY ${literal(dialect.fieldsEscapedBy)}`,
    `LINES TERMINATED BY ${literal(dialect.linesTerminatedBy)}`,
    `(${load.columns.map(quoteId).join(', ')})`,
    `SET ${quoteId(TRANSACTION_COLUMN)} = ${integer(load.transactionId)}`,
  ].join(' ');
}

function literal(name: string): string {
  const text = LITERALS[name];
  if (text === undefined)
    throw new IngestError('INVALID_INPUT', `'${name}' is not allowed in a dialect`, { value: name });
  return text;
}

export interface FileLoad extends LoadStatement {
  /** Table that the rows are for: warnings name it, not the staging table that nobody else knows. */
  finalTable: { schema: string; table: string };
}

export interface LoadOutcome {
  rowsLoaded: number;
  /** MySQL's own count, which can exceed the warnings kept. */
  numWarnings: number;
  warnings: LoadWarning[];
}

/** Loads one file. Errors: the source's own, and those of the server (LOAD_FAILED where it is not about the connection). */
export async function loadFile(connection: DataConnection, load: FileLoad, csv: Readable): Promise<LoadOutcome> {
  let outcome: { affectedRows: number; warnings: number };
  try {
    outcome = await connection.runWithInput('LOAD DATA', loadStatement(load), csv);
  } catch (error) {
    if (error instanceof IngestError && error.code === 'INTERNAL') {
      throw new IngestError('LOAD_FAILED', error.message, error.details);
    }
    throw error;
  }
  if (outcome.warnings === 0) return { rowsLoaded: outcome.affectedRows, numWarnings: 0, warnings: [] };
  const { numWarnings, warnings } = await warningsOf(connection);
  return { rowsLoaded: outcome.affectedRows, numWarnings, warnings: warnings.map((one) => inFinalTable(load, one)) };
}

function inFinalTable({ staging, finalTable }: FileLoad, warning: LoadWarning): LoadWarning {
  const parts = warning.message.split(quoteTable(STAGING_SCHEMA, staging));
  return { ...warning, message: parts.join(quoteTable(finalTable.schema, finalTable.table)) };
}

/** The warnings of the connection's last statement. */
export async function warningsOf(connection: Statements): Promise<{ numWarnings: number; warnings: LoadWarning[] }> {
  const rows = await connection.rows('read the warnings', 'SHOW WARNINGS');
  const [count] = await connection.rows('count the warnings', 'SHOW COUNT(*) WARNINGS');
  const warnings = rows.map((row) => ({
    level: String(row.Level),
    code: Number(row.Code),
    message: String(row.Message),
  }));
  return { numWarnings: Number(Object.values(count ?? {})[0] ?? warnings.length), warnings };
}
