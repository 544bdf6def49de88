import { COLUMN_TYPES, type TypeRule } from './column-types';

/** What a column's type text says, as far as the domain asks. */
export interface ColumnType {
  /** Upper case, e.g. `BIGINT`. */
  base: string;
  /** The type without attributes, as MySQL takes it in a key of another table, e.g. `BIGINT(20) UNSIGNED`. */
  bare: string;
  notNull: boolean;
  generated: boolean;
}

type Token = { kind: 'word' | 'number' | 'string' | 'name' | 'symbol'; text: string };

class Refusal extends Error {}

/** Comments are not among them: they would hide what follows. */
const TOKEN =
  /\s*(?:(?<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?(?![A-Za-z_$])|0[xX][0-9a-fA-F]+|\.\d+(?:[eE][+-]?\d+)?)|(?<word>[A-Za-z_$][A-Za-z0-9_$]*)|(?<string>'(?:[^'\\]|\\[\s\S]|'')*'|"(?:[^"\\]|\\[\s\S]|"")*")|(?<name>`(?:[^`]|``)+`)|(?<symbol>[(),.+*/%<>=!|&^~-]))/y;

function tokens(text: string): Token[] {
  if (/--\s|--$|\/\*|#/.test(text.replaceAll(/'(?:[^'\\]|\\[\s\S]|'')*'|"(?:[^"\\]|\\[\s\S]|"")*"|`[^`]*`/g, "''"))) {
    throw new Refusal('comments are not allowed in a type; use COMMENT');
  }
  const found: Token[] = [];
  const end = text.trimEnd().length;
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < end) {
    const at = TOKEN.lastIndex;
    const groups = TOKEN.exec(text)?.groups;
    if (groups === undefined) throw new Refusal(`unexpected ${JSON.stringify(text.slice(at).trim().slice(0, 10))}`);
    const entry = Object.entries(groups).find(([, value]) => value !== undefined);
    if (entry !== undefined) found.push({ kind: entry[0] as Token['kind'], text: entry[1] as string });
  }
  return found;
}

/** Reads tokens from left to right. */
class Reader {
  private at = 0;
  constructor(private readonly list: Token[]) {}

  get done(): boolean {
    return this.at >= this.list.length;
  }

  next(): Token {
    const token = this.list[this.at++];
    if (token === undefined) throw new Refusal('it ends too early');
    return token;
  }

  /** Takes the words if they all follow. */
  words(...expected: string[]): boolean {
    const follow = expected.every((word, i) => {
      const token = this.list[this.at + i];
      return token?.kind === 'word' && token.text.toUpperCase() === word;
    });
    if (follow) this.at += expected.length;
    return follow;
  }

  symbol(text: string): boolean {
    const token = this.list[this.at];
    if (token?.kind !== 'symbol' || token.text !== text) return false;
    this.at++;
    return true;
  }

  expectSymbol(text: string): void {
    if (!this.symbol(text)) throw new Refusal(`'${text}' is missing`);
  }

  string(what: string): string {
    const token = this.next();
    if (token.kind !== 'string') throw new Refusal(`${what} must be a quoted string`);
    return token.text;
  }

  /** The rest of an expression in parentheses, whose opening one is taken. */
  skipExpression(): void {
    for (let depth = 1; depth > 0; ) {
      const token = this.next();
      if (token.kind !== 'symbol') continue;
      if (token.text === '(') depth++;
      if (token.text === ')') depth--;
    }
  }
}

function readName(reader: Reader): string {
  const first = reader.next();
  if (first.kind !== 'word') throw new Refusal(`it must begin with a MySQL type`);
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
  if (!Object.hasOwn(COLUMN_TYPES, name)) throw new Refusal(`'${first.text}' is not a MySQL type`);
  return name;
}

function readArguments(reader: Reader, name: string, rule: TypeRule): string {
  const given: string[] = [];
  if (reader.symbol('(')) {
    if (!rule.numbers && !rule.strings) throw new Refusal(`${name} takes no length`);
    do {
      const token = reader.next();
      if (token.kind !== (rule.strings ? 'string' : 'number')) {
        throw new Refusal(`${name}(…) needs ${rule.strings ? 'quoted values' : 'numbers'}`);
      }
      if (!rule.strings && !/^\d+$/.test(token.text)) throw new Refusal(`'${token.text}' is not a length`);
      given.push(token.text);
    } while (reader.symbol(','));
    reader.expectSymbol(')');
  }
  const [least, most] = rule.strings ? [1, 65_535] : (rule.numbers ?? [0, 0]);
  if (given.length < least) throw new Refusal(`${name} needs ${rule.strings ? 'a list of values' : 'a length'}`);
  if (given.length > most) throw new Refusal(`${name} takes at most ${most} numbers`);
  if (rule.max !== undefined && Number(given[0] ?? 0) > rule.max)
    throw new Refusal(`${name} takes at most ${rule.max}`);
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

function readNow(reader: Reader): boolean {
  if (!NOW.some((word) => reader.words(word))) return false;
  if (reader.symbol('(')) reader.skipExpression();
  return true;
}

function readDefault(reader: Reader): void {
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
  throw new Refusal(`'${token.text}' is no default value; quote text, put expressions in parentheses`);
}

/** Clauses that MySQL would take but tables of Qserv cannot have. */
const KEYS: string[][] = [['PRIMARY'], ['UNIQUE'], ['KEY'], ['AUTO_INCREMENT'], ['REFERENCES'], ['CHECK']];

function readAttributes(reader: Reader, name: string, rule: TypeRule): Omit<ColumnType, 'base'> {
  const read: Omit<ColumnType, 'base'> = { bare: '', notNull: false, generated: false };
  while (!reader.done) {
    const sign = ['UNSIGNED', 'SIGNED', 'ZEROFILL'].find((word) => reader.words(word));
    if (sign !== undefined) {
      if (!rule.numeric) throw new Refusal(`${name} cannot be ${sign}`);
      if (sign !== 'SIGNED') read.bare += ` ${sign}`;
    } else if (reader.words('NOT', 'NULL')) read.notNull = true;
    else if (reader.words('NULL')) read.notNull = false;
    else if (reader.words('DEFAULT')) readDefault(reader);
    else if (reader.words('ON', 'UPDATE')) {
      if (!readNow(reader)) throw new Refusal('ON UPDATE takes CURRENT_TIMESTAMP only');
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
      throw new Refusal('keys and constraints are not possible here');
    else throw new Refusal(`unexpected '${reader.next().text}'`);
  }
  return read;
}

function readCharset(reader: Reader, name: string, rule: TypeRule, what: string): void {
  if (!rule.text) throw new Refusal(`${name} has no ${what}`);
  const token = reader.next();
  if (token.kind !== 'word' && token.kind !== 'string') throw new Refusal(`a ${what} is missing`);
}

/**
 * Reads the whole text behind a column's name (`BIGINT NOT NULL DEFAULT 0`). Returns the fault as text when it is no column
 * type: the text goes into CREATE TABLE as it is, so nothing else may pass.
 */
export function parseColumnType(text: string): ColumnType | string {
  try {
    if (text.length > 255) throw new Refusal('it is longer than 255 characters');
    const reader = new Reader(tokens(text));
    if (reader.done) throw new Refusal('it is empty');
    const name = readName(reader);
    const rule = COLUMN_TYPES[name] as TypeRule;
    const bare = readArguments(reader, name, rule);
    const attributes = readAttributes(reader, name, rule);
    return { base: name, ...attributes, bare: bare + attributes.bare };
  } catch (error) {
    if (error instanceof Refusal) return `not a column type: ${error.message}`;
    throw error;
  }
}
