import type { Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import {
  type HandshakeRequest,
  handshakeRequest,
  type IngestResponse,
  ingestData,
  ingestResponse,
} from '../../api/binary/messages';
import { Peer } from '../../api/binary/peer';
import type { Contribution } from '../../ingest/core/contributions';
import { IngestError } from '../../ingest/core/errors';
import { Race } from '../../ingest/core/race';
import { isSameKey } from '../../ingest/core/same-key';
import type { OpenContribution, ValueRequest } from '../../ingest/worker/contributions';
import { asRefusal } from '../http/refusals';
import type { BinaryService } from './service';
import { brokenText, ended, ready, refusalText, refused, unrecorded } from './texts';

const INTERNAL = 'internal error, see the log of the service';

type Outcome = { contribution: Contribution } | { failure: unknown };

/** One client and its one contribution, docs/contract/binary-protocol.md §3. */
export class BinaryConnection {
  /** greeting: nothing is known yet; receiving: data come; loading: they are complete; leaving: the last answer was given. */
  phase: 'greeting' | 'receiving' | 'loading' | 'leaving' = 'greeting';
  private readonly peer: Peer;
  private readonly from: string;

  constructor(
    private readonly socket: Socket,
    private readonly service: BinaryService,
  ) {
    this.peer = new Peer(socket);
    this.from = `${socket.remoteAddress}:${socket.remotePort}`;
  }

  /** Serves the client until the connection is closed. Rejects on a defect only. */
  async run(): Promise<void> {
    try {
      await this.converse();
    } catch (error) {
      if (!(error instanceof IngestError)) throw error;
      this.service.logger?.info({ from: this.from, reason: error.message }, 'a binary connection was closed');
    }
    this.phase = 'leaving';
    await this.leave();
  }

  /** Breaks the connection: data that are not complete are not loaded. */
  breakOff(): void {
    this.socket.destroy();
  }

  private async converse(): Promise<void> {
    const { worker, key, logger } = this.service;
    const handshake = await this.greeting();
    if (!isSameKey(handshake.authKey, key)) {
      logger?.warn({ from: this.from }, 'a binary connection with a wrong key');
      return this.answer(refused('not authorized'));
    }
    refuseNul(handshake);
    const { transactionId, table, chunk, isOverlap, url, dialect, maxNumWarnings, charset } = handshake;
    const request: ValueRequest = {
      ...{ channel: 'binary', transactionId, table, chunk, overlap: isOverlap },
      ...{ url, dialect, maxNumWarnings, charset },
    };
    let open: OpenContribution;
    try {
      open = await worker.receive(request);
    } catch (error) {
      const text = refusalText(error);
      if (text === undefined) logger?.error({ err: error, from: this.from }, 'a binary handshake failed');
      return this.answer(refused(text ?? INTERNAL, (error as Partial<IngestError>).details?.contribution));
    }
    this.phase = 'receiving';
    return this.answer(this.account(open, await this.receive(open)));
  }

  private account(open: OpenContribution, outcome: Outcome): IngestResponse {
    const { logger } = this.service;
    const { from } = this;
    if ('failure' in outcome) {
      logger?.error({ err: outcome.failure, from, id: open.id }, 'the record of a binary contribution was not written');
      return unrecorded(open.id, asRefusal(outcome.failure)?.tail ?? INTERNAL);
    }
    const { id, status } = outcome.contribution;
    logger?.info({ from, id, status }, 'a binary contribution ended');
    return ended(outcome.contribution);
  }

  private async greeting(): Promise<HandshakeRequest> {
    const { timeouts, limits } = this.service;
    const deadline = Date.now() + timeouts.handshakeMs;
    const message = await this.peer.receive({ idleMs: timeouts.handshakeMs, deadline, limit: limits.handshakeBytes });
    return handshakeRequest.decode(message);
  }

  /** Hands on what the client sends. Errors: those of the connection, when the contribution has ended without it. */
  private async receive(open: OpenContribution): Promise<Outcome> {
    // One byte: written data count as taken only when the reader has them.
    const csv = new PassThrough({ readableHighWaterMark: 1 });
    csv.on('error', () => {});
    const loading = open.load(csv).then<Outcome, Outcome>(
      (contribution) => ({ contribution }),
      (failure) => ({ failure }),
    );
    try {
      const over = await this.feed(csv, open, loading);
      if (over) return over;
    } catch (error) {
      csv.destroy(new IngestError('SOURCE_BROKEN', brokenText(error)));
      this.account(open, await loading);
      throw error;
    }
    this.phase = 'loading';
    csv.end();
    return loading;
  }

  /** Returns when the data are complete, or when loading ended before they were. */
  private async feed(
    csv: PassThrough,
    open: OpenContribution,
    loading: Promise<Outcome>,
  ): Promise<Outcome | undefined> {
    const untilLoaded = new Race(loading);
    for (;;) {
      await this.answer(ready(open));
      const { data, last } = ingestData.decode(await this.peer.receive({ idleMs: this.service.timeouts.idleMs }));
      const taken = new Promise<void>((resolve) => csv.write(data, () => resolve()));
      const over = await untilLoaded.with(taken);
      if (over) return over;
      if (csv.destroyed) return loading;
      if (!last) continue;
      if (this.peer.hasMore) throw new IngestError('INVALID_INPUT', 'there are data after the last packet');
      return undefined;
    }
  }

  private answer(response: IngestResponse): Promise<void> {
    return this.peer.send(ingestResponse.encode(response), this.service.timeouts.idleMs);
  }

  /** Lets the client read its last answer: closing a socket that holds unread data would take it away. */
  private leave(): Promise<void> {
    const { socket } = this;
    return new Promise((resolve) => {
      if (socket.destroyed) return resolve();
      const timer = setTimeout(() => socket.destroy(), this.service.timeouts.lingerMs);
      socket.once('close', () => {
        clearTimeout(timer);
        resolve();
      });
      if (socket.readableEnded) return socket.end(() => socket.destroy());
      socket.once('end', () => socket.destroy());
      socket.end();
      socket.resume();
    });
  }
}

/** No text may hold a character that no record can hold. */
function refuseNul({ table, url, charset, dialect }: HandshakeRequest): void {
  if ([table, url, charset, ...Object.values(dialect)].some((text) => text.includes('\0'))) {
    throw new IngestError('INVALID_INPUT', 'no HandshakeRequest: a NUL character');
  }
}
