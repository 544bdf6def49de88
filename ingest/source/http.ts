import type { Dispatcher } from 'undici';
import { IngestError } from '../core/errors';
import type { ContributionSource } from '../worker/worker';
import { sharedClients } from './clients';
import { curlError } from './curl';
import { broken, sourceError } from './errors';
import { brokenHttp } from './fault';
import { Pace } from './pace';
import { delay } from './patience';
import { methodOf, requestOf, type SourceRequest } from './request';
import type { SourceRules } from './rules';
import type { StoredBytes, StoredFacts } from './stored';
import { type Transfer, transferOf } from './transfer';

const MAX_REDIRECTS = 5;

/** Facts by HEAD, or by a GET that is broken off when the server does not take HEAD. Other methods are not tried out. */
export async function inspectHttp(
  source: ContributionSource,
  url: URL,
  rules: SourceRules,
  signal?: AbortSignal,
): Promise<StoredFacts> {
  if (methodOf(source) !== 'GET') return {};
  try {
    const head = { ...source, http: { ...source.http, method: 'HEAD' } };
    const { facts, close } = await openHttp(head, url, rules, signal);
    await close();
    return facts;
  } catch (error) {
    // Signed URLs are signed for one method, some servers know GET alone.
    if (!(error instanceof IngestError) || Number(error.details.httpError ?? 0) < 400) throw error;
  }
  const { facts, close } = await openHttp(source, url, rules, signal);
  await close();
  return facts;
}

/** Asks for a source and hands on its body when the server gives it. Errors: see `openSource`. */
export async function openHttp(
  source: ContributionSource,
  url: URL,
  rules: SourceRules,
  signal?: AbortSignal,
): Promise<StoredBytes> {
  const transfer = settings(source.url, rules);
  const pace = new Pace(source.url, rules.stallSeconds, transfer);
  const { statusCode, headers, body } = await follow({ source, rules, transfer, pace, signal }, url);
  const close = async () => {
    body.on('error', () => {}).destroy();
  };
  // What is not the whole of it is no answer to our request, which never asks for a part.
  if (statusCode < 200 || statusCode > 299 || statusCode === 206) {
    await close();
    throw refused(source.url, statusCode);
  }
  const length = single(headers['content-length']);
  const etag = single(headers.etag);
  return {
    facts: { ...(length === undefined ? {} : { bytes: Number(length) }), ...(etag === undefined ? {} : { etag }) },
    chunks: read(source.url, body),
    pace,
    // The connection of a HEAD is free for the next one.
    close: source.http?.method === 'HEAD' ? () => body.dump().catch(() => {}) : close,
  };
}

function settings(url: string, rules: SourceRules): Transfer {
  try {
    return transferOf(rules.transfer);
  } catch (error) {
    throw brokenHttp(url, error, 'reply');
  }
}

interface Reading {
  source: ContributionSource;
  rules: SourceRules;
  transfer: Transfer;
  pace: Pace;
  signal?: AbortSignal;
}

async function follow(reading: Reading, url: URL): Promise<Dispatcher.ResponseData> {
  const { source, rules } = reading;
  let request = requestOf(source, rules);
  let at = url;
  for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
    checkHop(source.url, at);
    const response = await send(reading, at, at.origin === url.origin ? request : withoutHeaders(source.url, request));
    const { statusCode } = response;
    const location = single(response.headers.location);
    if (statusCode < 300 || statusCode > 399) return response;
    const leads = [301, 302, 303, 307, 308].includes(statusCode) && location !== undefined;
    if (!leads && rules.redirects !== 'refuse') return response;
    response.body.on('error', () => {}).destroy();
    if (!leads || rules.redirects === 'refuse')
      throw redirected(source.url, statusCode, 'redirects are not followed here');
    if (!URL.canParse(location, at.href)) throw redirected(source.url, statusCode, 'redirected to no URL');
    at = new URL(location, at);
    request = redirectedRequest(request, statusCode);
  }
  throw redirected(source.url, 0, `more than ${MAX_REDIRECTS} redirects`);
}

function redirected(url: string, status: number, what: string): IngestError {
  const said = status === 0 ? what : `the server answered ${status}: ${what}`;
  return sourceError('SOURCE_DENIED', url, said, { httpError: status, curl: curlError(47) });
}

/** RFC 9110 §15.4: after 303 the answer is fetched by GET, and after 301 and 302 to a POST as well, as all clients have it. */
function redirectedRequest(request: SourceRequest, status: number): SourceRequest {
  const { method, headers } = request;
  const becomesGet = method !== 'HEAD' && (status === 303 || (status < 303 && method === 'POST'));
  if (!becomesGet) return request;
  return { method: 'GET', headers: headers.filter(([name]) => name.toLowerCase() !== 'content-type') };
}

/** What goes to another server than the one that was named: nothing that may be secret. */
function withoutHeaders(url: string, { method, body }: SourceRequest): SourceRequest {
  if (body !== undefined)
    throw sourceError('SOURCE_DENIED', url, "redirected to another server, which must not get the request's body");
  return { method, headers: [['accept-encoding', 'identity']] };
}

/** Every address that a request goes to passes here, redirects included. */
function checkHop(source: string, url: URL): void {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw sourceError('SOURCE_DENIED', source, `redirected to ${url.protocol}, which is not HTTP`);
  }
  if (url.username !== '' || url.password !== '') {
    throw sourceError('INVALID_INPUT', source, `credentials in the URL; put them in a header as \${env:NAME}`);
  }
}

async function send(
  reading: Reading,
  url: URL,
  { method, headers, body }: SourceRequest,
): Promise<Dispatcher.ResponseData> {
  const { source, rules, transfer, pace, signal } = reading;
  const over = new AbortController();
  const ends = signal === undefined ? over.signal : AbortSignal.any([signal, over.signal]);
  const answer = async () => {
    const way = await (rules.clients ?? sharedClients).to(url, rules, transfer);
    const given = new Set(headers.map(([name]) => name.toLowerCase()));
    return way.dispatcher.request({
      origin: way.origin,
      path: way.path,
      method,
      headers: [...way.headers.filter(([name]) => !given.has(name)), ...headers].flat(),
      body,
      headersTimeout: delay(rules.stallSeconds),
      // Ours counts only while somebody waits for bytes, see Pace.
      bodyTimeout: 0,
      signal: ends,
    });
  };
  try {
    return await pace.wait(answer(), () => 0, { mayStall: true });
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    over.abort();
    throw brokenHttp(source.url, error, 'reply');
  }
}

async function* read(url: string, body: Dispatcher.ResponseData['body']): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    throw brokenHttp(url, error, 'body');
  }
}

function refused(url: string, status: number): IngestError {
  const details = { httpError: status, ...(status < 400 ? {} : { curl: curlError(22) }) };
  const said = `the server answered ${status}`;
  if (status >= 500 || status === 408 || status === 429) return broken(url, said, details);
  if (status === 401 || status === 403 || status === 407) return sourceError('SOURCE_DENIED', url, said, details);
  return sourceError('SOURCE_MISSING', url, said, details);
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
