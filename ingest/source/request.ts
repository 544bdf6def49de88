import type { Dispatcher } from 'undici';
import { SOURCE_LIMITS } from '../core/source-policy';
import type { ContributionSource } from '../worker/worker';
import { sourceError } from './errors';
import type { SourceRules } from './rules';
import { withSecrets } from './secrets';

/** More are a mistake or an attack. */
const MAX_HEADER_LINES = 100;

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE']);

/** A request as its source says, whatever server it goes to. */
export interface SourceRequest {
  method: Dispatcher.HttpMethod;
  headers: [name: string, value: string][];
  body?: string;
}

/** The method that a source is asked by: a body makes a GET a POST, as libcurl has it (CURLOPT_POSTFIELDS in lsst/qserv src/http/Client.cc). */
export function methodOf({ http }: ContributionSource): Dispatcher.HttpMethod {
  const method = (http?.method || 'GET').toUpperCase();
  return (method === 'GET' && (http?.data ?? '') !== '' ? 'POST' : method) as Dispatcher.HttpMethod;
}

/**
 * The request for a source. Header lines are libcurl's: `Name: value`; `Name;` for an empty value; `Name:` for not sending a header
 * that would be sent by default. Errors: INVALID_INPUT, which repeats no value.
 */
export function requestOf(source: ContributionSource, rules: SourceRules): SourceRequest {
  const lines = source.http?.headers ?? [];
  const limit = rules.limits?.headerBytes ?? SOURCE_LIMITS.headerBytes;
  const invalid = (what: string) => sourceError('INVALID_INPUT', source.url, what);
  if (lines.length > MAX_HEADER_LINES) throw invalid(`${lines.length} HTTP headers are more than ${MAX_HEADER_LINES}`);
  const headers = lines.map((line) => headerOf(line, source.url, rules, invalid));
  const bytes = headers.reduce((sum, [name, value]) => sum + name.length + (value?.length ?? 0), 0);
  if (bytes > limit) throw invalid(`its HTTP headers are longer than ${limit} bytes`);
  const method = methodOf(source);
  // Of Qserv's methods MIMEPOST is left, which says nothing of a body; its words.
  if (!METHODS.has(method)) throw invalid(`http::Client::Client:  method ${method} is not allowed in this constructor`);
  const body = source.http?.data ?? '';
  const defaults: [string, string][] = [
    ['accept', '*/*'],
    ['accept-encoding', 'identity'],
    ...(body === '' ? [] : [['content-type', 'application/x-www-form-urlencoded'] as [string, string]]),
  ];
  const given = new Set(headers.map(([name]) => name.toLowerCase()));
  return {
    method,
    headers: [
      ...defaults.filter(([name]) => !given.has(name)),
      ...headers.filter((header): header is [string, string] => header[1] !== undefined),
    ],
    ...(body === '' ? {} : { body }),
  };
}

/** `undefined` = not to be sent. */
function headerOf(
  line: string,
  url: string,
  rules: SourceRules,
  invalid: (what: string) => Error,
): [name: string, value: string | undefined] {
  const empty = /^([^:;]+);\s*$/.exec(line)?.[1];
  if (empty !== undefined) return [empty.trim(), ''];
  const colon = line.indexOf(':');
  const name = line.slice(0, colon).trim();
  if (colon < 1 || !/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name))
    throw invalid('an HTTP header is not of the form "Name: value"');
  const value = withSecrets(line.slice(colon + 1).trim(), `header ${name}`, url, rules);
  if (/[^\t\x20-\x7e\x80-\xff]/.test(value)) throw invalid(`header ${name} holds a character that no header may have`);
  return [name, value === '' ? undefined : value];
}
