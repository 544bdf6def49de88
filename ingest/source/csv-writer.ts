const MIN_BYTES = 64 * 1024;

const BACKSLASH = 92;
const QUOTE = 34;
const NEWLINE = 10;
const LETTER_N = 78;

/** Letters behind a backslash that stand for a byte in MySQL's LOAD DATA, where the byte itself would not do. */
const LETTERS: Record<number, number> = { [BACKSLASH]: BACKSLASH, [QUOTE]: QUOTE, [NEWLINE]: 110, 0: 48 };

/** Writes CSV whose fields are enclosed in double quotes and escaped by backslashes, into buffers that are handed out when full. */
export class CsvWriter {
  private buffer = Buffer.allocUnsafe(MIN_BYTES);
  private used = 0;
  private full: Buffer[] = [];
  /** Bytes in buffers before the current one. */
  private before = 0;

  /** Bytes written so far. */
  get bytes(): number {
    return this.before + this.used;
  }

  /** One byte as it is. */
  raw(byte: number): void {
    if (this.used === this.buffer.length) this.next(1);
    this.buffer[this.used++] = byte;
  }

  /** One byte of a value. */
  byte(byte: number): void {
    const letter = LETTERS[byte];
    if (letter === undefined) this.raw(byte);
    else {
      this.raw(BACKSLASH);
      this.raw(letter);
    }
  }

  /** One character of a value, as UTF-8. */
  character(code: number): void {
    if (code < 0x80) this.byte(code);
    else for (const byte of Buffer.from(String.fromCodePoint(code))) this.raw(byte);
  }

  /** The field's whole content is NULL, which MariaDB sees inside quotes too. */
  null(): void {
    this.raw(BACKSLASH);
    this.raw(LETTER_N);
  }

  /** Bytes of a value among which is none that needs a backslash. */
  plain(chunk: Buffer, from: number, to: number): void {
    const length = to - from;
    if (this.used + length > this.buffer.length) this.next(length);
    if (length < 24) for (let at = from; at < to; at++) this.buffer[this.used++] = chunk[at] as number;
    else {
      chunk.copy(this.buffer, this.used, from, to);
      this.used += length;
    }
  }

  /** Buffers that have become full since the last time, or with `all` everything written. */
  take(all = false): Buffer[] {
    if (all && this.used > 0) this.next(MIN_BYTES);
    const taken = this.full;
    this.full = [];
    return taken;
  }

  private next(length: number): void {
    if (this.used > 0) this.full.push(this.buffer.subarray(0, this.used));
    this.before += this.used;
    this.used = 0;
    this.buffer = Buffer.allocUnsafe(Math.max(MIN_BYTES, length));
  }
}
