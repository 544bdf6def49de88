import Ajv2020, { type ValidateFunction } from 'ajv/dist/2020';
import { z } from 'zod';
import type { AnyEndpoint } from '../../api/qserv/endpoint';
import type { Route } from '../../server/http/route';

/** Replies of services, held against what their endpoints declare: every field, and no others. */
export class DeclaredReplies {
  private readonly ajv = new Ajv2020({ strict: false, allErrors: true });
  private readonly checks = new Map<AnyEndpoint, ValidateFunction>();

  constructor(private readonly routes: Route[]) {}

  /** Throws when a reply that tells of success is not as declared. */
  check(method: string, url: string, answer: Record<string, unknown>): void {
    if (answer.success !== 1) return;
    const endpoint = this.endpointOf(method, url.split('?')[0] ?? url);
    if (endpoint === undefined) return;
    const { success, error, error_ext, warning, ...fields } = answer;
    const check = this.checks.get(endpoint) ?? this.ajv.compile(z.toJSONSchema(endpoint.reply, { io: 'output' }));
    this.checks.set(endpoint, check);
    if (check(fields)) return;
    const faults = (check.errors ?? []).map((e) => `${e.instancePath} ${e.message} ${JSON.stringify(e.params)}`);
    throw new Error(`${method} ${url} is not declared so: ${faults.join('; ')}\n${JSON.stringify(fields)}`);
  }

  private endpointOf(method: string, path: string): AnyEndpoint | undefined {
    const parts = (text: string) => text.replace(/\/$/, '').split('/');
    const asked = parts(path);
    const fits = ({ endpoint }: Route) => {
      const own = parts(endpoint.path);
      const same = own.every((part, i) => part === asked[i] || (part.startsWith(':') && asked[i] !== ''));
      return endpoint.method === method && own.length === asked.length && same;
    };
    const found = this.routes.filter(fits).map(({ endpoint }) => endpoint);
    // `/ingest/trans/contrib` is no `/ingest/trans/:id`.
    return found.sort((a, b) => a.path.split(':').length - b.path.split(':').length)[0];
  }
}
