import { isUtf8 } from 'node:buffer';
import { Refusal } from '../../api/qserv/refusal';
import { type JsonKind, JsonScanner, type JsonSink, JsonSyntaxError } from '../../ingest/source/json-scanner';

/** Objects and arrays within each other. */
const MAX_DEPTH = 64;
/** Of a member that is kept in memory, and of a key. */
const MAX_MEMBER_BYTES = 64 * 1024;

const INVALID = 'invalid format of the request body. A simple JSON object was expected';

/** How the member `rows` looks. */
export type RowsKind = 'missing' | 'other' | 'empty' | 'rows';

/**
 * Reads the JSON body of a request piece by piece, whatever the order of its members: those that are `wanted` are kept, the bytes of
 * `rows` are handed on, the others pass by. Where a member comes twice, the last one counts. Errors: the refusals of a real server.
 */
export class JsonBody {
  /** Wanted members so far. */
  readonly fields: Record<string, unknown> = {};
  private readonly sink: MembersSink;
  private readonly scanner: JsonScanner;
  private readonly utf8 = new Utf8Check();

  constructor(wanted: ReadonlySet<string>) {
    this.sink = new MembersSink(wanted, this.fields);
    this.scanner = new JsonScanner(this.sink, MAX_DEPTH);
  }

  get rows(): RowsKind {
    return this.sink.rows;
  }

  /** Takes the next piece. Returns the bytes of `rows` in it; `restart`: they take the place of all before them. */
  write(chunk: Buffer): { rows: Buffer[]; restart: boolean } {
    if (!this.utf8.add(chunk)) throw new Refusal('P', INVALID);
    return invalidUnlessJson(() => {
      this.sink.beginChunk(chunk);
      this.scanner.write(chunk);
      return this.sink.endChunk();
    });
  }

  /** The body has ended. An empty one is an empty object. */
  end(): void {
    if (!this.utf8.isWhole) throw new Refusal('P', INVALID);
    if (this.scanner.isBlank) return;
    invalidUnlessJson(() => this.scanner.end());
  }
}

function invalidUnlessJson<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw new Refusal('P', INVALID, { why: error.message });
    throw error;
  }
}

/** Cuts the members of the outermost object out of the chunks. */
class MembersSink implements JsonSink {
  rows: RowsKind = 'missing';
  private chunk: Buffer = Buffer.alloc(0);
  /** What the bytes from `from` on belong to. */
  private taking: 'nothing' | 'key' | 'member' | 'rows' = 'nothing';
  private from = 0;
  /** Bytes of a key or member in earlier chunks. */
  private pieces: Buffer[] = [];
  private bytes = 0;
  private key = '';
  private taken: Buffer[] = [];
  private restart = false;

  constructor(
    private readonly wanted: ReadonlySet<string>,
    private readonly fields: Record<string, unknown>,
  ) {}

  beginChunk(chunk: Buffer): void {
    this.chunk = chunk;
    this.from = 0;
    this.taken = [];
    this.restart = false;
  }

  endChunk(): { rows: Buffer[]; restart: boolean } {
    this.take(this.chunk.length);
    return { rows: this.taken, restart: this.restart };
  }

  begin(kind: JsonKind, depth: number, at: number): void {
    if (depth === 1) this.beginMember(kind, at);
    else if (depth === 0 && kind !== 'object') throw new Refusal('P', INVALID);
    else if (depth === 2 && this.taking === 'rows') this.rows = 'rows';
  }

  end(kind: JsonKind, depth: number, at: number): void {
    if (depth !== 1 || this.taking === 'nothing') return;
    this.take(at);
    const { taking } = this;
    this.taking = 'nothing';
    if (taking === 'rows') return;
    const value = this.value();
    if (kind === 'key') this.key = value as string;
    else this.fields[this.key] = value;
  }

  text(): void {}
  character(): void {}

  private beginMember(kind: JsonKind, at: number): void {
    this.from = at;
    this.pieces = [];
    this.bytes = 0;
    if (kind === 'key') this.taking = 'key';
    else if (this.key === 'rows') this.beginRows(kind);
    else this.taking = this.wanted.has(this.key) ? 'member' : 'nothing';
  }

  private beginRows(kind: JsonKind): void {
    this.rows = kind === 'array' ? 'empty' : 'other';
    this.taking = kind === 'array' ? 'rows' : 'nothing';
    this.taken = [];
    this.restart = true;
  }

  /** Puts the bytes up to `to` where they belong. */
  private take(to: number): void {
    if (this.taking === 'nothing') return;
    const piece = this.chunk.subarray(this.from, to);
    this.from = to;
    if (this.taking === 'rows') {
      this.taken.push(piece);
      return;
    }
    this.bytes += piece.length;
    if (this.bytes <= MAX_MEMBER_BYTES) this.pieces.push(Buffer.from(piece));
    else if (this.taking === 'key') this.pieces = [];
    else throw new Refusal('P', `the value of the parameter ${this.key} is longer than ${MAX_MEMBER_BYTES} bytes`);
  }

  /** A key that is too long is none that is wanted. */
  private value(): unknown {
    return this.bytes > MAX_MEMBER_BYTES ? '' : JSON.parse(Buffer.concat(this.pieces).toString());
  }
}

/** Whether bytes that come in pieces are UTF-8, as JSON has to be. */
class Utf8Check {
  /** The first bytes of a character whose others are still to come. */
  private rest: Buffer = Buffer.alloc(0);

  get isWhole(): boolean {
    return this.rest.length === 0;
  }

  add(chunk: Buffer): boolean {
    const bytes = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    const end = wholeCharacters(bytes);
    this.rest = Buffer.from(bytes.subarray(end));
    return isUtf8(bytes.subarray(0, end));
  }
}

/** Where a character begins that the end of the bytes cuts off, or their end. */
function wholeCharacters(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const c = bytes[bytes.length - back] as number;
    if (c < 0x80) return bytes.length;
    if (c >= 0xc0) {
      const length = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
      return length > back ? bytes.length - back : bytes.length;
    }
  }
  return bytes.length;
}
