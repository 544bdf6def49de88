import { IngestError } from '../core/errors';

/** A row with its terminator, docs/contract/worker.md §5. */
export const MAX_ROW_BYTES = 16 * 1024 * 1024;

const NEWLINE = 10;
const BACKSLASH = 92;

/**
 * Counts the rows of a CSV text that arrives in chunks. A row ends at every newline that no odd run of backslashes precedes
 * (docs/contract/worker.md §5: quotes do not protect); the last one may lack it.
 */
export class RowCounter {
  /** Bytes so far. */
  bytes = 0;
  private ended = 0;
  /** Position just behind the last row's end. */
  private rowStart = 0;
  /** Whether an odd run of backslashes ends the chunk before. */
  private escaped = false;

  /** Rows so far, one that is not yet terminated included. */
  get rows(): number {
    return this.ended + (this.bytes > this.rowStart ? 1 : 0);
  }

  /** Takes the next chunk; `onEnd` is told each position in it behind a row's end. Throws BAD_ROWS on a row above the limit. */
  add(chunk: Buffer, onEnd?: (at: number) => void): void {
    const base = this.bytes;
    for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, at + 1)) {
      if (chunk[at - 1] === BACKSLASH || at === 0) {
        if (this.isEscaped(chunk, at)) continue;
      }
      const end = base + at + 1;
      if (end - this.rowStart > MAX_ROW_BYTES) this.tooLong();
      this.rowStart = end;
      this.ended += 1;
      onEnd?.(at + 1);
    }
    if (chunk.length > 0) this.escaped = this.isEscaped(chunk, chunk.length);
    this.bytes = base + chunk.length;
    if (this.bytes - this.rowStart > MAX_ROW_BYTES) this.tooLong();
  }

  /** True when an odd run of backslashes ends just before `at`, runs over the chunk's edge included. */
  private isEscaped(chunk: Buffer, at: number): boolean {
    let from = at;
    while (from > 0 && chunk[from - 1] === BACKSLASH) from -= 1;
    const odd = (at - from) % 2 === 1;
    return from === 0 ? odd !== this.escaped : odd;
  }

  private tooLong(): never {
    const line = this.ended + 1;
    // Qserv's words.
    throw new IngestError('BAD_ROWS', `Csv::Parser: input line ${line} exceeds the limit of ${MAX_ROW_BYTES} bytes.`, {
      line,
    });
  }
}
