import type { BinaryEncoding } from '../../api/qserv/worker/data';
import type { CsvWriter } from './csv-writer';

const NULL_TEXT = [92, 78];

/** Turns texts of binary values into fields of CSV. `\N` is NULL: no encoding has a backslash. */
export abstract class BinaryField {
  /** Something is wrong with the text. */
  protected wrong = false;
  private length = 0;
  private isNull = true;

  constructor(protected readonly csv: CsvWriter) {}

  begin(): void {
    this.wrong = false;
    this.length = 0;
    this.isNull = true;
    this.reset();
  }

  /** The next byte of the text. */
  add(c: number): void {
    if (NULL_TEXT[this.length] !== c) this.isNull = false;
    this.length += 1;
    this.decode(c);
  }

  /** The text has ended; returns what is wrong with it, in a real server's words (lsst/qserv src/util/String.cc). */
  end(): string | undefined {
    if (!this.isNull || this.length !== NULL_TEXT.length) return this.finish();
    this.csv.null();
    return undefined;
  }

  protected abstract reset(): void;
  protected abstract decode(c: number): void;
  protected abstract finish(): string | undefined;
}

/** Hex digits of either case, without a prefix. */
class HexField extends BinaryField {
  private digits = 0;
  private high = 0;

  protected reset(): void {
    this.digits = 0;
  }

  protected decode(c: number): void {
    const lower = c | 32;
    const digit = c >= 48 && c <= 57 ? c - 48 : lower >= 97 && lower <= 102 ? lower - 87 : -1;
    if (digit === -1) this.wrong = true;
    this.digits += 1;
    if (this.digits % 2 === 1) this.high = digit * 16;
    else if (!this.wrong) this.csv.byte(this.high + digit);
  }

  protected finish(): string | undefined {
    if (this.digits % 2 === 1) return 'String::fromHex odd number of significant characters in the input';
    return this.wrong ? 'String::fromHex not a valid hexadecimal character' : undefined;
  }
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const BASE64 = new Int8Array(256).fill(-1);
for (const [value, c] of Buffer.from(ALPHABET).entries()) BASE64[c] = value;
const FAILED_BASE64 = 'String::fromBase64 failed to decode base64 string: ';

/** The standard alphabet. Padding may be absent, and is never taken for data: zero bytes at the end stay. */
class Base64Field extends BinaryField {
  private letters = 0;
  private padding = 0;
  private bits = 0;

  protected reset(): void {
    this.letters = 0;
    this.padding = 0;
    this.bits = 0;
  }

  protected decode(c: number): void {
    if (c === 61) {
      this.padding += 1;
      return;
    }
    const value = BASE64[c] as number;
    if (value === -1 || this.padding > 0) this.wrong = true;
    this.bits = ((this.bits << 6) | (value & 63)) & 0xffffff;
    this.letters += 1;
    if (this.letters % 4 !== 0 || this.wrong) return;
    this.csv.byte(this.bits >> 16);
    this.csv.byte((this.bits >> 8) & 255);
    this.csv.byte(this.bits & 255);
  }

  protected finish(): string | undefined {
    if (this.wrong) return `${FAILED_BASE64}attempt to decode a value not in base64 char set`;
    const rest = this.letters % 4;
    if (rest === 1 || (this.padding > 0 && (rest === 0 || rest + this.padding !== 4))) {
      return `${FAILED_BASE64}the text is cut off, or its padding is wrong`;
    }
    if (rest === 2) this.csv.byte((this.bits >> 4) & 255);
    if (rest === 3) {
      this.csv.byte((this.bits >> 10) & 255);
      this.csv.byte((this.bits >> 2) & 255);
    }
    return undefined;
  }
}

/** For arrays of numbers, whose only text is that of NULL. */
class ArrayField extends BinaryField {
  protected reset(): void {}
  protected decode(): void {}
  protected finish(): string {
    return 'a text instead of an array of numbers';
  }
}

export function binaryField(encoding: BinaryEncoding, csv: CsvWriter): BinaryField {
  if (encoding === 'array') return new ArrayField(csv);
  return encoding === 'hex' ? new HexField(csv) : new Base64Field(csv);
}
