import { afterNumber, State } from './json-states';

/** What a JSON text is made of. */
export type JsonKind = 'array' | 'object' | 'key' | 'string' | 'number' | 'true' | 'false' | 'null';

/** Hears of a JSON text piece by piece, in order. Positions are in the chunk that is being scanned. */
export interface JsonSink {
  /** `depth`: arrays and objects around it. `at`: its first byte. */
  begin(kind: JsonKind, depth: number, at: number): void;
  /** Bytes of a key, string or number as they are; none of them is a quote, a backslash or a control character. */
  text(chunk: Buffer, from: number, to: number): void;
  /** A character of a key or string that was written as an escape. */
  character(code: number): void;
  /** `at`: behind its last byte. */
  end(kind: JsonKind, depth: number, at: number): void;
}

/** The text is not JSON. */
export class JsonSyntaxError extends Error {}

const QUOTE = 34;
const BACKSLASH = 92;
const ESCAPED: Record<number, number> = { 34: 34, 92: 92, 47: 47, 98: 8, 102: 12, 110: 10, 114: 13, 116: 9 };
const LITERALS: Record<number, 'true' | 'false' | 'null'> = { 116: 'true', 102: 'false', 110: 'null' };

/**
 * Reads a JSON text (RFC 8259) that arrives in chunks of bytes, and keeps nothing of it. Bytes above 127 pass through strings as they
 * are: whether they are UTF-8 is for others to check. Escaped lone surrogates are refused, as nlohmann/json refuses them.
 */
export class JsonScanner {
  private state: State = State.VALUE;
  /** For each enclosing value, outermost first, whether it is an array. */
  private readonly around: boolean[] = [];
  /** Of the scalar that is being read. */
  private kind: JsonKind = 'null';
  /** Characters of a literal, or hex digits of an escape, so far. */
  private seen = 0;
  private code = 0;
  private high = 0;

  constructor(
    private readonly sink: JsonSink,
    /** Arrays and objects within each other at most. */
    private readonly maxDepth: number,
  ) {}

  /** Whether nothing but blanks has come. */
  get isBlank(): boolean {
    return this.state === State.VALUE && this.around.length === 0;
  }

  /** Takes the next chunk. Throws JsonSyntaxError, and what the sink throws. */
  write(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      const state = this.state;
      if (state === State.STRING) at = this.string(chunk, at);
      else if (state >= State.NUMBER) at = this.number(chunk, at);
      else if (state >= State.ESCAPE) this.letter(chunk[at] as number, ++at);
      else at = this.between(chunk, at);
    }
  }

  /** The text has ended. */
  end(): void {
    if (this.state >= State.NUMBER && this.around.length === 0) this.endNumber(0);
    if (this.state !== State.NOTHING) throw new JsonSyntaxError('it ends too early');
  }

  /** Blanks and punctuation, up to the inside of a scalar. */
  private between(chunk: Buffer, from: number): number {
    let at = from;
    do {
      const c = chunk[at] as number;
      if (c === 32 || c === 10 || c === 13 || c === 9) continue;
      if (this.state === State.COMMA_OR_END) {
        if (c === 44) this.state = this.around[this.around.length - 1] ? State.VALUE : State.KEY;
        else this.close(c, at);
      } else if (this.state === State.COLON) {
        if (c !== 58) this.unexpected(c);
        this.state = State.VALUE;
      } else if (this.state === State.VALUE || this.state === State.ELEMENT_OR_END) {
        if (c === 91 || c === 123) this.nest(c === 91, at);
        else if (c === 93 && this.state === State.ELEMENT_OR_END) this.close(c, at);
        else return this.scalar(c, at);
      } else if (c === QUOTE && this.state !== State.NOTHING) {
        this.open('key', State.STRING, at);
        return at + 1;
      } else if (c === 125 && this.state === State.KEY_OR_END) {
        this.close(c, at);
      } else {
        this.unexpected(c);
      }
    } while (++at < chunk.length);
    return at;
  }

  private nest(isArray: boolean, at: number): void {
    const depth = this.around.length;
    if (depth >= this.maxDepth) throw new JsonSyntaxError(`it is nested deeper than ${this.maxDepth} levels`);
    this.sink.begin(isArray ? 'array' : 'object', depth, at);
    this.around.push(isArray);
    this.state = isArray ? State.ELEMENT_OR_END : State.KEY_OR_END;
  }

  private close(c: number, at: number): void {
    const isArray = c === 93;
    if ((c !== 93 && c !== 125) || this.around.pop() !== isArray) this.unexpected(c);
    this.ended(isArray ? 'array' : 'object', at + 1);
  }

  private ended(kind: JsonKind, at: number): void {
    const depth = this.around.length;
    if (kind === 'key') this.state = State.COLON;
    else this.state = depth === 0 ? State.NOTHING : State.COMMA_OR_END;
    this.sink.end(kind, depth, at);
  }

  private open(kind: JsonKind, state: State, at: number): void {
    this.kind = kind;
    this.state = state;
    this.sink.begin(kind, this.around.length, at);
  }

  /** Begins a string, a literal or a number; returns where its rest is. */
  private scalar(c: number, at: number): number {
    const literal = LITERALS[c];
    if (c === QUOTE) this.open('string', State.STRING, at);
    else if (literal !== undefined) {
      this.open(literal, State.LITERAL, at);
      this.seen = 1;
    } else if (c === 45 || (c >= 48 && c <= 57)) {
      this.open('number', State.NUMBER, at);
      return at;
    } else this.unexpected(c);
    return at + 1;
  }

  private string(chunk: Buffer, from: number): number {
    let at = from;
    for (; at < chunk.length; at++) {
      const c = chunk[at] as number;
      if (c === QUOTE || c === BACKSLASH || c < 32) break;
    }
    if (at > from) this.sink.text(chunk, from, at);
    if (at === chunk.length) return at;
    const c = chunk[at] as number;
    if (c === QUOTE) this.ended(this.kind, at + 1);
    else if (c === BACKSLASH) this.state = State.ESCAPE;
    else this.unexpected(c);
    return at + 1;
  }

  /** One byte of an escape or of a literal; `behind` is the position after it. */
  private letter(c: number, behind: number): void {
    switch (this.state) {
      case State.LITERAL:
        if (c !== this.kind.charCodeAt(this.seen)) this.unexpected(c);
        this.seen += 1;
        if (this.seen === this.kind.length) this.ended(this.kind, behind);
        return;
      case State.HEX:
        this.hex(c);
        return;
      case State.LOW:
        if (c !== BACKSLASH) this.unexpected(c);
        this.state = State.LOW_U;
        return;
    }
    if (c === 117) {
      this.seen = 0;
      this.code = 0;
      this.state = State.HEX;
      return;
    }
    const code = ESCAPED[c];
    if (code === undefined || this.state === State.LOW_U) this.unexpected(c);
    this.state = State.STRING;
    this.sink.character(code as number);
  }

  private hex(c: number): void {
    const digit = c >= 48 && c <= 57 ? c - 48 : (c | 32) >= 97 && (c | 32) <= 102 ? (c | 32) - 87 : -1;
    if (digit === -1) this.unexpected(c);
    this.code = this.code * 16 + digit;
    this.seen += 1;
    if (this.seen < 4) return;
    const isLow = this.code >= 0xdc00 && this.code <= 0xdfff;
    if (isLow !== (this.high !== 0)) throw new JsonSyntaxError('a surrogate stands alone');
    if (this.code >= 0xd800 && this.code <= 0xdbff) {
      this.high = this.code;
      this.state = State.LOW;
      return;
    }
    const code = isLow ? 0x10000 + (this.high - 0xd800) * 0x400 + (this.code - 0xdc00) : this.code;
    this.high = 0;
    this.state = State.STRING;
    this.sink.character(code);
  }

  private number(chunk: Buffer, from: number): number {
    let at = from;
    let state: State = this.state;
    for (; at < chunk.length; at++) {
      const next = afterNumber(state, chunk[at] as number);
      if (next === undefined) break;
      state = next;
    }
    this.state = state;
    if (at > from) this.sink.text(chunk, from, at);
    if (at < chunk.length) this.endNumber(at);
    return at;
  }

  private endNumber(at: number): void {
    const { state } = this;
    if (state !== State.ZERO && state !== State.INTEGER && state !== State.FRACTION && state !== State.EXPONENT) {
      throw new JsonSyntaxError('a number ends too early');
    }
    this.ended('number', at);
  }

  private unexpected(c: number): never {
    throw new JsonSyntaxError(`byte ${c} is not expected there`);
  }
}
