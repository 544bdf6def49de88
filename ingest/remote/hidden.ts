import { IngestError } from '../core/errors';

/** Shorter texts would be found in words that are none. */
const LEAST = 4;

/** The error without these texts, wherever it has them. */
export function hidden(error: IngestError, secrets: string[]): IngestError {
  const known = secrets.filter((secret) => secret.length >= LEAST).sort((a, b) => b.length - a.length);
  if (known.length === 0) return error;
  const without = (text: string) => known.reduce((rest, secret) => rest.replaceAll(secret, '***'), text);
  const walk = (value: unknown): unknown => {
    if (typeof value === 'string') return without(value);
    if (Array.isArray(value)) return value.map(walk);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [without(name), walk(inner)]));
  };
  return new IngestError(error.code, without(error.message), walk(error.details) as Record<string, unknown>);
}
