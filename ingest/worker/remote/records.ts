/** A part of an input as one message carries it. The bytes are valid until the next part is asked for. */
export interface InputRecord {
  data: Buffer;
  last: boolean;
}

/**
 * Cuts an input into parts of this many bytes. The part at its end is shorter, empty when nothing is left, and the only one with
 * `last`: as lsst/qserv src/replica/ingest/IngestClient.cc does it.
 */
export async function* records(input: AsyncIterable<Buffer>, bytes: number): AsyncGenerator<InputRecord> {
  const record = Buffer.allocUnsafeSlow(bytes);
  let filled = 0;
  for await (const chunk of input) {
    for (let at = 0; at < chunk.length; ) {
      const moved = chunk.copy(record, filled, at);
      at += moved;
      filled += moved;
      if (filled < bytes) continue;
      yield { data: record, last: false };
      filled = 0;
    }
  }
  yield { data: record.subarray(0, filled), last: true };
}
