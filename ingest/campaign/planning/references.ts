import { DEFAULT_DIALECT } from '../../core/dialect';
import { IngestError } from '../../core/errors';
import { openSource, type SourceRules, shownUrl } from '../../source';
import { absoluteUrl } from './urls';

/** Definitions are small; anything larger is not one. */
const MOST_BYTES = 16 * 2 ** 20;

export interface ReadDefinition {
  value: Record<string, unknown>;
  /** Where it was read from; undefined for an inline object. */
  url?: string;
}

/** An inline definition, or the JSON object that a `$ref` names. Errors: INVALID_INPUT, SOURCE_*. */
export async function readDefinition(
  definition: Record<string, unknown>,
  base: string | undefined,
  rules: SourceRules,
  signal?: AbortSignal,
): Promise<ReadDefinition> {
  const reference = definition.$ref;
  if (typeof reference !== 'string') return { value: definition };
  const url = absoluteUrl(reference, base);
  const text = await readText(url, rules, signal);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new IngestError('INVALID_INPUT', `${shownUrl(url)} is not JSON: ${(error as Error).message}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new IngestError('INVALID_INPUT', `${shownUrl(url)} does not hold a JSON object`);
  }
  return { value: value as Record<string, unknown>, url };
}

async function readText(url: string, rules: SourceRules, signal?: AbortSignal): Promise<string> {
  const source = await openSource({ url, dialect: DEFAULT_DIALECT, charset: '', compression: 'none' }, rules, signal);
  try {
    const parts: Buffer[] = [];
    let bytes = 0;
    for await (const part of source.stream as AsyncIterable<Buffer>) {
      bytes += part.length;
      if (bytes > MOST_BYTES) throw new IngestError('INVALID_INPUT', `${shownUrl(url)} is too large for a definition`);
      parts.push(part);
    }
    return Buffer.concat(parts).toString('utf8');
  } finally {
    await source.close();
  }
}
