import fc from 'fast-check';
import { IngestError } from '../../ingest/core/errors';
import { newSeed } from '../../test/support/hostile';
import { FrameReader, frame, MAX_FRAME_BYTES } from './frames';
import { handshakeRequest, ingestData, ingestResponse } from './messages';

/** Messages of a stream that comes in pieces; each is taken as soon as it is there. */
function readAll(pieces: Buffer[]): Buffer[] {
  const reader = new FrameReader();
  const messages: Buffer[] = [];
  for (const piece of pieces) {
    reader.push(piece);
    for (let message = reader.take(); message !== undefined; message = reader.take()) messages.push(message);
  }
  return messages;
}

const hex = (messages: Buffer[] | undefined) => messages?.map((message) => message.toString('hex'));

function cut(bytes: Buffer, ...at: number[]): Buffer[] {
  const edges = [0, ...at.map((n) => n % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return edges.slice(1).map((end, i) => bytes.subarray(edges[i], end));
}

describe('frames', () => {
  it('are put together wherever the stream is cut', () => {
    const messages = ['', 'a', 'b'.repeat(300_000), '', 'c'].map((text) => Buffer.from(text));
    const stream = Buffer.concat(messages.map(frame));
    for (const pieces of [[stream], cut(stream, 1, 3, 4, 5, 9, 65_000, 300_000), cut(stream, stream.length - 1)]) {
      expect(hex(readAll(pieces))).toEqual(hex(messages));
    }
    expect(readAll([...stream.subarray(0, 20)].map((byte) => Buffer.from([byte])))).toHaveLength(2);
  });

  it('have at most 64,000,000 bytes', () => {
    const longest = Buffer.alloc(MAX_FRAME_BYTES);
    const [message] = readAll([frame(longest)]);
    expect(message?.length).toBe(64_000_000);
    expect(() => frame(Buffer.alloc(MAX_FRAME_BYTES + 1))).toThrow(
      'a message of 64000001 bytes, the limit is 64000000',
    );
    const reader = new FrameReader();
    reader.push(Buffer.from('03d09001', 'hex'));
    expect(() => reader.take()).toThrow('a message of 64000001 bytes, the limit is 64000000');
  });

  it('may be limited further', () => {
    const reader = new FrameReader();
    reader.push(frame(Buffer.alloc(100)));
    expect(() => reader.take(99)).toThrow(IngestError);
    expect(reader.take(100)).toHaveLength(100);
  });

  it('allocate for what has come, not for what is announced', () => {
    const before = process.memoryUsage().arrayBuffers;
    const readers = Array.from({ length: 200 }, () => {
      const reader = new FrameReader();
      reader.push(Buffer.from('03d09000', 'hex'));
      reader.push(Buffer.from('some bytes'));
      expect(reader.take()).toBeUndefined();
      return reader;
    });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50_000_000);
    expect(readers.every((reader) => reader.hasMore)).toBe(true);
  });

  it('knows of bytes that belong to no message taken', () => {
    const reader = new FrameReader();
    reader.push(frame(Buffer.from('a')));
    reader.take();
    expect(reader.hasMore).toBe(false);
    reader.push(Buffer.from([0]));
    expect(reader.take()).toBeUndefined();
    expect(reader.hasMore).toBe(true);
  });
});

/** Streams that begin as good ones and were then changed, cut short or lengthened. */
function spoiltStreams(): fc.Arbitrary<{ stream: Buffer; cuts: number[] }> {
  const text = fc.string({ unit: 'binary', maxLength: 12 });
  const message = fc.oneof(
    fc
      .record({
        transactionId: fc.nat(),
        table: text,
        chunk: fc.nat(),
        isOverlap: fc.boolean(),
        authKey: text,
        url: text,
        dialect: fc.record({
          fieldsTerminatedBy: text,
          fieldsEnclosedBy: text,
          fieldsEscapedBy: text,
          linesTerminatedBy: text,
        }),
        maxNumWarnings: fc.nat(),
        charset: text,
      })
      .map(handshakeRequest.encode),
    fc.record({ data: fc.uint8Array({ maxLength: 40 }).map(Buffer.from), last: fc.boolean() }).map(ingestData.encode),
    fc.uint8Array({ maxLength: 40 }).map(Buffer.from),
  );
  const change = fc.record({ at: fc.nat(1000), byte: fc.integer({ min: 0, max: 255 }) });
  return fc
    .record({
      messages: fc.array(message, { maxLength: 4 }),
      changes: fc.array(change, { maxLength: 6 }),
      length: fc.option(fc.nat(300)),
      tail: fc.uint8Array({ maxLength: 12 }),
      cuts: fc.array(fc.nat(500), { maxLength: 6 }),
    })
    .map(({ messages, changes, length, tail, cuts }) => {
      const stream = Buffer.concat([...messages.map(frame), tail]);
      for (const { at, byte } of changes) if (stream.length > 0) stream[at % stream.length] = byte;
      return { stream: length === null ? stream : stream.subarray(0, length), cuts };
    });
}

describe('10,000 spoilt streams', () => {
  const seed = newSeed('binary frames');

  it(`are read or refused, however they are cut (seed ${seed})`, () => {
    let refused = 0;
    let understood = 0;
    const attempt = <T>(work: () => T): T | undefined => {
      try {
        return work();
      } catch (error) {
        if (!(error instanceof IngestError)) throw error;
        expect(error.code).toBe('INVALID_INPUT');
        refused += 1;
        return undefined;
      }
    };
    fc.assert(
      fc.property(spoiltStreams(), ({ stream, cuts }) => {
        const whole = attempt(() => readAll([stream]));
        expect(hex(attempt(() => readAll(cut(stream, ...cuts))))).toEqual(hex(whole));
        const held = (whole ?? []).reduce((sum, message) => sum + message.length, 0);
        expect(held).toBeLessThanOrEqual(stream.length);
        for (const message of whole ?? []) {
          for (const codec of [handshakeRequest, ingestData, ingestResponse]) {
            if (attempt(() => codec.decode(message)) !== undefined) understood += 1;
          }
        }
      }),
      { numRuns: 10_000, seed },
    );
    expect(Math.min(refused, understood)).toBeGreaterThan(1000);
  });
});
