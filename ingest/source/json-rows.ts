import type { BinaryEncoding } from '../../api/qserv/worker/data';
import { IngestError } from '../core/errors';
import { CsvWriter } from './csv-writer';
import { type BinaryField, binaryField } from './json-binary';
import { type JsonKind, JsonScanner, type JsonSink } from './json-scanner';
import { JsonStringField } from './json-string';
import { MAX_ROW_BYTES } from './rows';

const TAB = 9;
const NEWLINE = 10;
const QUOTE = 34;

/** Depths of the JSON text: a row, a value, a byte of a binary value. */
const ROW = 1;
const VALUE = 2;
const BYTE = 3;
/** Deeper than anything that is not refused for what it is. */
const MAX_DEPTH = 64;

/** Whether values are spelled by the request's binary encoding: what a real server looks for, docs/contract/worker.md §2. */
export function isBinaryColumn(type: string): boolean {
  return /BIT|BINARY|BLOB/i.test(type);
}

/** Character sets in which a byte above 127 and a backslash behind it may be one character. */
const SWALLOWS_BACKSLASH = /^(gbk|sjis|cp932|big5)$/i;

export interface JsonRowsOptions {
  /** Types of the table's columns, in order. */
  columns: readonly { type: string }[];
  encoding: BinaryEncoding;
  /** That the CSV will be read in. */
  charset: string;
}

/**
 * Turns the array of rows of a request (docs/contract/worker.md §2) into CSV: tab-separated, enclosed in double quotes, escaped by
 * backslashes. Numbers stay as they are spelled. A row with a fault is BAD_ROWS with a real server's text, `details.stage` 'start'.
 */
export class JsonRowsConverter {
  private readonly csv = new CsvWriter();
  private readonly scanner: JsonScanner;

  constructor(options: JsonRowsOptions) {
    this.scanner = new JsonScanner(new RowSink(options, this.csv), MAX_DEPTH);
  }

  /** Takes the next bytes of the array, well-formed JSON in UTF-8; returns the CSV that has become ready. */
  write(chunk: Buffer): Buffer[] {
    this.scanner.write(chunk);
    return this.csv.take();
  }

  end(): Buffer[] {
    this.scanner.end();
    return this.csv.take(true);
  }
}

class RowSink implements JsonSink {
  private row = -1;
  private column = 0;
  private rowStart = 0;
  /** The first fault among the row's values; one of its length goes before it. */
  private fault: string | undefined;
  private readonly isBinary: boolean[];
  private readonly asciiOnly: boolean;
  private readonly string: JsonStringField;
  private readonly binary: BinaryField;
  /** What the text that comes is. */
  private mode: 'nothing' | 'number' | 'string' | 'encoded' | 'byte' = 'nothing';
  /** A number in an array of bytes. */
  private byte = '';

  constructor(
    private readonly options: JsonRowsOptions,
    private readonly csv: CsvWriter,
  ) {
    this.isBinary = options.columns.map(({ type }) => isBinaryColumn(type));
    this.asciiOnly = SWALLOWS_BACKSLASH.test(options.charset);
    this.string = new JsonStringField(csv);
    this.binary = binaryField(options.encoding, csv);
  }

  begin(kind: JsonKind, depth: number): void {
    if (depth === VALUE) this.beginValue(kind);
    else if (depth === ROW) this.beginRow(kind);
    else if (depth === BYTE) this.beginByte(kind);
    else if (depth > BYTE) this.mode = 'nothing';
  }

  end(kind: JsonKind, depth: number): void {
    if (depth === VALUE) this.endValue();
    else if (depth === ROW) this.endRow();
    else if (depth === BYTE) this.endByte(kind);
  }

  text(chunk: Buffer, from: number, to: number): void {
    if (this.mode === 'string') {
      if (this.asciiOnly && !isAscii(chunk, from, to)) this.notAscii();
      this.string.text(chunk, from, to);
    } else if (this.mode === 'number') this.csv.plain(chunk, from, to);
    else if (this.mode === 'encoded') for (let at = from; at < to; at++) this.binary.add(chunk[at] as number);
    else if (this.mode === 'byte') this.byte = (this.byte + chunk.toString('latin1', from, to)).slice(0, 64);
    this.checkLength();
  }

  character(code: number): void {
    if (this.mode === 'string') {
      if (this.asciiOnly && code > 127) this.notAscii();
      this.string.character(code);
    } else if (this.mode === 'encoded') this.binary.add(Math.min(code, 255));
  }

  private beginRow(kind: JsonKind): void {
    this.row += 1;
    this.column = 0;
    this.rowStart = this.csv.bytes;
    this.fault = undefined;
    this.mode = 'nothing';
    if (kind !== 'array') this.refuse('a row found in the request is not the JSON array');
  }

  private endRow(): void {
    if (this.column !== this.isBinary.length) this.refuse("the row size in the request doesn't match the table schema");
    if (this.fault !== undefined) this.refuse(this.fault);
    this.csv.raw(NEWLINE);
    this.checkLength();
  }

  private checkLength(): void {
    if (this.csv.bytes - this.rowStart <= MAX_ROW_BYTES) return;
    this.refuse(`the row found at row ${this.row} exceeds the limit of ${MAX_ROW_BYTES} bytes`);
  }

  private beginValue(kind: JsonKind): void {
    this.mode = 'nothing';
    if (this.fault !== undefined || this.column >= this.isBinary.length) return;
    if (this.column > 0) this.csv.raw(TAB);
    this.csv.raw(QUOTE);
    if (this.isBinary[this.column]) this.beginBinary(kind);
    else if (kind === 'string') {
      this.mode = 'string';
      this.string.begin();
    } else if (kind === 'number') this.mode = 'number';
    else if (kind === 'true' || kind === 'false') this.csv.raw(kind === 'true' ? 49 : 48);
    else this.unsupported(kind, 'boolean, numeric or string');
  }

  private beginBinary(kind: JsonKind): void {
    const { encoding } = this.options;
    if (kind === 'string') {
      this.mode = 'encoded';
      this.binary.begin();
    } else if (kind !== 'array' || encoding !== 'array')
      this.unsupported(kind, encoding === 'array' ? 'array' : 'string');
  }

  private endValue(): void {
    if (this.fault === undefined && this.column < this.isBinary.length) {
      if (this.mode === 'string') this.string.end();
      else if (this.mode === 'encoded') this.undecoded(this.binary.end());
      this.csv.raw(QUOTE);
    }
    this.mode = 'nothing';
    this.column += 1;
  }

  private beginByte(kind: JsonKind): void {
    this.mode = 'nothing';
    if (this.fault !== undefined || this.column >= this.isBinary.length) return;
    if (kind === 'number') {
      this.mode = 'byte';
      this.byte = '';
    } else if (kind === 'true' || kind === 'false') this.csv.byte(kind === 'true' ? 1 : 0);
    else this.undecoded(`[json.exception.type_error.302] type must be number, but is ${kind}`);
  }

  private endByte(kind: JsonKind): void {
    if (kind !== 'number' || this.mode !== 'byte') return;
    this.mode = 'nothing';
    const byte = Number(this.byte);
    if (Number.isInteger(byte) && byte >= 0 && byte <= 255) this.csv.byte(byte);
    else this.undecoded(`${this.byte} is not a number from 0 to 255`);
  }

  private unsupported(kind: JsonKind, expected: string): void {
    const type = kind === 'true' || kind === 'false' ? 'boolean' : kind;
    this.fault = `unsupported type name '${type}' found at ${this.place()} where the ${expected} type was expected`;
  }

  private undecoded(why: string | undefined): void {
    if (why === undefined) return;
    this.fault ??= `failed to decode a value of the '${this.options.encoding}' binary encoded column at ${this.place()}, ex: ${why}`;
  }

  private notAscii(): void {
    this.fault ??= `a value found at ${this.place()} is not in ASCII, as it must be for the character set '${this.options.charset}'`;
  }

  private place(): string {
    return `row ${this.row} and column ${this.column}`;
  }

  private refuse(text: string): never {
    throw new IngestError('BAD_ROWS', text, { stage: 'start', row: this.row });
  }
}

function isAscii(chunk: Buffer, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if ((chunk[at] as number) > 127) return false;
  return true;
}
