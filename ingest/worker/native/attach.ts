import { IngestError } from '../../core/errors';
import { STAGING_SCHEMA, unitLock } from '../../core/names';
import { ensurePartition, exchangePartition } from '../../storage/data/attach';
import { type DataConnection, mysqlErrno } from '../../storage/data/connection';
import { dropPartition } from '../../storage/data/partitions';
import { hasRows, scanRows } from '../../storage/data/scan';
import { dropStaging, unwrapStaging } from '../../storage/data/staging';
import { killLockHolders, lockHolder, takeLock } from '../../storage/data/user-locks';
import { finishContributions } from '../../storage/metadata/load-contributions';
import {
  type AttachNote,
  checkToken,
  clearNote,
  noteAttaching,
  recordUnit,
  type UnitRecord,
} from '../../storage/metadata/load-units';
import type { LoadUnit } from '../worker';
import type { Attempt } from './attempt';
import { step, type WorkerContext } from './context';

/** Only another attempt that comes at the same moment can be in the way. */
const LOCK_SECONDS = 10;

/** Takes the unit's lock on this connection, from whoever holds it. */
export async function lockUnit(worker: WorkerContext, connection: DataConnection, unit: LoadUnit): Promise<void> {
  const lock = unitLock(unit);
  await killLockHolders(worker.control, [lock]);
  await takeLock(connection, lock, LOCK_SECONDS);
}

/**
 * Takes the unit's lock for an attempt, from those before it. While it looks whom to kill, nobody can take the unit: an attempt
 * that was overtaken would else kill the one that overtook it. REVOKED to one that was.
 */
async function lockForAttempt(worker: WorkerContext, attempt: Attempt, connection: DataConnection): Promise<void> {
  const { unit, token } = attempt;
  const lock = unitLock(unit);
  if ((await lockHolder(connection, lock)) === connection.threadId) return;
  await worker.metadata.transaction(async (tx) => {
    await checkToken(tx, worker.name, unit, token);
    await killLockHolders(worker.control, [lock]);
  });
  await takeLock(connection, lock, LOCK_SECONDS);
}

/**
 * Attaches the staging table, docs/design.md §4 step 5, and records the unit (step 6). Returns whether the outcome is known when
 * it fails: an error marked `attached: 'unknown'` leaves note and staging table for the next attempt to settle.
 */
export async function attach(
  worker: WorkerContext,
  attempt: Attempt,
  connection: DataConnection,
  definition: string,
  record: UnitRecord,
): Promise<void> {
  const { unit, token, staging, plain, finalTable } = attempt;
  await step(worker, attempt, 'note');
  await worker.metadata.run((sql) => noteAttaching(sql, worker.name, unit, { token, staging, plain, record }));
  await step(worker, attempt, 'lock');
  await lockForAttempt(worker, attempt, connection);
  await step(worker, attempt, 'reread');
  await worker.metadata.run((sql) => checkToken(sql, worker.name, unit, token));
  await step(worker, attempt, 'partition');
  await ensurePartition(connection, unit.database, finalTable, unit.transactionId, definition);
  await step(worker, attempt, 'look');
  if (await hasRows(connection, unit.database, finalTable, unit.transactionId)) {
    throw new IngestError(
      'LOAD_FAILED',
      `${unit.database}.${finalTable} holds rows of super-transaction ${unit.transactionId} that no attempt noted`,
      {
        retryAllowed: false,
        wholeUnit: true,
      },
    );
  }
  await step(worker, attempt, 'unwrap');
  // Rows only: an empty table exchanged for an empty partition changes nothing.
  if (record.rows > 0) await unwrapStaging(connection, staging, plain, definition, unit.transactionId);
  await step(worker, attempt, 'exchange');
  try {
    if (record.rows > 0) {
      await exchangePartition(connection, unit.database, finalTable, unit.transactionId, plain);
    }
    await step(worker, attempt, 'record');
    await recordAttached(worker, attempt, record);
  } catch (error) {
    throw refused(error) ? error : unknownOutcome(error);
  }
}

/** The server itself said that the exchange did not take place. */
function refused(error: unknown): boolean {
  return error instanceof IngestError && error.code !== 'UNAVAILABLE' && mysqlErrno(error) !== undefined;
}

function unknownOutcome(error: unknown): IngestError {
  const { code, message, details } =
    error instanceof IngestError ? error : new IngestError('INTERNAL', (error as Error).message);
  return new IngestError(code, message, { ...details, attached: 'unknown' });
}

async function recordAttached(worker: WorkerContext, attempt: Attempt, record: UnitRecord): Promise<void> {
  await worker.metadata.transaction(async (tx) => {
    await recordUnit(tx, worker.name, attempt.unit, attempt.token, record);
    await finishContributions(tx, record.contributions);
  });
}

/**
 * Finds out whether an earlier attempt, of which nothing is left but its note, attached its rows. Returns the record if so;
 * else the partition is empty and the note gone. Under the unit's lock, which nobody can still hold for that attempt.
 */
export async function settleNote(
  worker: WorkerContext,
  attempt: Attempt,
  connection: DataConnection,
  note: AttachNote,
): Promise<UnitRecord | undefined> {
  const { unit, token, finalTable } = attempt;
  await step(worker, attempt, 'settle');
  await lockForAttempt(worker, attempt, connection);
  await worker.metadata.run((sql) => checkToken(sql, worker.name, unit, token));
  const rows = (await scanRows(connection, unit.database, finalTable, unit.transactionId)) ?? 0;
  const left = (await scanRows(connection, STAGING_SCHEMA, note.plain)) ?? 0;
  if (rows > 0 && rows === note.record.rows && left === 0) {
    await recordAttached(worker, attempt, note.record);
    await dropAttemptTables(worker, note);
    return note.record;
  }
  // Rows that do not agree were harmed by a crash of the server.
  if (rows > 0) await dropPartition(connection, unit.database, finalTable, unit.transactionId);
  await worker.metadata.run((sql) => clearNote(sql, worker.name, unit, token));
  await dropAttemptTables(worker, note);
  return undefined;
}

/** Drops the tables of an attempt that is over. */
export async function dropAttemptTables(
  worker: WorkerContext,
  { staging, plain }: { staging: string; plain: string },
): Promise<void> {
  await dropStaging(worker.control, [staging, plain]);
}
