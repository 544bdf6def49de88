import { setTimeout as sleep } from 'node:timers/promises';
import { unitLock } from '../../core/names';
import type { LoadUnit } from '../../worker/worker';
import type { DataConnection, DataServer } from '../data/connection';
import { lockHolder } from '../data/user-locks';
import type { Metadata } from '../metadata';
import { attemptOfThread } from '../metadata/contribution-places';
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
 * Takes the partition's lock on this connection. Whoever has it rightfully is waited for: attempts one after the other, and rows that are
 * on their way into the partition, also those of a process that is gone. Others lose it. `goOn` throws when there is no need any more.
 */
export async function takePlace(
  access: PlaceAccess,
  connection: DataConnection,
  goOn: () => Promise<void> = async () => {},
): Promise<void> {
  const lock = unitLock(access.place);
  for (let seconds = 0; ; seconds = WAIT_SECONDS) {
    const [row] = await connection.rows('wait for the partition', 'SELECT GET_LOCK(?, ?) AS got', [lock, seconds]);
    if (Number(row?.got) === 1) return;
    const holder = await lockHolder(connection, lock);
    // In this order: whoever ends attempts does so before taking their lock, and must not be killed by one of them.
    await goOn();
    if (holder === null || (await isRightful(access, connection, holder))) continue;
    await access.control.kill(holder);
    await sleep(KILLED_MS);
  }
}

async function isRightful(access: PlaceAccess, connection: DataConnection, holder: number): Promise<boolean> {
  const { metadata, worker, place } = access;
  const attempt = await metadata.run((sql) => attemptOfThread(sql, worker, place, holder));
  if (attempt === undefined) return false;
  const [process] = await connection.rows<{ command: string; seconds: number }>(
    'look at the holder of a lock',
    'SELECT COMMAND AS command, TIME AS seconds FROM information_schema.PROCESSLIST WHERE ID = ?',
    [holder],
  );
  if (process === undefined) return true;
  const idle = process.command === 'Sleep';
  if (attempt.noted && !idle) return true;
  const living = await metadata.run((sql) => livingSessions(sql, [attempt.session]));
  return living.has(attempt.session) && !(idle && Number(process.seconds) > IDLE_SECONDS);
}
