import type { ContributionSource } from '../worker/worker';
import { sourceError } from './errors';
import type { SourceRules } from './rules';
import { type StoredFacts, storedFacts } from './stored';

/**
 * Looks at a source without reading it: it exists, may be read, and is not shorter than `expect.bytes` declares.
 * Errors: INVALID_INPUT (URL, header, declared size), SOURCE_MISSING, SOURCE_DENIED, SOURCE_BROKEN.
 */
export async function inspectSource(
  source: ContributionSource,
  rules: SourceRules,
  signal?: AbortSignal,
): Promise<StoredFacts> {
  const facts = await storedFacts(source, rules, signal);
  const declared = source.expect?.bytes;
  if (declared !== undefined && facts.bytes !== undefined && facts.bytes < declared) {
    throw sourceError('INVALID_INPUT', source.url, `has ${facts.bytes} bytes, ${declared} were declared`, {
      bytes: facts.bytes,
      declared,
    });
  }
  return facts;
}

/** SOURCE_CHANGED with both sides when a fact that the plan saw and that is known now differs. */
export function checkUnchanged(source: ContributionSource, now: StoredFacts): void {
  const expected = source.expect ?? {};
  const differs = (['bytes', 'etag', 'mtimeMs'] as const).filter(
    (fact) => expected[fact] !== undefined && now[fact] !== undefined && expected[fact] !== now[fact],
  );
  if (differs.length === 0) return;
  const said = differs.map((fact) => `${fact} was ${expected[fact]}, is ${now[fact]}`).join(', ');
  throw sourceError('SOURCE_CHANGED', source.url, `no longer what was planned: ${said}`, { expected, found: now });
}
