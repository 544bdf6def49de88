import { IngestError } from '../../core/errors';
import { shownUrl } from '../../source';
import type { DataConnection } from '../../storage/data/connection';
import { definitionOf } from '../../storage/data/definition';
import { releaseLocks } from '../../storage/data/user-locks';
import type { UnitRecord } from '../../storage/metadata/load-units';
import { asLoadError } from '../load-error';
import type { LoadOptions, LoadRequest, LoadResult } from '../worker';
import { attach, dropAttemptTables, settleNote } from './attach';
import { type Attempt, beginAttempt, recordFailure } from './attempt';
import { step, type WorkerContext } from './context';
import { prepare } from './prepare';

/** Loads one unit, docs/design.md §4: stage, stream, check, attach, record. See `IngestWorker.load`. */
export async function loadUnit(
  worker: WorkerContext,
  request: LoadRequest,
  options: LoadOptions = {},
): Promise<LoadResult> {
  let attempt: Attempt | undefined;
  try {
    options.signal?.throwIfAborted();
    await worker.steps('begin', { unit: request.unit });
    attempt = await beginAttempt(worker, request, options);
    const { record } = attempt.taken;
    return record ? already(attempt, record) : await work(worker, attempt);
  } catch (error) {
    const failure = asLoadError(error, options.signal);
    if (attempt && !attempt.taken.record) await cleanUp(worker, attempt, failure);
    throw failure;
  }
}

async function work(worker: WorkerContext, attempt: Attempt): Promise<LoadResult> {
  const { unit, target } = attempt;
  if (!target.allocated) {
    throw new IngestError(
      'CHUNK_NOT_ALLOCATED',
      `chunk ${unit.chunk} of database '${unit.database}' is not allocated to worker '${worker.name}'`,
      { chunk: unit.chunk, worker: worker.name },
    );
  }
  const result = await worker.server.connection('load', async (connection) => {
    const { signal } = attempt.options;
    const cancel = () => connection.destroy(new IngestError('CANCELLED', 'the load was cancelled'));
    signal?.throwIfAborted();
    signal?.addEventListener('abort', cancel, { once: true });
    try {
      return await loadOn(worker, attempt, connection, () => signal?.removeEventListener('abort', cancel));
    } finally {
      signal?.removeEventListener('abort', cancel);
    }
  });
  await step(worker, attempt, 'drop');
  // Empty by now; one that stays is swept.
  await dropAttemptTables(worker, attempt).catch(() => {});
  return result;
}

async function loadOn(
  worker: WorkerContext,
  attempt: Attempt,
  connection: DataConnection,
  pointOfNoReturn: () => void,
): Promise<LoadResult> {
  const { attaching } = attempt.taken;
  if (attaching) {
    const record = await settleNote(worker, attempt, connection, attaching);
    if (record) {
      await releaseLocks(connection);
      return already(attempt, record);
    }
  }
  const definition = await definitionOf(connection, attempt.unit.database, attempt.unit.table);
  await prepare(worker, attempt, connection, definition);
  attempt.options.signal?.throwIfAborted();
  pointOfNoReturn();
  attempt.stage = 'load';
  const record = recordOf(attempt);
  await attach(worker, attempt, connection, definition, record);
  await releaseLocks(connection).catch(() => connection.destroy());
  return { unit: attempt.unit, ...sums(record), alreadyLoaded: false };
}

function recordOf(attempt: Attempt): UnitRecord {
  const contributions = attempt.files.map((file, i) => ({
    id: attempt.contributions[i] as number,
    url: shownUrl(attempt.sources[i]?.url ?? ''),
    status: 'FINISHED' as const,
    bytes: file.counts().bytes,
    rows: file.counts().rows,
    sha256: file.sha256,
    ...file.outcome,
    tries: attempt.taken.attempts,
    readTime: file.readTime,
    loadTime: file.loadTime,
  }));
  const sum = (of: (c: (typeof contributions)[number]) => number) => contributions.reduce((n, c) => n + of(c), 0);
  return { request: attempt.request, rows: sum((c) => c.rowsLoaded), bytes: sum((c) => c.bytes), contributions };
}

/** The unit was loaded before. Another request's rows are not what was asked for. */
function already(attempt: Attempt, record: UnitRecord): LoadResult {
  if (record.request !== attempt.request) {
    throw new IngestError('ILLEGAL_STATE', 'the unit was loaded from other sources in this super-transaction', {
      unit: attempt.unit,
      loaded: record.contributions.map((c) => c.url),
    });
  }
  return { unit: attempt.unit, ...sums(record), alreadyLoaded: true };
}

function sums({ rows, bytes, contributions }: UnitRecord): Pick<LoadResult, 'rows' | 'bytes' | 'contributions'> {
  return { rows, bytes, contributions: contributions.map(({ readTime, loadTime, ...known }) => known) };
}

/** Leaves nothing of a failed attempt but its record; when the rows may be attached, the next attempt settles that. */
async function cleanUp(worker: WorkerContext, attempt: Attempt, failure: IngestError): Promise<void> {
  if (failure.details.attached === 'unknown') return;
  // What cannot be cleaned up now, because a database does not answer, is settled by the next attempt and swept.
  await recordFailure(worker, attempt, failure).catch(() => {});
  await dropAttemptTables(worker, attempt).catch(() => {});
}
