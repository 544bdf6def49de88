import { IngestError } from '../../ingest/core/errors';

/** A message's length goes before it, in 4 bytes, the highest first: docs/contract/binary-protocol.md §1. */
const HEADER_BYTES = 4;
/** Longest message. */
export const MAX_FRAME_BYTES = 64_000_000;
/** What is allocated for a message before any of it came. */
const FIRST_BYTES = 64 * 1024;

/** A message with its length before it. Errors: INVALID_INPUT above the limit. */
export function frame(message: Buffer): Buffer {
  if (message.length > MAX_FRAME_BYTES) throw tooLong(message.length, MAX_FRAME_BYTES);
  const framed = Buffer.allocUnsafe(HEADER_BYTES + message.length);
  framed.writeUInt32BE(message.length);
  message.copy(framed, HEADER_BYTES);
  return framed;
}

/**
 * Puts messages together from a stream that may be cut anywhere. Memory grows with the bytes that have come, to less than three times
 * their number, and never with what is announced.
 */
export class FrameReader {
  private readonly header = Buffer.alloc(HEADER_BYTES);
  private headerBytes = 0;
  private message: Buffer | undefined;
  private filled = 0;
  /** Came, but was not looked at. */
  private rest: Buffer = Buffer.alloc(0);

  /** Whether there are bytes beyond the messages that were taken. */
  get hasMore(): boolean {
    return this.headerBytes > 0 || this.rest.length > 0;
  }

  /** Adds what came; take all messages before more is added. */
  push(chunk: Buffer): void {
    this.rest = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
  }

  /** The next message if all of it has come. Errors: INVALID_INPUT when a longer one than `limit` is announced. */
  take(limit = MAX_FRAME_BYTES): Buffer | undefined {
    this.headerBytes += this.move(this.header, this.headerBytes);
    if (this.headerBytes < HEADER_BYTES) return undefined;
    const length = this.header.readUInt32BE();
    if (length > limit) throw tooLong(length, limit);
    this.message ??= Buffer.allocUnsafeSlow(Math.min(length, FIRST_BYTES));
    for (;;) {
      this.filled += this.move(this.message, this.filled);
      if (this.filled === length) break;
      if (this.rest.length === 0) return undefined;
      const larger = Buffer.allocUnsafeSlow(Math.min(length, 2 * this.message.length));
      this.message.copy(larger);
      this.message = larger;
    }
    const { message } = this;
    this.message = undefined;
    this.headerBytes = 0;
    this.filled = 0;
    return message;
  }

  /** Moves as much of the rest as fits; returns how much. */
  private move(into: Buffer, at: number): number {
    const moved = this.rest.copy(into, at);
    this.rest = this.rest.subarray(moved);
    return moved;
  }
}

function tooLong(length: number, limit: number): IngestError {
  return new IngestError('INVALID_INPUT', `a message of ${length} bytes, the limit is ${limit}`, { limit });
}
