import { setTimeout as sleep } from 'node:timers/promises';
import * as texts from '../../../core/contribution-texts';
import { IngestError } from '../../../core/errors';
import type { DataConnection } from '../../../storage/data/connection';
import { definitionOf } from '../../../storage/data/definition';
import { contributionContext } from '../../../storage/metadata/contribution-context';
import { failRequest, requeueRequest, startNextAttempt } from '../../../storage/metadata/contribution-requests';
import { failNoted } from '../../../storage/places/settle';
import { dropAttemptTables } from '../attach';
import { step } from '../context';
import { prepare } from '../prepare';
import { attach, isPassing, settleOwn } from './attach';
import type { ContributionContext } from './context';
import { type Failure, failureOf } from './failure';
import { Shutdown } from './queue';
import { start } from './start';
import { type ContributionAttempt, newAttempt, type Work } from './work';

/**
 * Loads a contribution: start, then one or more attempts to read it. Whatever becomes of it is in its record afterwards. Throws when it
 * could not be started, and when the record could not be written; UNAVAILABLE also when it waits in the queue again for a database that
 * is away.
 */
export async function run(worker: ContributionContext, work: Work): Promise<void> {
  const first = newAttempt(worker, work);
  await step(worker, first, 'start');
  await start(worker, work, first);
  await runStarted(worker, work, first);
}

/** Goes on with a contribution whose first attempt was started. */
export async function runStarted(worker: ContributionContext, work: Work, first: ContributionAttempt): Promise<void> {
  let attempt = first;
  for (let retries = work.retries; ; retries--) {
    const failure = await tryOnce(worker, work, attempt);
    if (failure === undefined) return;
    if (failure.status !== 'READ_FAILED' || retries <= 0) return recordFailure(worker, work, attempt, failure);
    const next = newAttempt(worker, work);
    const { token } = attempt;
    const goOn = await persist(worker, () =>
      worker.metadata.transaction((tx) => startNextAttempt(tx, work.id, token, next, failure)),
    );
    if (!goOn) return;
    attempt = next;
  }
}

/** One attempt. Undefined when it is over: recorded, or ended by somebody else. */
async function tryOnce(
  worker: ContributionContext,
  work: Work,
  attempt: ContributionAttempt,
): Promise<Failure | undefined> {
  try {
    await loadOnce(worker, work, attempt);
    await step(worker, attempt, 'drop');
    return undefined;
  } catch (error) {
    if (attempt.unclear !== undefined) return await clarify(worker, work, attempt, attempt.unclear.failure);
    return failureOf(work, attempt, error);
  } finally {
    // What cannot be dropped now, because the database does not answer, is swept.
    await dropAttemptTables(worker, attempt).catch(() => {});
  }
}

async function loadOnce(worker: ContributionContext, work: Work, attempt: ContributionAttempt): Promise<void> {
  const { signal } = work.options;
  await worker.server.connection('load', async (connection) => {
    const cancel = () => connection.destroy(new IngestError('CANCELLED', 'the load was cancelled'));
    signal?.throwIfAborted();
    signal?.addEventListener('abort', cancel, { once: true });
    let definition: string;
    try {
      definition = await prepared(worker, work, attempt, connection);
      signal?.throwIfAborted();
    } finally {
      signal?.removeEventListener('abort', cancel);
    }
    attempt.stage = 'load';
    attempt.isAttaching = true;
    await attach(worker, work, attempt, connection, definition);
  });
}

async function prepared(
  worker: ContributionContext,
  { place }: Work,
  attempt: ContributionAttempt,
  connection: DataConnection,
): Promise<string> {
  const definition = await definitionOf(connection, place.database, place.table);
  await prepare(worker, attempt, connection, definition);
  return definition;
}

/** What became of rows that may have been attached. */
async function clarify(
  worker: ContributionContext,
  work: Work,
  attempt: ContributionAttempt,
  failure: unknown,
): Promise<Failure | undefined> {
  try {
    const settled = await settleOwn(worker, work, attempt.token);
    return settled === 'nothing' ? failureOf(work, attempt, failure) : undefined;
  } catch (error) {
    const why = `${(failure as Error).message}; it is not known whether the rows were loaded (${(error as Error).message})`;
    const text = `${why}: abort transaction ${work.place.transactionId}`;
    await persist(worker, () => worker.metadata.transaction((tx) => failNoted(tx, work.id, text)));
    return undefined;
  }
}

async function recordFailure(
  worker: ContributionContext,
  { id, place, options, isAsync }: Work,
  { token }: ContributionAttempt,
  failure: Failure,
): Promise<void> {
  const isStopped = failure.status === 'CANCELLED' && options.signal?.reason instanceof Shutdown;
  const isDelayed = isAsync && failure.isAway;
  await persist(worker, () =>
    worker.metadata.transaction(async (tx) => {
      if (isStopped || isDelayed) {
        await requeueRequest(tx, id, token);
        return;
      }
      const { state } = await contributionContext(tx, place.transactionId, place.table);
      const changed = state !== 'STARTED' && failure.status === 'LOAD_FAILED';
      await failRequest(tx, id, token, {
        ...failure,
        ...(changed ? { error: failure.prefix + texts.changedState(place.transactionId, state) } : {}),
        retryAllowed: failure.retryAllowed && state === 'STARTED',
      });
    }),
  );
  if (isDelayed) throw new IngestError('UNAVAILABLE', failure.error, { contribution: id });
}

/** Writes into the records, waiting for them when they are away. False when the attempt has no say any more. */
async function persist(worker: ContributionContext, write: () => Promise<unknown>): Promise<boolean> {
  const until = performance.now() + worker.settings.settleSeconds * 1000;
  for (let pause = 50; ; pause = Math.min(2 * pause, 1000)) {
    try {
      await write();
      return true;
    } catch (error) {
      const { code } = error as IngestError;
      if (code === 'REVOKED' || code === 'UNKNOWN_TRANSACTION' || code === 'UNKNOWN_TABLE') return false;
      if (!isPassing(worker, code) || performance.now() > until) throw error;
    }
    await sleep(pause);
  }
}
