import type { ContributionSource } from '../worker/worker';
import { inspectFile, openFile } from './file';
import { inspectHttp, openHttp } from './http';
import type { Pace } from './pace';
import { resolveSourceUrl } from './resolve';
import type { SourceRules } from './rules';

/** What is known of a source without reading it. `bytes` as stored; undefined when its server does not say. */
export interface StoredFacts {
  bytes?: number;
  etag?: string;
  mtimeMs?: number;
}

/** An opened source: its facts now, and its bytes as stored. */
export interface StoredBytes {
  facts: StoredFacts;
  chunks: AsyncIterable<Uint8Array>;
  /** By which the chunks are to be waited for. */
  pace: Pace;
  /** To be called also after the end; twice is harmless. */
  close(): Promise<void>;
}

/** Opens the bytes of a source. Errors: INVALID_INPUT, SOURCE_*. */
export async function openStored(
  source: ContributionSource,
  rules: SourceRules,
  signal?: AbortSignal,
): Promise<StoredBytes> {
  const location = await resolveSourceUrl(source.url, rules);
  return location.kind === 'file'
    ? openFile(source.url, location.path, rules)
    : openHttp(source, location.url, rules, signal);
}

/** The facts of a source that exists and may be read; see `inspectSource` for the checks. */
export async function storedFacts(
  source: ContributionSource,
  rules: SourceRules,
  signal?: AbortSignal,
): Promise<StoredFacts> {
  const location = await resolveSourceUrl(source.url, rules);
  return location.kind === 'file'
    ? inspectFile(source.url, location.path)
    : inspectHttp(source, location.url, rules, signal);
}
