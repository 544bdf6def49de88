import { Agent, type Dispatcher, request } from 'undici';
import { IngestError } from '../core/errors';
import { shownUrl } from '../core/shown-url';

/** Connections to one origin, and how long they are waited for. */
export interface TransportOptions {
  /** Base URLs of one service; the next one is tried only where no connection came about. */
  urls: string[];
  /** To each origin, for what is answered at once; further requests wait. Default 8. Long operations have one each. */
  connections?: number;
  /** Default 10. */
  connectSeconds?: number;
  /** Longest silence of a service that answers at once. Long operations have no limit. Default 300. */
  readSeconds?: number;
}

export interface Message {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With the query. */
  target: string;
  /** What errors call the request: method and path. */
  name: string;
  headers: Record<string, string>;
  body?: string | Dispatcher.DispatchOptions['body'];
  /** The service may work for hours before it answers. */
  long?: boolean;
  signal?: AbortSignal;
}

/** What came back. */
export interface Received {
  status: number;
  contentType: string;
  text: string;
}

/** Causes with which a request cannot have reached anybody; so has none whose connection failed. */
const NOT_SENT = new Set(['UND_ERR_CONNECT_TIMEOUT', 'ENOTFOUND', 'EAI_AGAIN', 'EADDRNOTAVAIL']);

/** Sends requests to one service, each once. */
export class Transport {
  private readonly agent: Agent;
  /** Long operations would keep everything else waiting for as long as they take. */
  private readonly patient: Agent;
  private closed = false;
  private readonly readMs: number;

  constructor(private readonly options: TransportOptions) {
    const { connections = 8, connectSeconds = 10, readSeconds = 300 } = options;
    this.readMs = readSeconds * 1000;
    const common = { pipelining: 1, connect: { timeout: connectSeconds * 1000 } };
    this.agent = new Agent({ ...common, connections });
    this.patient = new Agent(common);
  }

  /** As errors name the service. */
  get place(): string {
    return shownUrl(this.options.urls[0] ?? '').replace(/\/$/, '');
  }

  /**
   * UNAVAILABLE with `details.outcome`: 'not sent', or 'unknown' where the request may have arrived and may have been carried out;
   * CANCELLED, with the same.
   */
  async send(message: Message): Promise<Received> {
    let failure: IngestError | undefined;
    for (const base of this.options.urls) {
      try {
        return await this.sendTo(base, message);
      } catch (error) {
        failure = this.asFailure(base, message, error);
        // What a body had is gone with the first attempt.
        const again = failure.details.outcome === 'not sent' && isText(message.body);
        if (!again || failure.code === 'CANCELLED') throw failure;
      }
    }
    throw failure ?? new IngestError('INVALID_INPUT', `no URL is known for ${message.name}`);
  }

  private async sendTo(base: string, { method, target, headers, body, long, signal }: Message): Promise<Received> {
    const timeout = long ? 0 : this.readMs;
    const response = await request(`${base.replace(/\/$/, '')}${target}`, {
      dispatcher: long ? this.patient : this.agent,
      method,
      headers,
      body,
      headersTimeout: timeout,
      bodyTimeout: timeout,
      signal,
    });
    const type = response.headers['content-type'];
    return {
      status: response.statusCode,
      contentType: (Array.isArray(type) ? type[0] : type) ?? '',
      text: await response.body.text(),
    };
  }

  private asFailure(base: string, { name, signal }: Message, error: unknown): IngestError {
    // A body that failed tells why.
    if (error instanceof IngestError) return error;
    const where = `${name} at ${shownUrl(base).replace(/\/$/, '')}`;
    if (signal?.aborted || this.closed) {
      return new IngestError('CANCELLED', `${where} was given up`, { outcome: 'unknown' });
    }
    const { code, cause } = error as { code?: string; cause?: { code?: string } };
    const why = code ?? cause?.code ?? (error as Error).name;
    if (code === 'UND_ERR_INVALID_ARG') {
      return new IngestError('INVALID_INPUT', `${where} cannot be sent as given`, { outcome: 'not sent' });
    }
    const outcome = NOT_SENT.has(why) || neverConnected(error) ? 'not sent' : 'unknown';
    const what = outcome === 'unknown' ? 'the connection broke before a reply came' : 'no connection came about';
    return new IngestError('UNAVAILABLE', `${where}: ${what} (${why})`, { outcome, cause: why });
  }

  /** Closes the connections once what is under way is over. */
  async retire(): Promise<void> {
    await Promise.all([this.agent.close(), this.patient.close()]);
  }

  /** Gives up what is under way. */
  async close(): Promise<void> {
    this.closed = true;
    await Promise.all([this.agent.destroy(), this.patient.destroy()]);
  }
}

/** True for what `connect` said, of each address where a name has several. */
function neverConnected(error: unknown): boolean {
  const all: unknown[] = error instanceof AggregateError ? error.errors : [error];
  return all.every((one) => (one as { syscall?: string }).syscall === 'connect');
}

function isText(body: Message['body']): boolean {
  return body === undefined || typeof body === 'string';
}
