import { connect, type Socket } from 'node:net';
import { MAX_FRAME_BYTES } from '../../../api/binary/frames';
import {
  type HandshakeRequest,
  handshakeRequest,
  type IngestResponse,
  ingestData,
  ingestResponse,
  NO_CONTRIBUTION,
} from '../../../api/binary/messages';
import { Peer } from '../../../api/binary/peer';
import { IngestError } from '../../core/errors';
import { records } from './records';

/** What a message needs beside its data. */
const OVERHEAD_BYTES = 16;
/** Largest part of an input that one message may carry. */
export const MAX_RECORD_BYTES = MAX_FRAME_BYTES - OVERHEAD_BYTES;

export interface BinaryAddress {
  host: string;
  port: number;
}

export interface SendOptions {
  /** Bytes of the input in one message; default 1 MiB, at most MAX_RECORD_BYTES. */
  recordBytes?: number;
  /** For connecting; default 10 seconds. */
  connectMs?: number;
  /** For an answer while data are sent; default 5 minutes. */
  answerMs?: number;
  /** For the answer after the last data, that is, for loading; default a day. */
  loadMs?: number;
  signal?: AbortSignal;
  /** Told of each step. */
  trace?: (step: string) => void;
}

/** How a contribution that was sent ended. */
export interface SentContribution {
  /** Contribution id. */
  id: number;
  /** Sent. */
  bytes: number;
  numWarnings: number;
  /** Rows parsed, rows loaded. */
  numRows: number;
  numRowsLoaded: number;
}

/** After which a connection on which nothing goes is tried: a host that is gone is noticed while it should be loading. */
const KEEP_ALIVE_MS = 60_000;

const DEFAULTS = { recordBytes: 1024 * 1024, connectMs: 10_000, answerMs: 300_000, loadMs: 24 * 3600_000 };

/**
 * Sends one contribution to a worker by Qserv's binary protocol, docs/contract/binary-protocol.md; it makes no second attempt.
 * Errors: NOT_ALLOWED (the key), LOAD_FAILED (the worker said FAILED), UNAVAILABLE (no connection, or it was lost), INTERNAL (the worker
 * does not keep to the protocol), CANCELLED, those of `input`. `details.retryAllowed` says whether the same may be sent again in the same
 * super-transaction; when it is false, abort that. `details.contribution` is the contribution's id, if there is one.
 */
export async function sendContribution(
  address: BinaryAddress,
  handshake: HandshakeRequest,
  input: AsyncIterable<Buffer>,
  options: SendOptions = {},
): Promise<SentContribution> {
  const socket = await dial(address, options.connectMs ?? DEFAULTS.connectMs, options.signal);
  const cancel = () => socket.destroy(cancelled());
  options.signal?.addEventListener('abort', cancel);
  try {
    if (options.signal?.aborted) throw cancelled();
    return await new Sending(socket, address, options).run(handshake, input);
  } finally {
    options.signal?.removeEventListener('abort', cancel);
    socket.destroy();
  }
}

class Sending {
  private readonly peer: Peer;
  private readonly where: string;
  private id: number | undefined;
  private sentLast = false;

  constructor(
    socket: Socket,
    { host, port }: BinaryAddress,
    private readonly options: SendOptions,
  ) {
    this.peer = new Peer(socket);
    this.where = `ingest service ${host}:${port}`;
  }

  async run(handshake: HandshakeRequest, input: AsyncIterable<Buffer>): Promise<SentContribution> {
    const { trace, recordBytes = DEFAULTS.recordBytes } = this.options;
    trace?.(`${this.where}: connected`);
    const greeted = await this.exchange(handshakeRequest.encode(handshake));
    if (greeted.status !== 'READY_TO_READ_DATA') throw this.outOfOrder(greeted, 'before any data');
    trace?.(`${this.where}: contribution ${greeted.id}`);
    let bytes = 0;
    for await (const { data, last } of records(input, recordBytes)) {
      this.sentLast = last;
      const answer = await this.exchange(ingestData.encode({ data, last }));
      bytes += data.length;
      trace?.(`${this.where}: ${bytes} bytes sent, ${answer.numRows} rows parsed`);
      if (answer.status !== (last ? 'FINISHED' : 'READY_TO_READ_DATA')) {
        throw this.outOfOrder(answer, last ? 'after the last data' : 'before the last data');
      }
      if (last) {
        const { id, numWarnings, numRows, numRowsLoaded } = answer;
        return { id, bytes, numWarnings, numRows, numRowsLoaded };
      }
    }
    throw new IngestError('INTERNAL', 'an input without an end');
  }

  /** Sends a message and reads its answer, which is not FAILED. */
  private async exchange(message: Buffer): Promise<IngestResponse> {
    const answer = await this.answer(message);
    if (answer.id !== NO_CONTRIBUTION) this.id = answer.id;
    if (answer.status !== 'FAILED') return answer;
    const code = this.id === undefined && answer.error === 'not authorized' ? 'NOT_ALLOWED' : 'LOAD_FAILED';
    throw this.error(code, `server error: ${answer.error}`, answer.retryAllowed);
  }

  private async answer(message: Buffer): Promise<IngestResponse> {
    const { answerMs = DEFAULTS.answerMs, loadMs = DEFAULTS.loadMs, signal } = this.options;
    try {
      await this.peer.send(message, answerMs);
      return ingestResponse.decode(await this.peer.receive({ idleMs: this.sentLast ? loadMs : answerMs }));
    } catch (error) {
      if (signal?.aborted) throw cancelled();
      const { code, message: what } = error as IngestError;
      const lost = code === 'UNAVAILABLE';
      const unknown = this.sentLast ? '; whether rows were loaded is unknown: abort the super-transaction' : '';
      throw this.error(lost ? 'UNAVAILABLE' : 'INTERNAL', `${what}${unknown}`, !this.sentLast);
    }
  }

  private outOfOrder({ status }: IngestResponse, when: string): IngestError {
    return this.error('INTERNAL', `protocol error: the server says ${status} ${when}`, false);
  }

  private error(code: IngestError['code'], what: string, retryAllowed: boolean): IngestError {
    const contribution = this.id === undefined ? {} : { contribution: this.id };
    return new IngestError(code, `${this.where}: ${what}`, { retryAllowed, ...contribution });
  }
}

/** A connection whose data nobody has read yet. */
function dial({ host, port }: BinaryAddress, ms: number, signal?: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(cancelled());
    const socket = connect({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS });
    socket.on('error', () => {});
    const done = (why?: string, error?: IngestError) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
      socket.off('error', failed).off('connect', connected);
      if (why === undefined && error === undefined) return resolve(socket);
      socket.destroy();
      const what = `ingest service ${host}:${port} does not answer: ${why}`;
      reject(error ?? new IngestError('UNAVAILABLE', what, { retryAllowed: true }));
    };
    const failed = (error: NodeJS.ErrnoException) => done(error.code ?? error.message);
    const connected = () => done();
    const cancel = () => done(undefined, cancelled());
    const timer = setTimeout(() => done(`no connection within ${ms} ms`), ms);
    signal?.addEventListener('abort', cancel);
    socket.once('error', failed).once('connect', connected);
  });
}

const cancelled = () => new IngestError('CANCELLED', 'sending was cancelled');
