import { sourceError } from './errors';
import type { SourceRules } from './rules';

const REFERENCE = /\$\{env:([^}]*)\}/g;

/**
 * The text with values of this process's environment in the place of `${env:NAME}`, so that plans and histories hold names alone. `what`
 * says where the text stands. Errors: INVALID_INPUT for a name that has no value here. Where the rules have no `resolveSecret`, the text
 * is taken as it is: who may not name secrets sends them in clear.
 */
export function withSecrets(text: string, what: string, source: string, rules: SourceRules): string {
  const { resolveSecret } = rules;
  if (resolveSecret === undefined) return text;
  return text.replaceAll(REFERENCE, (_, variable: string) => {
    const value = resolveSecret(variable);
    if (value !== undefined) return value;
    throw sourceError('INVALID_INPUT', source, `${what} names ${variable}, which is not set on this host`);
  });
}

/** As `withSecrets`, for a URL: only its query, which is never shown, may hold references. */
export function urlWithSecrets(url: string, rules: SourceRules): string {
  if (rules.resolveSecret === undefined) return url;
  const query = url.indexOf('?');
  const shown = query < 0 ? url : url.slice(0, query);
  if (shown.search(REFERENCE) >= 0) {
    throw sourceError('INVALID_INPUT', url, `only the query of a URL may hold references like \${env:NAME}`);
  }
  return shown + (query < 0 ? '' : withSecrets(url.slice(query), 'the query', url, rules));
}
