import type { Socket } from 'node:net';
import { IngestError } from '../../ingest/core/errors';
import { FrameReader, frame, MAX_FRAME_BYTES } from './frames';

/** A timer's longest time. */
const LONGEST_MS = 2 ** 31 - 1;

export interface Patience {
  /** Time without a byte, in milliseconds. */
  idleMs: number;
  /** When the message must have come as a whole, as of Date.now(). */
  deadline?: number;
  /** Longest message taken. */
  limit?: number;
}

/**
 * One end of a connection that carries messages. No more is read from the socket than the message that is asked for needs, but for
 * the socket's own buffer. Errors: UNAVAILABLE when the connection is closed, breaks or stays silent; INVALID_INPUT for a message
 * that is too long.
 */
export class Peer {
  private readonly frames = new FrameReader();
  private failure: Error | undefined;

  /** `socket` must be paused, and have been from its beginning. */
  constructor(private readonly socket: Socket) {
    socket.on('error', (error) => {
      this.failure = error;
    });
  }

  /** The next message. */
  async receive({ idleMs, deadline = Number.POSITIVE_INFINITY, limit = MAX_FRAME_BYTES }: Patience): Promise<Buffer> {
    for (;;) {
      const message = this.frames.take(limit);
      if (message !== undefined) return message;
      const chunk = this.socket.read() as Buffer | null;
      if (chunk !== null) this.frames.push(chunk);
      else if (this.socket.readableEnded || this.socket.destroyed) throw this.lost();
      else await this.more(Math.min(idleMs, deadline - Date.now()));
    }
  }

  /** Whether more came than was asked for. */
  get hasMore(): boolean {
    return this.frames.hasMore || this.socket.readableLength > 0;
  }

  /** Sends a message; returns when the system has taken it. `idleMs`: for which the other end may take nothing of it. */
  async send(message: Buffer, idleMs: number): Promise<void> {
    const { socket } = this;
    await new Promise<void>((resolve, reject) => {
      const stuck = () =>
        done(new IngestError('UNAVAILABLE', 'the connection stayed silent: what is sent is not taken'));
      const done = (error?: IngestError) => {
        socket.setTimeout(0);
        socket.off('timeout', stuck);
        if (error) reject(error);
        else resolve();
      };
      socket.setTimeout(Math.min(idleMs, LONGEST_MS));
      socket.on('timeout', stuck);
      socket.write(frame(message), (error) => done(error ? this.lost() : undefined));
    });
  }

  private more(ms: number): Promise<void> {
    const { socket } = this;
    return new Promise((resolve, reject) => {
      const silent = new IngestError('UNAVAILABLE', 'the connection stayed silent');
      const timer = setTimeout(() => done(silent), Math.min(ms, LONGEST_MS));
      const wake = () => done();
      const done = (error?: IngestError) => {
        clearTimeout(timer);
        for (const event of ['readable', 'end', 'close']) socket.off(event, wake);
        if (error) reject(error);
        else resolve();
      };
      for (const event of ['readable', 'end', 'close']) socket.on(event, wake);
    });
  }

  private lost(): IngestError {
    const why = this.failure?.message ?? 'it was closed';
    return new IngestError('UNAVAILABLE', `the connection was lost: ${why}`);
  }
}
