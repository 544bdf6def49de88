import { Readable } from 'node:stream';
import { IngestError } from '../core/errors';
import type { OpenedSource } from './open';
import { delay } from './patience';
import { RowCounter } from './rows';

/** Bytes kept ready for the consumer. */
const AHEAD_BYTES = 1024 * 1024;

export interface GivenSource extends OpenedSource {
  /** Why the stream broke, if it did. */
  failure(): IngestError | undefined;
}

/**
 * CSV that somebody sends, as a source of one pass. A stream that breaks, or from which no byte comes for `stallSeconds` while somebody
 * waits for it, is SOURCE_BROKEN, unless it broke with an IngestError of its own; a row above 16 MiB is BAD_ROWS. `close` lets the
 * rest pass by: whoever sends it may want to read an answer afterwards.
 */
export function givenSource(csv: Readable, stallSeconds: number, signal?: AbortSignal): GivenSource {
  const counter = new RowCounter();
  let failure: IngestError | undefined;
  let over = false;
  async function* counted(): AsyncGenerator<Buffer> {
    const chunks = csv.iterator({ destroyOnReturn: false })[Symbol.asyncIterator]();
    try {
      for (;;) {
        const { done, value } = await withoutStall(chunks.next(), stallSeconds);
        if (done) return;
        const chunk = typeof value === 'string' ? Buffer.from(value) : (value as Buffer);
        counter.add(chunk);
        yield chunk;
      }
    } catch (error) {
      failure = asFailure(error);
      throw failure;
    } finally {
      over = true;
    }
  }
  const stream = Readable.from(counted(), { objectMode: false, highWaterMark: AHEAD_BYTES, signal });
  return {
    facts: {},
    stream,
    failure: () => failure,
    counts: () => ({ bytes: counter.bytes, rows: counter.rows, storedBytes: counter.bytes }),
    sha256: () => '',
    close: async () => {
      stream.on('error', () => {}).destroy();
      csv.on('error', () => {});
      if (!over || failure !== undefined) csv.resume();
    },
  };
}

function asFailure(error: unknown): IngestError {
  if (error instanceof IngestError) return error;
  return new IngestError('SOURCE_BROKEN', `the input broke off: ${(error as Error).message}`);
}

async function withoutStall<T>(next: Promise<T>, seconds: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const stalled = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new IngestError('SOURCE_BROKEN', `no byte of the input for ${seconds} s`)),
      delay(seconds),
    );
  });
  try {
    return await Promise.race([next, stalled]);
  } finally {
    clearTimeout(timer);
  }
}
