import type { CsvWriter } from './csv-writer';

const BACKSLASH = 92;
const QUOTE = 34;
const NEWLINE = 10;
const LETTER_N = 78;

type State = 'empty' | 'first backslash' | 'null' | 'backslash' | 'text';

/**
 * Strings of JSON rows as fields of CSV, docs/contract/worker.md §2. Portable clients put a backslash before each backslash, double quote
 * and newline, others send these as they are: a backslash before one of the three is therefore an escape, any other one is itself. A
 * whole string `\N` is NULL.
 */
export class JsonStringField {
  private state: State = 'empty';

  constructor(private readonly csv: CsvWriter) {}

  begin(): void {
    this.state = 'empty';
  }

  /** Bytes among which is no backslash, double quote or control character. */
  text(chunk: Buffer, from: number, to: number): void {
    if (this.state === 'first backslash' && to - from === 1 && chunk[from] === LETTER_N) {
      this.state = 'null';
      return;
    }
    this.settle();
    this.csv.plain(chunk, from, to);
  }

  character(code: number): void {
    const behindBackslash = this.state === 'first backslash' || this.state === 'backslash';
    if (behindBackslash && (code === BACKSLASH || code === QUOTE || code === NEWLINE)) this.state = 'text';
    else if (this.state === 'first backslash' && code === LETTER_N) {
      this.state = 'null';
      return;
    } else if (code === BACKSLASH) {
      const isFirst = this.state === 'empty';
      this.settle();
      this.state = isFirst ? 'first backslash' : 'backslash';
      return;
    }
    this.settle();
    this.csv.character(code);
  }

  end(): void {
    if (this.state === 'null') this.csv.null();
    else this.settle();
  }

  /** Writes what was held back, now that it is text. */
  private settle(): void {
    if (this.state === 'first backslash' || this.state === 'backslash' || this.state === 'null') {
      this.csv.byte(BACKSLASH);
      if (this.state === 'null') this.csv.byte(LETTER_N);
    }
    this.state = 'text';
  }
}
