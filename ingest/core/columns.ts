import { COLUMN_TYPES, type TypeRule } from './column-types';
import { SqlFault, SqlReader, sqlTokens } from './sql-text';

/** Bases of types for geometries, which partitions do not take (MariaDB 10.11, error 1178). */
export const GEOMETRY =
  /^(GEOMETRY|POINT|LINESTRING|POLYGON|MULTIPOINT|MULTILINESTRING|MULTIPOLYGON|GEOMETRYCOLLECTION)$/;

/** What a column's type text says, as far as the domain asks. */
export interface ColumnType {
  /** Upper case, e.g. `BIGINT`. */
  base: string;
  /** The type without attributes, as MySQL takes it in a key of another table, e.g. `BIGINT(20) UNSIGNED`. */
  bare: string;
  notNull: boolean;
  generated: boolean;
}

function readName(reader: SqlReader): string {
  const first = reader.next();
  if (first.kind !== 'word') throw new SqlFault(`it must begin with a MySQL type`);
  let name = first.text.toUpperCase();
  // The longest name wins: NATIONAL CHARACTER VARYING before NATIONAL CHARACTER.
  for (const words of [
    ['CHARACTER', 'VARYING'],
    ['CHAR', 'VARYING'],
    ['CHARACTER'],
    ['CHAR'],
    ['VARCHAR'],
    ['VARYING'],
    ['VARBINARY'],
    ['PRECISION'],
  ]) {
    const longer = [name, ...words].join(' ');
    if (COLUMN_TYPES[longer] !== undefined && reader.words(...words)) {
      name = longer;
      break;
    }
  }
  if (!Object.hasOwn(COLUMN_TYPES, name)) throw new SqlFault(`'${first.text}' is not a MySQL type`);
  return name;
}

function readArguments(reader: SqlReader, name: string, rule: TypeRule): string {
  const given: string[] = [];
  if (reader.symbol('(')) {
    if (!rule.numbers && !rule.strings) throw new SqlFault(`${name} takes no length`);
    do {
      const token = reader.next();
      if (token.kind !== (rule.strings ? 'string' : 'number')) {
        throw new SqlFault(`${name}(…) needs ${rule.strings ? 'quoted values' : 'numbers'}`);
      }
      if (!rule.strings && !/^\d+$/.test(token.text)) throw new SqlFault(`'${token.text}' is not a length`);
      given.push(token.text);
    } while (reader.symbol(','));
    reader.expectSymbol(')');
  }
  const [least, most] = rule.strings ? [1, 65_535] : (rule.numbers ?? [0, 0]);
  if (given.length < least) throw new SqlFault(`${name} needs ${rule.strings ? 'a list of values' : 'a length'}`);
  if (given.length > most) throw new SqlFault(`${name} takes at most ${most} numbers`);
  if (rule.max !== undefined && Number(given[0] ?? 0) > rule.max)
    throw new SqlFault(`${name} takes at most ${rule.max}`);
  return given.length > 0 ? `${name}(${given.join(',')})` : name;
}

const NOW = [
  'CURRENT_TIMESTAMP',
  'NOW',
  'LOCALTIME',
  'LOCALTIMESTAMP',
  'CURDATE',
  'CURRENT_DATE',
  'CURTIME',
  'CURRENT_TIME',
  'UUID',
];

function readNow(reader: SqlReader): boolean {
  if (!NOW.some((word) => reader.words(word))) return false;
  if (reader.symbol('(')) reader.skipExpression();
  return true;
}

/** What follows DEFAULT. */
export function readDefault(reader: SqlReader): void {
  if (reader.symbol('(')) {
    reader.skipExpression();
    return;
  }
  if (readNow(reader)) return;
  if (!reader.symbol('-')) reader.symbol('+');
  const token = reader.next();
  if (token.kind === 'number' || token.kind === 'string') return;
  const word = token.kind === 'word' ? token.text.toUpperCase() : '';
  if (['NULL', 'TRUE', 'FALSE'].includes(word)) return;
  // x'1F', b'01', _utf8'…', DATE '…'
  if (/^(X|B|N|DATE|TIME|TIMESTAMP|_[A-Z0-9]+)$/.test(word)) {
    reader.string(`what follows DEFAULT ${token.text}`);
    return;
  }
  throw new SqlFault(`'${token.text}' is no default value; quote text, put expressions in parentheses`);
}

/** Clauses that MySQL would take but tables of Qserv cannot have. */
const KEYS: string[][] = [['PRIMARY'], ['UNIQUE'], ['KEY'], ['AUTO_INCREMENT'], ['REFERENCES'], ['CHECK']];

function readAttributes(reader: SqlReader, name: string, rule: TypeRule): Omit<ColumnType, 'base'> {
  const read: Omit<ColumnType, 'base'> = { bare: '', notNull: false, generated: false };
  while (!reader.done) {
    const sign = ['UNSIGNED', 'SIGNED', 'ZEROFILL'].find((word) => reader.words(word));
    if (sign !== undefined) {
      if (!rule.numeric) throw new SqlFault(`${name} cannot be ${sign}`);
      if (sign !== 'SIGNED') read.bare += ` ${sign}`;
    } else if (reader.words('NOT', 'NULL')) read.notNull = true;
    else if (reader.words('NULL')) read.notNull = false;
    else if (reader.words('DEFAULT')) readDefault(reader);
    else if (reader.words('ON', 'UPDATE')) {
      if (!readNow(reader)) throw new SqlFault('ON UPDATE takes CURRENT_TIMESTAMP only');
    } else if (reader.words('COMMENT')) reader.string('a comment');
    else if (reader.words('CHARACTER', 'SET') || reader.words('CHARSET'))
      readCharset(reader, name, rule, 'character set');
    else if (reader.words('COLLATE')) readCharset(reader, name, rule, 'collation');
    else if (rule.text && ['BINARY', 'ASCII', 'UNICODE', 'BYTE'].some((word) => reader.words(word))) continue;
    else if (reader.words('GENERATED', 'ALWAYS', 'AS') || reader.words('AS')) {
      reader.expectSymbol('(');
      reader.skipExpression();
      read.generated = true;
    } else if (read.generated && ['VIRTUAL', 'PERSISTENT', 'STORED'].some((word) => reader.words(word))) continue;
    else if (reader.words('INVISIBLE')) continue;
    else if (KEYS.some((words) => reader.words(...words)))
      throw new SqlFault('keys and constraints are not possible here');
    else throw new SqlFault(`unexpected '${reader.next().text}'`);
  }
  return read;
}

function readCharset(reader: SqlReader, name: string, rule: TypeRule, what: string): void {
  if (!rule.text) throw new SqlFault(`${name} has no ${what}`);
  const token = reader.next();
  if (token.kind !== 'word' && token.kind !== 'string') throw new SqlFault(`a ${what} is missing`);
}

/**
 * Reads the whole text behind a column's name (`BIGINT NOT NULL DEFAULT 0`). Returns the fault as text when it is no column
 * type: the text goes into CREATE TABLE as it is, so nothing else may pass.
 */
export function parseColumnType(text: string): ColumnType | string {
  try {
    if (text.length > 255) throw new SqlFault('it is longer than 255 characters');
    const reader = new SqlReader(sqlTokens(text));
    if (reader.done) throw new SqlFault('it is empty');
    const name = readName(reader);
    const rule = COLUMN_TYPES[name] as TypeRule;
    const bare = readArguments(reader, name, rule);
    const attributes = readAttributes(reader, name, rule);
    return { base: name, ...attributes, bare: bare + attributes.bare };
  } catch (error) {
    if (error instanceof SqlFault) return `not a column type: ${error.message}`;
    throw error;
  }
}
