import { setTimeout } from 'node:timers/promises';
import { IngestError } from '../../core/errors';
import { inspectSource, isLasting, type SourceRules, type StoredFacts, shownUrl } from '../../source';
import type { ContributionSource } from '../../worker/worker';
import type { CatalogTable } from './catalog';
import { dialectOf } from './dialects';
import type { Faults } from './faults';
import type { PlannedFile } from './files';

/** Sources that are looked at side by side. */
const SIDE_BY_SIDE = 32;

/** Before each further look at a source that broke off. */
const PAUSES_MS = [250, 1000, 2000];

/** Sources of one group that stay broken before the rest is not looked at any more. */
const MOST_BROKEN = 20;

/** How a file is read; without the facts that the plan saw of it. */
export function sourceOf(file: PlannedFile, table: CatalogTable): ContributionSource {
  const { group } = file;
  return {
    url: file.url,
    dialect: dialectOf(table.dialect, group.dialect),
    charset: group.charset,
    ...(group.http === undefined ? {} : { http: group.http }),
    ...(group.compression === undefined ? {} : { compression: group.compression }),
  };
}

/** One broken source among many is tried a few times more. */
async function inspect(source: ContributionSource, rules: SourceRules, signal?: AbortSignal): Promise<StoredFacts> {
  for (const pause of PAUSES_MS) {
    try {
      return await inspectSource(source, rules, signal);
    } catch (error) {
      if (!isBroken(error) || isLasting(error)) throw error;
    }
    await setTimeout(pause);
    signal?.throwIfAborted();
  }
  return inspectSource(source, rules, signal);
}

function isBroken(error: unknown): error is IngestError {
  return error instanceof IngestError && error.code === 'SOURCE_BROKEN';
}

/** Looks at every file and hands on those that are there and as large as declared, with their facts. Faults are added. */
export async function inspectFiles(
  files: AsyncIterable<PlannedFile>,
  table: CatalogTable,
  rules: SourceRules,
  faults: Faults,
  take: (file: PlannedFile) => void,
  signal?: AbortSignal,
): Promise<void> {
  let broken = 0;
  await eachSideBySide(files, SIDE_BY_SIDE, async (file) => {
    signal?.throwIfAborted();
    try {
      Object.assign(file, await inspect(sourceOf(file, table), rules, signal));
    } catch (error) {
      if (!isBroken(error)) faults.take(file.path, error);
      else {
        faults.add(file.path, error.message);
        broken++;
        // Then it is the server, and the other files would only wait for the same.
        if (broken === MOST_BROKEN) faults.check();
      }
      return;
    }
    if (file.declared !== undefined && file.bytes !== undefined && file.bytes !== file.declared) {
      faults.add(
        `${file.path}.bytes`,
        `${shownUrl(file.url)} has ${file.bytes} bytes, ${file.declared} are declared; is it complete?`,
      );
      return;
    }
    file.bytes ??= file.declared;
    take(file);
  });
}

async function eachSideBySide<T>(
  items: AsyncIterable<T>,
  width: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const iterator = items[Symbol.asyncIterator]();
  let failed = false;
  const lane = async () => {
    while (!failed) {
      const { done, value } = await iterator.next();
      if (done) return;
      await work(value);
    }
  };
  const guarded = async () => {
    try {
      await lane();
    } catch (error) {
      failed = true;
      throw error;
    }
  };
  const results = await Promise.allSettled(Array.from({ length: width }, guarded));
  await iterator.return?.();
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}
