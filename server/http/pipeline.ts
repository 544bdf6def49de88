import type { FastifyRequest } from 'fastify';
import type { AnyEndpoint } from '../../api/qserv/endpoint';
import { refusalOf } from '../../api/qserv/faults';
import { Refusal } from '../../api/qserv/refusal';
import { checkKeys, type ServiceKeys } from './keys';
import { asRefusal } from './refusals';
import type { Call, Route } from './route';
import { checkVersion } from './version';

type Fields = Record<string, unknown>;

/** Checks a request in the contract's order — keys, version, parameters — and does the work. Returns the reply with its envelope. */
export async function answer(route: Route, request: FastifyRequest, keys: ServiceKeys): Promise<Fields> {
  const warnings: string[] = [];
  const warn = (text: string) => warnings.push(text);
  try {
    const reply = await route.handle(check(route.endpoint, request, keys, warn));
    return { ...reply, success: 1, error: '', error_ext: {}, warning: warnings.join('; ') };
  } catch (error) {
    const refusal = asRefusal(error);
    if (refusal === undefined || warnings.length === 0) throw error;
    const told = [...warnings, refusal.warning].filter((text) => text !== '');
    throw Object.assign(new Refusal(refusal.kind, refusal.tail, refusal.ext, told.join('; ')), { cause: error });
  }
}

function check(endpoint: AnyEndpoint, request: FastifyRequest, keys: ServiceKeys, warn: (text: string) => void) {
  const common = { client: clientAddress(request), warn, raw: request };
  if (endpoint.streamed !== undefined) {
    const params = paramsOf(endpoint, request);
    return { ...common, params, query: {}, body: {}, isAdmin: false } as Call<AnyEndpoint>;
  }
  const query = request.query as Fields;
  const body = bodyOf(request.body);
  const { isAdmin } = endpoint.method === 'GET' ? { isAdmin: false } : checkKeys(body, keys, endpoint.component);
  checkVersion(endpoint, query, body, warn);
  return {
    ...common,
    isAdmin,
    params: paramsOf(endpoint, request),
    query: parse(endpoint, 'query', query),
    body: parse(endpoint, 'body', body),
  } as Call<AnyEndpoint>;
}

/** An IPv4 address as such, also where the service listens on IPv6. */
function clientAddress({ ip }: FastifyRequest): string {
  return ip.replace(/^::ffff:(?=[\d.]+$)/i, '');
}

/** A failure with the envelope. */
export function envelope({ message, ext, warning }: Refusal): Fields {
  return { success: 0, error: message, error_ext: ext, warning };
}

/** An empty body is an empty object; `undefined` also where the content type was another one. */
function bodyOf(body: unknown): Fields {
  if (body === undefined) return {};
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Fields;
  throw new Refusal('P', 'invalid format of the request body. A simple JSON object was expected');
}

/** A slash that was written as %2f is part of a name, and stays written so; docs/contract/README.md §3. */
function paramsOf(endpoint: AnyEndpoint, { params }: FastifyRequest): unknown {
  const given = Object.entries(params as Record<string, string>);
  return parse(endpoint, 'params', Object.fromEntries(given.map(([key, text]) => [key, text.replaceAll('/', '%2f')])));
}

function parse(endpoint: AnyEndpoint, part: 'params' | 'query' | 'body', raw: unknown): unknown {
  const schema = endpoint[part];
  if (schema === undefined) return {};
  const result = schema.safeParse(raw);
  if (result.success) return result.data;
  throw refusalOf(result.error.issues, part, raw);
}
