/** Pieces of SQL that callers give us: taken apart before they go into a statement, so that nothing else can be in them. */

/** `at` and `end` are the piece's place in the text. */
export interface SqlToken {
  kind: 'word' | 'number' | 'string' | 'name' | 'symbol';
  text: string;
  at: number;
  end: number;
}

/** What is wrong with a text; the message is for its writer. */
export class SqlFault extends Error {}

/** Comments are not among them: they would hide what follows. */
const TOKEN =
  /[ \t\r\n]*(?:(?<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?(?![A-Za-z_$])|0[xX][0-9a-fA-F]+|\.\d+(?:[eE][+-]?\d+)?)|(?<word>[A-Za-z_$][A-Za-z0-9_$]*)|(?<string>'(?:[^'\\]|\\[\s\S]|'')*'|"(?:[^"\\]|\\[\s\S]|"")*")|(?<name>`(?:[^`]|``)+`)|(?<symbol>[(),.+*/%<>=!|&^~-]))/y;
const COMMENT = /--(?:\s|$)|\/\*|#/y;

/** The tokens of a text, as MariaDB reads it in its usual SQL mode. Throws SqlFault at the first thing that is none. */
export function sqlTokens(text: string): SqlToken[] {
  const found: SqlToken[] = [];
  const end = withoutBlanks(text);
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < end) {
    const from = TOKEN.lastIndex;
    const groups = TOKEN.exec(text)?.groups;
    const [kind, value = ''] = Object.entries(groups ?? {}).find(([, part]) => part !== undefined) ?? [];
    const at = kind === undefined ? from : TOKEN.lastIndex - value.length;
    refuseComment(text, at);
    if (kind === undefined) throw new SqlFault(`unexpected ${JSON.stringify(text.slice(from).trim().slice(0, 10))}`);
    found.push({ kind: kind as SqlToken['kind'], text: value, at, end: TOKEN.lastIndex });
  }
  return found;
}

/** Where the blanks at the end begin. */
function withoutBlanks(text: string): number {
  let end = text.length;
  while (end > 0 && ' \t\r\n'.includes(text.charAt(end - 1))) end--;
  return end;
}

/** Of what stands where a token begins; inside quotes nothing is a comment. */
function refuseComment(text: string, at: number): void {
  const blanks = /[ \t\r\n]*/y;
  blanks.lastIndex = at;
  blanks.exec(text);
  COMMENT.lastIndex = blanks.lastIndex;
  if (COMMENT.test(text)) throw new SqlFault('comments are not allowed here; use COMMENT');
}

/** What expressions of columns must not do: wait, read files, hold locks, ask other tables and sequences. */
const FORBIDDEN_CALLS =
  /^(SLEEP|BENCHMARK|LOAD_FILE|GET_LOCK|RELEASE_LOCK|RELEASE_ALL_LOCKS|MASTER_POS_WAIT|MASTER_GTID_WAIT|NEXTVAL|LASTVAL|SETVAL)$/i;

/** Reads tokens from left to right. */
export class SqlReader {
  private at = 0;
  constructor(private readonly list: SqlToken[]) {}

  get done(): boolean {
    return this.at >= this.list.length;
  }

  /** The next token stays the next one. */
  peek(): SqlToken | undefined {
    return this.list[this.at];
  }

  next(): SqlToken {
    const token = this.list[this.at++];
    if (token === undefined) throw new SqlFault('it ends too early');
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
    if (!this.symbol(text)) throw new SqlFault(`'${text}' is missing`);
  }

  string(what: string): string {
    const token = this.next();
    if (token.kind !== 'string') throw new SqlFault(`${what} must be a quoted string`);
    return token.text;
  }

  /** The rest of an expression in parentheses, whose opening one is taken. */
  skipExpression(): void {
    for (let depth = 1; depth > 0; ) {
      const token = this.next();
      if (token.kind === 'word') this.refuseForbidden(token.text);
      if (token.kind !== 'symbol') continue;
      if (token.text === '(') depth++;
      if (token.text === ')') depth--;
    }
  }

  /** Tokens up to, without, the next one of these symbols outside parentheses; to the end when there is none. */
  upTo(...symbols: string[]): SqlToken[] {
    const taken: SqlToken[] = [];
    for (let depth = 0; ; ) {
      const token = this.peek();
      if (token === undefined || (depth === 0 && token.kind === 'symbol' && symbols.includes(token.text))) return taken;
      if (token.kind === 'symbol' && token.text === '(') depth++;
      if (token.kind === 'symbol' && token.text === ')') depth--;
      taken.push(this.next());
    }
  }

  private refuseForbidden(word: string): void {
    const next = this.peek();
    const called = next?.kind === 'symbol' && next.text === '(';
    const value = next?.kind === 'word' && next.text.toUpperCase() === 'VALUE';
    const forbidden =
      (called && FORBIDDEN_CALLS.test(word)) || (value && /^(NEXT|PREVIOUS)$/i.test(word)) || /^SELECT$/i.test(word);
    if (forbidden) throw new SqlFault(`${word.toUpperCase()} is not allowed in an expression`);
  }
}
