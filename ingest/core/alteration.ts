import { parseColumnType, readDefault } from './columns';
import { SqlFault, SqlReader, type SqlToken, sqlTokens } from './sql-text';

/** What one clause of `ALTER TABLE` does to a column. `type` is the whole text behind the name. */
export type ColumnChange =
  | { kind: 'add'; name: string; type: string }
  | { kind: 'drop'; column: string }
  /** MODIFY and CHANGE. */
  | { kind: 'define'; column: string; name: string; type: string }
  /** ALTER COLUMN … SET DEFAULT and DROP DEFAULT. */
  | { kind: 'default'; column: string }
  | { kind: 'rename'; column: string; name: string };

/** A change of a table that may go into a statement: nothing but what is listed here is in `sql`. */
export interface Alteration {
  /** What follows the table's name. */
  sql: string;
  changes: ColumnChange[];
}

/** How many characters a text may have. */
const MAX_TEXT = 65_536;

/** Words behind ADD, DROP, ALTER and RENAME that speak of something else than a column, unless COLUMN stands before them. */
const KEYS = 'indexes and keys are changed by POST and DELETE /replication/sql/index';
const NOT_COLUMNS: Record<string, string> = {
  INDEX: KEYS,
  KEY: KEYS,
  UNIQUE: KEYS,
  PRIMARY: KEYS,
  FULLTEXT: KEYS,
  SPATIAL: KEYS,
  FOREIGN: 'tables of Qserv have no foreign keys',
  CONSTRAINT: 'tables of Qserv have no constraints',
  CHECK: 'tables of Qserv have no constraints',
  PARTITION: 'partitions belong to super-transactions',
  PERIOD: 'tables of Qserv have no periods',
  SYSTEM: 'tables of Qserv have no versioned rows',
};

/** Why other clauses are not possible, by their first word. */
const OTHERS: Record<string, string> = {
  ...NOT_COLUMNS,
  RENAME: 'tables keep their names; columns are renamed by RENAME COLUMN a TO b',
  ENGINE: "tables keep their engine, which Qserv's final tables have in common",
  TYPE: "tables keep their engine, which Qserv's final tables have in common",
  ...Object.fromEntries(
    ['EXCHANGE', 'REMOVE', 'REORGANIZE', 'COALESCE', 'TRUNCATE', 'DISCARD', 'IMPORT', 'REBUILD', 'CONVERT'].map(
      (word) => [word, 'partitions, table spaces and character sets of whole tables stay as they are'],
    ),
  ),
  DATA: 'files of tables stay where they are',
  UNION: 'final tables are made of nothing but their rows',
};

/** Options of tables that change nothing that Qserv goes by, and what they take. */
const OPTIONS: Record<string, 'string' | 'number'> = {
  COMMENT: 'string',
  MAX_ROWS: 'number',
  MIN_ROWS: 'number',
  AVG_ROW_LENGTH: 'number',
  CHECKSUM: 'number',
};

/**
 * Reads what follows `ALTER TABLE x`. Returns the fault as text when there is anything but clauses on columns and harmless options:
 * the text goes into the statement as it is, so nothing else may pass.
 */
export function parseAlteration(text: string): Alteration | string {
  try {
    if (text.length > MAX_TEXT) throw new SqlFault(`it is longer than ${MAX_TEXT} characters`);
    const tokens = sqlTokens(text);
    const [first] = tokens;
    const last = tokens.at(-1);
    if (first === undefined || last === undefined) throw new SqlFault('it is empty');
    const reader = new SqlReader(tokens);
    const changes: ColumnChange[] = [];
    do {
      changes.push(...readClause(reader, text));
    } while (reader.symbol(','));
    if (!reader.done) throw new SqlFault(`unexpected '${reader.next().text}'`);
    return { sql: text.slice(first.at, last.end), changes };
  } catch (error) {
    if (error instanceof SqlFault) return `not a change of a table: ${error.message}`;
    throw error;
  }
}

function readClause(reader: SqlReader, text: string): ColumnChange[] {
  if (reader.words('ADD')) return readAdd(reader, text);
  if (reader.words('DROP')) return [readDrop(reader)];
  if (reader.words('MODIFY')) {
    reader.words('COLUMN');
    reader.words('IF', 'EXISTS');
    const name = readName(reader);
    return [{ kind: 'define', column: name, name, type: readType(reader.upTo(','), text) }];
  }
  if (reader.words('CHANGE')) {
    reader.words('COLUMN');
    reader.words('IF', 'EXISTS');
    return [
      { kind: 'define', column: readName(reader), name: readName(reader), type: readType(reader.upTo(','), text) },
    ];
  }
  if (reader.words('ALTER')) return [readAlter(reader)];
  if (reader.words('RENAME', 'COLUMN')) {
    reader.words('IF', 'EXISTS');
    const column = readName(reader);
    if (!reader.words('TO')) throw new SqlFault('TO is missing');
    return [{ kind: 'rename', column, name: readName(reader) }];
  }
  readOptions(reader);
  return [];
}

function readAdd(reader: SqlReader, text: string): ColumnChange[] {
  columnFollows(reader, 'ADD');
  reader.words('IF', 'NOT', 'EXISTS');
  if (!reader.symbol('(')) {
    return [{ kind: 'add', name: readName(reader), type: readType(reader.upTo(','), text) }];
  }
  const added: ColumnChange[] = [];
  do {
    columnFollows(reader, 'ADD');
    const name = readName(reader);
    const tokens = reader.upTo(',', ')');
    if (placeAt(tokens) !== undefined) throw new SqlFault('columns in parentheses have no place of their own');
    added.push({ kind: 'add', name, type: readType(tokens, text) });
  } while (reader.symbol(','));
  reader.expectSymbol(')');
  return added;
}

function readDrop(reader: SqlReader): ColumnChange {
  columnFollows(reader, 'DROP');
  reader.words('IF', 'EXISTS');
  const column = readName(reader);
  if (!reader.words('RESTRICT')) reader.words('CASCADE');
  return { kind: 'drop', column };
}

function readAlter(reader: SqlReader): ColumnChange {
  columnFollows(reader, 'ALTER');
  reader.words('IF', 'EXISTS');
  const column = readName(reader);
  if (reader.words('SET', 'DEFAULT')) readDefault(reader);
  else if (!reader.words('DROP', 'DEFAULT')) throw new SqlFault('ALTER COLUMN takes SET DEFAULT or DROP DEFAULT');
  return { kind: 'default', column };
}

/** Takes COLUMN, or makes sure that what follows cannot be something else than a column. */
function columnFollows(reader: SqlReader, verb: string): void {
  if (reader.words('COLUMN')) return;
  const token = reader.peek();
  const word = token?.kind === 'word' ? token.text.toUpperCase() : '';
  if (!Object.hasOwn(NOT_COLUMNS, word)) return;
  throw new SqlFault(`${verb} ${word}: ${NOT_COLUMNS[word]}; for a column of that name write ${verb} COLUMN`);
}

function readName(reader: SqlReader): string {
  const token = reader.next();
  if (token.kind === 'word') return token.text;
  if (token.kind === 'name') return token.text.slice(1, -1).replaceAll('``', '`');
  throw new SqlFault(`'${token.text}' is not the name of a column`);
}

/** Where FIRST or AFTER stands at the end of a column's definition. */
function placeAt(tokens: SqlToken[]): number | undefined {
  const is = (i: number, word: string) => {
    const token = tokens.at(i);
    return token?.kind === 'word' && token.text.toUpperCase() === word;
  };
  if (is(-1, 'FIRST')) return tokens.length - 1;
  return is(-2, 'AFTER') && ['word', 'name'].includes(tokens.at(-1)?.kind ?? '') ? tokens.length - 2 : undefined;
}

function readType(tokens: SqlToken[], text: string): string {
  const place = placeAt(tokens);
  if (place === tokens.length - 1) {
    throw new SqlFault('FIRST is the place of qserv_trans_id; for the first of the others write AFTER qserv_trans_id');
  }
  const own = tokens.slice(0, place);
  const [first] = own;
  if (first === undefined) throw new SqlFault('a type is missing');
  const type = text.slice(first.at, own.at(-1)?.end);
  const read = parseColumnType(type);
  if (typeof read === 'string') throw new SqlFault(`${type}: ${read}`);
  return type;
}

/** One or several, separated by blanks. */
function readOptions(reader: SqlReader): void {
  do {
    const token = reader.next();
    const word = token.kind === 'word' ? token.text.toUpperCase() : '';
    const takes = Object.hasOwn(OPTIONS, word) ? OPTIONS[word] : undefined;
    if (takes === undefined) throw impossible(token, word);
    reader.symbol('=');
    if (takes === 'string') reader.string(`what follows ${word}`);
    else if (!/^\d+$/.test(reader.next().text)) throw new SqlFault(`${word} takes a number`);
  } while (reader.peek()?.kind === 'word');
}

function impossible(token: SqlToken, word: string): SqlFault {
  const why = Object.hasOwn(OTHERS, word) ? `: ${OTHERS[word]}` : '';
  const possible = `ADD, DROP, MODIFY, CHANGE, ALTER and RENAME COLUMN, ${Object.keys(OPTIONS).join(', ')}`;
  return new SqlFault(`'${token.text}' is not possible${why}; possible are ${possible}`);
}
