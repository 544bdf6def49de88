import { createReadStream, createWriteStream } from 'node:fs';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Dialect } from '../../ingest/core/dialect';
import { IngestError } from '../../ingest/core/errors';
import { RowCounter } from '../../ingest/source/rows';

/** What becomes of a file when it is split into rows as a worker does it. */
export interface SplitRows {
  bytesRead: number;
  bytesWritten: number;
  rows: number;
}

/** What a worker of Qserv puts before each row, docs/contract/worker.md §5. */
export function rowPrefix(transactionId: number, { fieldsEnclosedBy, fieldsTerminatedBy }: Dialect): string {
  const quote = fieldsEnclosedBy === '\\0' ? '' : fieldsEnclosedBy;
  return `${quote}${transactionId}${quote}${fieldsTerminatedBy === '\\t' ? '\t' : fieldsTerminatedBy}`;
}

/** Copies a file row by row, each with the prefix before it. Errors: BAD_ROWS (a row is too long), INVALID_INPUT (a file). */
export async function splitRows(from: string, to: string, prefix = ''): Promise<SplitRows> {
  const counter = new RowCounter();
  let bytesWritten = 0;
  let atStart = true;
  const splitter = new Transform({
    transform(chunk: Buffer, _, done) {
      const put = (bytes: Buffer) => {
        if (bytes.length === 0) return;
        if (atStart) this.push(prefix);
        bytesWritten += bytes.length + (atStart ? Buffer.byteLength(prefix) : 0);
        atStart = false;
        this.push(bytes);
      };
      let start = 0;
      try {
        counter.add(chunk, (end) => {
          put(chunk.subarray(start, end));
          start = end;
          atStart = true;
        });
        put(chunk.subarray(start));
        done();
      } catch (error) {
        done(error as Error);
      }
    },
  });
  try {
    await pipeline(createReadStream(from), splitter, createWriteStream(to));
  } catch (error) {
    if (error instanceof IngestError) throw error;
    throw new IngestError('INVALID_INPUT', (error as Error).message);
  }
  return { bytesRead: counter.bytes, bytesWritten, rows: counter.rows };
}
