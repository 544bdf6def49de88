import { type Dispatcher, request } from 'undici';
import { IngestError } from '../core/errors';
import type { ContributionSource } from '../worker/worker';
import { broken, sourceError } from './errors';
import type { SourceRules } from './rules';
import { withSecrets } from './secrets';
import type { StoredBytes, StoredFacts } from './stored';

const MAX_REDIRECTS = 5;

/** Facts by HEAD, or by a GET that is broken off when the server does not take HEAD. Other methods are not tried out. */
export async function inspectHttp(
  source: ContributionSource,
  url: URL,
  rules: SourceRules,
  signal?: AbortSignal,
): Promise<StoredFacts> {
  if ((source.http?.method ?? 'GET').toUpperCase() !== 'GET') return {};
  try {
    const { facts, close } = await openHttp(
      { ...source, http: { ...source.http, method: 'HEAD' } },
      url,
      rules,
      signal,
    );
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

export async function openHttp(
  source: ContributionSource,
  url: URL,
  rules: SourceRules,
  signal?: AbortSignal,
): Promise<StoredBytes> {
  const response = await follow(source, url, rules, signal);
  const { statusCode, headers, body } = response;
  if (statusCode !== 200) {
    body.on('error', () => {}).destroy();
    throw refused(source.url, statusCode);
  }
  const length = single(headers['content-length']);
  const etag = single(headers.etag);
  return {
    facts: { ...(length === undefined ? {} : { bytes: Number(length) }), ...(etag === undefined ? {} : { etag }) },
    chunks: read(source.url, body),
    close: async () => {
      body.on('error', () => {}).destroy();
    },
  };
}

async function follow(
  source: ContributionSource,
  url: URL,
  rules: SourceRules,
  signal?: AbortSignal,
): Promise<Dispatcher.ResponseData> {
  const headers = requestHeaders(source, rules);
  let at = url;
  for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
    checkHop(source.url, at);
    const response = await send(source, at, at.origin === url.origin ? headers : {}, rules, signal);
    const location = single(response.headers.location);
    if (![301, 302, 303, 307, 308].includes(response.statusCode) || location === undefined) return response;
    await response.body.dump();
    if (!URL.canParse(location, at.href)) throw sourceError('SOURCE_DENIED', source.url, 'redirected to no URL');
    at = new URL(location, at);
  }
  throw sourceError('SOURCE_DENIED', source.url, `more than ${MAX_REDIRECTS} redirects`);
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
  source: ContributionSource,
  url: URL,
  headers: Record<string, string>,
  rules: SourceRules,
  signal?: AbortSignal,
): Promise<Dispatcher.ResponseData> {
  const method = (source.http?.method ?? 'GET').toUpperCase() as Dispatcher.HttpMethod;
  try {
    return await request(url, {
      method,
      headers: { 'accept-encoding': 'identity', ...headers },
      body: method === 'GET' || method === 'HEAD' ? undefined : source.http?.data,
      headersTimeout: rules.stallSeconds * 1000,
      // Ours counts only while somebody waits for bytes, see openSource.
      bodyTimeout: 0,
      signal,
    });
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw brokenHttp(source.url, error);
  }
}

async function* read(url: string, body: Dispatcher.ResponseData['body']): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    throw brokenHttp(url, error);
  }
}

function requestHeaders(source: ContributionSource, rules: SourceRules): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const line of source.http?.headers ?? []) {
    const colon = line.indexOf(':');
    if (colon < 1) throw sourceError('INVALID_INPUT', source.url, 'an HTTP header is not of the form "Name: value"');
    const name = line.slice(0, colon).trim();
    headers[name] = withSecrets(line.slice(colon + 1).trim(), `header ${name}`, source.url, rules);
  }
  return headers;
}

function refused(url: string, status: number): IngestError {
  const details = { httpError: status };
  if (status >= 500 || status === 408 || status === 429) return broken(url, `the server answered ${status}`, details);
  if (status === 401 || status === 403)
    return sourceError('SOURCE_DENIED', url, `the server answered ${status}`, details);
  return sourceError('SOURCE_MISSING', url, `the server answered ${status}`, details);
}

/** The driver's message is kept unless it repeats what was sent. */
function brokenHttp(url: string, error: unknown): IngestError {
  if (error instanceof IngestError) return error;
  const { code, cause } = error as { code?: string; cause?: { code?: string; message?: string } };
  if (code === 'UND_ERR_INVALID_ARG')
    return sourceError('INVALID_INPUT', url, 'the HTTP request cannot be sent as given');
  const why = code ?? cause?.code ?? cause?.message ?? (error as Error).message;
  return broken(url, `the connection broke (${why})`, { cause: why });
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
