import type { Readable } from 'node:stream';
import type { z } from 'zod';
import { type AnyEndpoint, API_VERSION, type ReplyOf, type SentTo } from '../../api/qserv/endpoint';
import { controllerVersion, workerVersion } from '../../api/qserv/meta';
import { IngestError } from '../core/errors';
import { hidden } from './hidden';
import { multipart } from './multipart';
import { refusalError } from './refusals';
import { type Received, Transport, type TransportOptions } from './transport';

export interface ClientOptions extends TransportOptions {
  service: 'controller' | 'worker';
  authKey: string;
  /** Without it, nothing that needs an administrator is asked for. */
  adminAuthKey?: string;
}

/** Numbers are written in decimal. */
type Texts<T> = { [K in keyof T]: T[K] | number };

/** What a call of the endpoint needs. */
export type Sent<E extends AnyEndpoint> = {
  [Part in 'params' | 'query' | 'body' as E[Part] extends z.ZodType ? Part : never]: Part extends 'body'
    ? SentTo<E>['body']
    : Texts<SentTo<E>[Part]>;
};

/** What a reply says, parsed. */
export type Replied<E extends AnyEndpoint> = z.output<E['reply']>;

export interface CallOptions {
  /** Sends the administrator's key. NOT_ALLOWED, and nothing is sent, where there is none. */
  admin?: boolean;
  /** The service may work for hours: there is no limit but the signal. */
  long?: boolean;
  signal?: AbortSignal;
  /** Texts of the request that no error may repeat. */
  secrets?: string[];
}

type Fields = Record<string, unknown>;

/**
 * One service of Qserv, docs/contract/README.md §2 to §6. Every call is one request; whoever calls decides what to do after a failure.
 * Errors: UNAVAILABLE and CANCELLED with `details.outcome` ('not sent', 'unknown'); refusals by their texts, see refusals.ts; INTERNAL
 * for a reply that should not exist. None holds a key.
 */
export class QservClient {
  private readonly transport: Transport;
  private version?: Promise<number>;

  constructor(private readonly options: ClientOptions) {
    this.transport = new Transport(options);
  }

  get hasAdminKey(): boolean {
    return this.options.adminAuthKey !== undefined;
  }

  async call<E extends AnyEndpoint>(endpoint: E, sent: Sent<E>, options: CallOptions = {}): Promise<Replied<E>> {
    const { query = {}, body = {}, params = {} } = sent as { query?: Fields; body?: Fields; params?: Fields };
    const { method } = endpoint;
    const version = await this.spoken(endpoint, body, options.signal);
    const isGet = method === 'GET';
    const stated = version === undefined ? {} : { version };
    const json = isGet ? { ...body } : { ...this.keys(endpoint, options), ...stated, ...body };
    const hasBody = !isGet || endpoint.body !== undefined;
    const received = await this.transport.send({
      method,
      target: target(endpoint, params, isGet ? { ...stated, ...query } : query),
      name: nameOf(endpoint),
      headers: hasBody ? { 'content-type': 'application/json' } : {},
      ...(hasBody ? { body: JSON.stringify(json) } : {}),
      long: options.long,
      signal: options.signal,
    });
    return this.read(endpoint, received, options);
  }

  /** Sends fields and one file as a multipart form; keys and version are added. The file's errors are the call's. */
  async upload<E extends AnyEndpoint>(
    endpoint: E,
    fields: Record<string, string>,
    file: { name: string; content: Readable },
    options: CallOptions = {},
  ): Promise<Replied<E>> {
    const version = await this.spoken(endpoint, fields, options.signal);
    const stated: Record<string, string> = version === undefined ? {} : { version: String(version) };
    const form = multipart({ ...this.keys(endpoint, options), ...stated, ...fields }, file);
    const received = await this.transport.send({
      method: 'POST',
      target: endpoint.path,
      name: nameOf(endpoint),
      headers: { 'content-type': form.contentType },
      body: form.body,
      long: true,
      signal: options.signal,
    });
    return this.read(endpoint, received, options);
  }

  /** What the service says of itself; asked anew each time. */
  identity(signal?: AbortSignal): Promise<ReplyOf<typeof controllerVersion> | ReplyOf<typeof workerVersion>> {
    return this.options.service === 'controller'
      ? this.call(controllerVersion, {}, { signal })
      : this.call(workerVersion, {}, { signal });
  }

  /** Gives up what is under way. */
  close(): Promise<void> {
    return this.transport.close();
  }

  /** Lets what is under way come to its end. */
  retire(): Promise<void> {
    return this.transport.retire();
  }

  private keys(endpoint: AnyEndpoint, { admin }: CallOptions): Record<string, string> {
    const { authKey, adminAuthKey } = this.options;
    if (!admin) return { auth_key: authKey };
    if (adminAuthKey !== undefined) return { admin_auth_key: adminAuthKey };
    const message = `${nameOf(endpoint)} at ${this.transport.place} needs the administrator's key, and none is configured for it`;
    throw new IngestError('NOT_ALLOWED', message);
  }

  /** The version to state: ours, or that of an older service. Undefined for endpoints that do not look at it. */
  private async spoken(endpoint: AnyEndpoint, body: Fields, signal?: AbortSignal): Promise<number | undefined> {
    if (endpoint.floor === undefined) return undefined;
    const floor = Math.max(endpoint.floor, ...(endpoint.floors?.(body) ?? []).map((field) => field.floor));
    // Asked once for all that wait for it: no signal of one of them stops it.
    this.version ??= this.identity().then(
      ({ version }) => Math.min(version, API_VERSION),
      (error: unknown) => {
        this.version = undefined;
        throw error instanceof IngestError ? notSent(error) : error;
      },
    );
    const version = await this.unlessCancelled(this.version, nameOf(endpoint), signal);
    if (version >= floor) return version;
    const message = `${this.transport.place} speaks version ${version} of the API; ${nameOf(endpoint)} needs ${floor}`;
    throw new IngestError('INVALID_INPUT', message, { version, floor });
  }

  private async unlessCancelled<T>(work: Promise<T>, what: string, signal?: AbortSignal): Promise<T> {
    if (signal === undefined) return work;
    let cancel = () => {};
    const cancelled = new Promise<never>((_, reject) => {
      const message = `${what} at ${this.transport.place} was given up`;
      cancel = () => reject(new IngestError('CANCELLED', message, { outcome: 'not sent' }));
      if (signal.aborted) cancel();
      signal.addEventListener('abort', cancel);
    });
    try {
      return await Promise.race([work, cancelled]);
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  }

  private read<E extends AnyEndpoint>(endpoint: E, received: Received, options: CallOptions): Replied<E> {
    const where = `${nameOf(endpoint)} at ${this.transport.place}`;
    if (received.status !== 200) throw notHandled(where, received.status);
    const reply = parsed(received.text);
    if (reply === undefined || (reply.success !== 0 && reply.success !== 1)) {
      throw misfit(where, 'is not one of Qserv');
    }
    if (reply.success === 0) throw this.refused(where, reply, options);
    const result = endpoint.reply.safeParse(reply);
    if (result.success) return result.data as Replied<E>;
    const [issue] = result.error.issues;
    throw misfit(where, `does not fit: ${issue?.path.join('.')}: ${issue?.message}`);
  }

  private refused(where: string, { error, error_ext }: Fields, { secrets = [] }: CallOptions): IngestError {
    const { authKey, adminAuthKey = '' } = this.options;
    const ext = typeof error_ext === 'object' && error_ext !== null ? (error_ext as Fields) : {};
    const known = refusalError(where, String(error), ext);
    // The service may have been replaced by another version of it.
    if ('min_version' in ext) this.version = undefined;
    return hidden(known, [authKey, adminAuthKey, ...secrets]);
  }
}

function nameOf({ method, path }: AnyEndpoint): string {
  return `${method} ${path}`;
}

function target({ path }: AnyEndpoint, params: Fields, query: Fields): string {
  const filled = path.replaceAll(/:(\w+)/g, (_, name: string) => encodeURIComponent(String(params[name])));
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined);
  const text = pairs.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`).join('&');
  return text === '' ? filled : `${filled}?${text}`;
}

function parsed(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Fields) : undefined;
  } catch {
    return undefined;
  }
}

function notHandled(where: string, status: number): IngestError {
  if (status >= 500) {
    return new IngestError('UNAVAILABLE', `${where}: status ${status}`, { outcome: 'unknown', status });
  }
  const hint = status === 404 ? '; is it the URL of such a service of Qserv?' : '';
  return new IngestError('INTERNAL', `${where}: status ${status}${hint}`, { status });
}

/** What failed came before the request itself. */
function notSent({ code, message, details }: IngestError): IngestError {
  return new IngestError(code, message, { ...details, outcome: 'not sent' });
}

/** The request may have been carried out: that much is said as of a lost reply. */
function misfit(where: string, what: string): IngestError {
  return new IngestError('INTERNAL', `the reply to ${where} ${what}`, { outcome: 'unknown' });
}
