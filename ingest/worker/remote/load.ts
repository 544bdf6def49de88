import { fromWireContribution } from '../../../api/qserv/contribution';
import { fromReferenceRequest, queueFile } from '../../../api/qserv/worker/reference';
import { retryQueuedFile } from '../../../api/qserv/worker/requests';
import type { Contribution } from '../../core/contributions';
import { IngestError } from '../../core/errors';
import { shownUrl } from '../../core/shown-url';
import { isUnknown } from '../../remote/outcome';
import { asLoadError } from '../load-error';
import type { LoadedContribution, LoadOptions, LoadRequest, LoadResult, LoadUnit } from '../worker';
import type { RemoteWorkerContext } from './context';
import { contributionError } from './failures';
import { follow } from './follow';
import { assign, contributionsOf, holdsRows, type SourceState } from './look';
import { type SentSource, sentSources } from './sources';
import { checkState } from './state';

/**
 * Loads one unit: each of its sources as a contribution by reference, one after the other. Before anything is sent, what is there
 * already is looked at, so that nothing is loaded twice, whatever became of an earlier attempt. See `IngestWorker.load`.
 */
export async function loadUnit(
  context: RemoteWorkerContext,
  request: LoadRequest,
  options: LoadOptions = {},
): Promise<LoadResult> {
  try {
    options.signal?.throwIfAborted();
    const sources = sentSources(context, request);
    await checkState(context, request.unit);
    const before = assign(request.unit, sources, await contributionsOf(context, request.unit));
    const alreadyLoaded = before.every(({ contribution }) => contribution?.status === 'FINISHED');
    for (const [i, source] of sources.entries()) {
      const state = before[i] as SourceState;
      const done = await loadSource(context, request.unit, source, state, i, options);
      check(request, source, done);
    }
    const after = alreadyLoaded ? before : assign(request.unit, sources, await contributionsOf(context, request.unit));
    return result(request.unit, sources, after, alreadyLoaded);
  } catch (error) {
    throw asLoadError(error, options.signal);
  }
}

/** Returns the FINISHED contribution. */
async function loadSource(
  context: RemoteWorkerContext,
  unit: LoadUnit,
  source: SentSource,
  { contribution: there }: SourceState,
  index: number,
  options: LoadOptions,
): Promise<Contribution> {
  if (there?.status === 'FINISHED') return there;
  const begun = await begin(context, unit, source, there, options);
  const progress = ({ bytes, rows }: Contribution) => options.onProgress?.({ source: index, bytes, rows });
  const ended = await follow(context, unit, begun, progress, options);
  if (ended.status === 'FINISHED') return ended;
  throw contributionError(ended, source.secrets);
}

/** The contribution that is at work on the source: the one that is there, or another attempt. */
async function begin(
  context: RemoteWorkerContext,
  unit: LoadUnit,
  source: SentSource,
  there: Contribution | undefined,
  options: LoadOptions,
): Promise<Contribution> {
  if (there?.status === 'IN_PROGRESS') return there;
  if (there !== undefined && holdsRows(there)) throw contributionError(there, source.secrets);
  // A retry reads as the first request said; where there are secrets, they may be others now.
  const retried = there?.status === 'READ_FAILED' && source.secrets.every((secret) => secret === '');
  const { signal } = options;
  const call = { signal, secrets: source.secrets };
  try {
    const { contrib } = retried
      ? await context.call(retryQueuedFile, { params: { id: there.id } }, call)
      : await context.call(queueFile, { body: fromReferenceRequest(source.request) }, call);
    return fromWireContribution(contrib);
  } catch (error) {
    if (!isUnknown(error)) throw error;
    const found = await lookFor(context, unit, source, there, signal);
    if (found === undefined) throw error;
    return found;
  }
}

/** The contribution that a request made of which no reply came; a retried one has changed. */
async function lookFor(
  context: RemoteWorkerContext,
  unit: LoadUnit,
  { shown }: SentSource,
  before: Contribution | undefined,
  signal?: AbortSignal,
): Promise<Contribution | undefined> {
  for (const ms of context.lookedForMs) {
    await context.pause(ms, signal);
    const all = await contributionsOf(context, unit).catch(() => []);
    const latest = all.filter((one) => shownUrl(one.url) === shown).at(-1);
    const isNew =
      latest !== undefined &&
      (latest.id !== before?.id ||
        latest.status !== before.status ||
        latest.numFailedRetries !== before.numFailedRetries);
    if (isNew) return latest;
  }
  return undefined;
}

/** What Qserv takes and we do not: the rows are in by now, so that only the super-transaction as a whole can be undone. */
function check({ quality }: LoadRequest, { source }: SentSource, done: Contribution): void {
  const url = shownUrl(source.url);
  const final = { url, contribution: done.id, retryAllowed: false };
  const expected = source.expect?.bytes;
  if (expected !== undefined && done.bytes !== expected) {
    const message = `${url}: no longer what was planned: bytes was ${expected}, is ${done.bytes}`;
    throw new IngestError('SOURCE_CHANGED', message, {
      ...final,
      expected: source.expect,
      found: { bytes: done.bytes },
    });
  }
  const { numWarnings, warnings, rows, rowsLoaded } = done;
  if (quality === 'strict' && numWarnings > 0) {
    const first = warnings[0] === undefined ? '' : `, the first one: ${warnings[0].message}`;
    const message = `${url}: ${numWarnings} warnings${first}`;
    throw new IngestError('BAD_ROWS', message, { ...final, numWarnings, warnings });
  }
  if (rows !== rowsLoaded) {
    const message = `${url}: ${rows} rows were read, ${rowsLoaded} are in the table`;
    throw new IngestError('BAD_ROWS', message, { ...final, rows, rowsLoaded });
  }
}

function result(unit: LoadUnit, sources: SentSource[], states: SourceState[], alreadyLoaded: boolean): LoadResult {
  const contributions = states.map(({ contribution, failures }, i): LoadedContribution => {
    if (contribution?.status !== 'FINISHED') {
      throw new IngestError('INTERNAL', `what was FINISHED is not any more: ${sources[i]?.shown}`, { unit });
    }
    const { id, status, bytes, rows, rowsLoaded, numWarnings, warnings } = contribution;
    const url = shownUrl(sources[i]?.source.url ?? '');
    return { id, url, status, bytes, rows, rowsLoaded, sha256: '', numWarnings, warnings, tries: 1 + failures };
  });
  const sum = (of: (c: LoadedContribution) => number) => contributions.reduce((n, c) => n + of(c), 0);
  return { unit, rows: sum((c) => c.rowsLoaded), bytes: sum((c) => c.bytes), contributions, alreadyLoaded };
}
