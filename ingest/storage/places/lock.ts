import { setTimeout as sleep } from 'node:timers/promises';
import { settleLock, unitLock } from '../../core/names';
import type { LoadUnit } from '../../worker/worker';
import type { DataConnection, DataServer } from '../data/connection';
import { killHolder, lockHolder } from '../data/user-locks';
import type { Metadata } from '../metadata';
import { attemptsOfThread } from '../metadata/contribution-places';
import { livingSessions } from '../metadata/sessions';

/** Where a partition is, and by what it is reached. */
export interface PlaceAccess {
  metadata: Metadata;
  /** Kills connections of the worker's MariaDB. */
  control: DataServer;
  worker: string;
  place: LoadUnit;
}

/** Seconds that one question for the lock waits in MariaDB, which serves those who wait in turn. */
const WAIT_SECONDS = 1;
/** A holder that does nothing for so long is stuck: between its statements it only writes records. */
const IDLE_SECONDS = 60;
/** Pause after a kill, which takes a moment. */
const KILLED_MS = 50;

/**
 * Takes the partition's lock on this connection. Whoever has it rightfully is waited for: attempts one after the other, rows that are
 * on their way into the partition, also those of a process that is gone, and whoever settles what was left there. Others lose it.
 */
export async function takePlace(
  access: PlaceAccess,
  connection: DataConnection,
  goOn: () => Promise<void> = async () => {},
): Promise<void> {
  await take(access, connection, unitLock(access.place), goOn, (holder) => isRightful(access, connection, holder));
}

/** The same for whoever settles what was left in the partition, and is no attempt: one after the other. */
export async function takePlaceToSettle(
  access: PlaceAccess,
  connection: DataConnection,
  goOn?: () => Promise<void>,
): Promise<void> {
  const isAtWork = async (holder: number) => !isStuck(await processOf(connection, holder));
  await take(access, connection, settleLock(access.place), goOn, isAtWork);
  await takePlace(access, connection, goOn);
}

/** `goOn` throws when there is no need any more. */
async function take(
  { control }: PlaceAccess,
  connection: DataConnection,
  lock: string,
  goOn: () => Promise<void> = async () => {},
  isWaitedFor: (holder: number) => Promise<boolean>,
): Promise<void> {
  for (let seconds = 0; ; seconds = WAIT_SECONDS) {
    const [row] = await connection.rows('wait for the partition', 'SELECT GET_LOCK(?, ?) AS got', [lock, seconds]);
    if (Number(row?.got) === 1) return;
    const holder = await lockHolder(connection, lock);
    // In this order: whoever ends attempts does so before taking their lock, and must not be killed by one of them.
    await goOn();
    if (holder === null || (await isWaitedFor(holder))) continue;
    await killHolder(control, lock, holder);
    await sleep(KILLED_MS);
  }
}

async function isRightful(access: PlaceAccess, connection: DataConnection, holder: number): Promise<boolean> {
  const { metadata, worker, place } = access;
  if ((await lockHolder(connection, settleLock(place))) === holder) {
    return !isStuck(await processOf(connection, holder));
  }
  const attempts = await metadata.run((sql) => attemptsOfThread(sql, worker, place, holder));
  if (attempts.length === 0) return false;
  const process = await processOf(connection, holder);
  if (process === undefined || (!process.isIdle && attempts.some(({ noted }) => noted))) return true;
  const sessions = attempts.map(({ session }) => session);
  const living = await metadata.run((sql) => livingSessions(sql, sessions));
  return living.size > 0 && !isStuck(process);
}

/** What a connection does, and for how long. */
interface Process {
  isIdle: boolean;
  seconds: number;
}

/** Undefined when it is gone. */
async function processOf(connection: DataConnection, thread: number): Promise<Process | undefined> {
  const [process] = await connection.rows<{ command: string; seconds: number }>(
    'look at the holder of a lock',
    'SELECT COMMAND AS command, TIME AS seconds FROM information_schema.PROCESSLIST WHERE ID = ?',
    [thread],
  );
  return process && { isIdle: process.command === 'Sleep', seconds: Number(process.seconds) };
}

function isStuck(process: Process | undefined): boolean {
  return process?.isIdle === true && process.seconds > IDLE_SECONDS;
}
