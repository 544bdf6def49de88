import { setTimeout as sleep } from 'node:timers/promises';
import * as texts from '../../../core/contribution-texts';
import { type ErrorCode, IngestError, WAITED_FOR } from '../../../core/errors';
import { copyIntoPartition, ensurePartition, exchangePartition } from '../../../storage/data/attach';
import type { DataConnection } from '../../../storage/data/connection';
import { isCrashed, scanMended } from '../../../storage/data/mend';
import { hasRows } from '../../../storage/data/scan';
import { unwrapStaging } from '../../../storage/data/staging';
import { releaseLocks } from '../../../storage/data/user-locks';
import type { Transaction } from '../../../storage/metadata';
import { contributionContext } from '../../../storage/metadata/contribution-context';
import { attachedRows } from '../../../storage/metadata/contribution-places';
import {
  type AttachedContribution,
  finishRequest,
  lockAttempt,
  noteAttachingRows,
  noteReady,
  noteThread,
} from '../../../storage/metadata/contribution-requests';
import { takePlace, takePlaceToSettle } from '../../../storage/places/lock';
import { type Settled, settlePlace } from '../../../storage/places/settle';
import { step } from '../context';
import type { ContributionContext } from './context';
import { checkTable } from './create';
import type { ContributionAttempt, Work } from './work';

/** Seconds for which a statement of somebody else on the final table may keep a partition from being added. */
const PARTITION_BUSY_SECONDS = 600;

/**
 * Attaches what an attempt prepared, one attempt of a partition after the other, and records it. What fails before the note leaves
 * nothing; after what fails later it is unclear whether the rows are attached.
 */
export async function attach(
  worker: ContributionContext,
  work: Work,
  attempt: ContributionAttempt,
  connection: DataConnection,
  definition: string,
): Promise<void> {
  const { id, place, finalTable } = work;
  const { token } = attempt;
  const record = recordOf(work, attempt);
  await step(worker, attempt, 'ready');
  await worker.metadata.transaction((tx) => noteReady(tx, id, token, { thread: connection.threadId, ...record }));
  await step(worker, attempt, 'lock');
  await takePlace(access(worker, work), connection, () =>
    worker.metadata.transaction((tx) => lockAttempt(tx, id, token)),
  );
  await step(worker, attempt, 'settle');
  await settlePlace(worker.metadata, connection, worker.name, place, finalTable);
  await step(worker, attempt, 'look');
  const filled = await isFilled(connection, work);
  await step(worker, attempt, 'note');
  await worker.metadata.transaction((tx) => note(tx, worker, work, attempt, record, filled));
  try {
    await step(worker, attempt, 'partition');
    const { database, transactionId } = place;
    await ensurePartition(connection, database, finalTable, transactionId, definition, PARTITION_BUSY_SECONDS);
    if (record.rowsLoaded > 0) {
      if (!filled) {
        await step(worker, attempt, 'unwrap');
        await unwrapStaging(connection, attempt.staging, attempt.plain, definition, transactionId);
      }
      await step(worker, attempt, 'attach');
      if (!filled) await exchangePartition(connection, database, finalTable, transactionId, attempt.plain);
      else await copyIntoPartition(connection, database, finalTable, transactionId, attempt.staging, work.columns);
    }
    await step(worker, attempt, 'record');
    await worker.metadata.transaction((tx) => finishRequest(tx, id, record));
  } catch (error) {
    attempt.unclear = { failure: error };
    throw error;
  }
  await releaseLocks(connection).catch(() => connection.destroy());
}

function recordOf({ channel }: Work, { files: [file] }: ContributionAttempt): AttachedContribution {
  if (file === undefined) throw new IngestError('INTERNAL', 'a contribution without a file was to be attached');
  const { bytes, rows } = file.counts();
  // Qserv counts what it writes in front of each row, docs/contract/worker.md §8.
  return { bytes: channel === 'json' ? bytes + 7 * rows : bytes, rows, readTime: file.readTime, ...file.outcome };
}

async function isFilled(connection: DataConnection, { place, finalTable }: Work): Promise<boolean> {
  const { database, transactionId } = place;
  try {
    return await hasRows(connection, database, finalTable, transactionId);
  } catch (error) {
    if (!isCrashed(error)) throw error;
    return ((await scanMended(connection, database, finalTable, transactionId)) ?? 0) > 0;
  }
}

/** Looks once more whether the rows may be attached, and notes them. */
async function note(
  tx: Transaction,
  worker: ContributionContext,
  work: Work,
  { token, staging, plain }: ContributionAttempt,
  record: AttachedContribution,
  filled: boolean,
): Promise<void> {
  const { id, place } = work;
  const { transactionId, table, database } = place;
  const context = await contributionContext(tx, transactionId, table);
  await lockAttempt(tx, id, token);
  if (context.state !== 'STARTED') {
    throw new IngestError('ILLEGAL_STATE', texts.changedState(transactionId, context.state), {
      id: transactionId,
      state: context.state,
    });
  }
  if (context.databasePublished) {
    throw new IngestError('DATABASE_PUBLISHED', texts.databasePublished(database), { database });
  }
  checkTable(context, table);
  const { rows, rowsLeftBy } = await attachedRows(tx, worker.name, place);
  if (rowsLeftBy !== null) {
    throw new IngestError(
      'LOAD_FAILED',
      `contribution ${rowsLeftBy} failed in the same partition and may have left some of its rows: abort transaction ${transactionId}`,
      { contribution: rowsLeftBy, retryAllowed: false },
    );
  }
  checkFilled(work, filled, rows);
  await noteAttachingRows(tx, id, { staging, plain, before: rows, record });
}

function checkFilled({ place, finalTable }: Work, filled: boolean, before: number): void {
  if (filled === before > 0) return;
  const { database, transactionId } = place;
  const found = filled ? 'holds rows that no contribution accounts for' : `has lost the ${before} rows that it had`;
  throw new IngestError(
    'LOAD_FAILED',
    `the partition of transaction ${transactionId} in ${database}.${finalTable} ${found}: abort the transaction`,
    { retryAllowed: false },
  );
}

/**
 * Finds out what became of an attempt of which that is unclear, waiting for databases that are away. `over` when somebody else
 * has ended it.
 */
export async function settleOwn(worker: ContributionContext, work: Work, token: string): Promise<Settled | 'over'> {
  const until = performance.now() + worker.settings.settleSeconds * 1000;
  for (let pause = 50; ; pause = Math.min(2 * pause, 1000)) {
    try {
      return await worker.server.connection('settle', (connection) => settleOn(worker, work, token, connection));
    } catch (error) {
      const { code } = error as IngestError;
      if (code === 'REVOKED') return 'over';
      if (!isPassing(worker, code) || performance.now() > until) throw error;
    }
    await sleep(pause);
  }
}

/** A database is away or in the way, and this worker is not being closed. */
export function isPassing({ session }: ContributionContext, code: ErrorCode): boolean {
  return WAITED_FOR.has(code) && !session.isClosed;
}

async function settleOn(
  worker: ContributionContext,
  work: Work,
  token: string,
  connection: DataConnection,
): Promise<Settled | 'over'> {
  const { id, place, finalTable } = work;
  const stands = () => worker.metadata.transaction((tx) => lockAttempt(tx, id, token));
  await stands();
  await takePlaceToSettle(access(worker, work), connection, stands);
  await worker.metadata.transaction((tx) => noteThread(tx, id, token, connection.threadId));
  const settled = await settlePlace(worker.metadata, connection, worker.name, place, finalTable);
  await releaseLocks(connection);
  // A note that is gone while the token stands was found to have attached nothing by whoever held the lock before.
  return settled.get(id) ?? 'nothing';
}

function access({ metadata, control, name }: ContributionContext, { place }: Work) {
  return { metadata, control, worker: name, place };
}
