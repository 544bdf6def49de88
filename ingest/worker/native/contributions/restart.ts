import { setTimeout as sleep } from 'node:timers/promises';
import * as texts from '../../../core/contribution-texts';
import { IngestError } from '../../../core/errors';
import type { TransactionState } from '../../../core/transactions';
import { dropStaging } from '../../../storage/data/staging';
import { killLockHolders, releaseLocks } from '../../../storage/data/user-locks';
import type { Transaction } from '../../../storage/metadata';
import { contributionContext } from '../../../storage/metadata/contribution-context';
import {
  adoptQueued,
  adoptRequest,
  endQueued,
  type OpenRequest,
  openRequests,
  openSessions,
  queuedTargets,
  refuseResumption,
} from '../../../storage/metadata/contribution-queue';
import { failRequest, noteThread, requeueRequest } from '../../../storage/metadata/contribution-requests';
import { livingSessions } from '../../../storage/metadata/sessions';
import { takePlaceToSettle } from '../../../storage/places/lock';
import { finalTableOf, type Settled, settlePlace } from '../../../storage/places/settle';
import type { ContributionContext } from './context';
import { checkOpen } from './create';

/** A process whose connection broke is back after less; one that is still away is taken for dead. */
const SECOND_LOOK_MS = 600;

const STOPPED = 'the worker was stopped before the rows were loaded';
const UNRECORDED = 'the records were away before the rows were loaded';

/** The process is gone, but MariaDB goes on with its statement. Nobody waits for that: what is queued would wait, too. */
class OnTheirWay extends IngestError {}

export interface Restart {
  /** What cannot have been attached is queued again; else it fails, and may be sent again. */
  autoResume: boolean;
  /** Whether this process works on it. */
  isRunning: (id: number) => boolean;
}

/**
 * Brings what dead processes left at this worker to an end or back into the queue, docs/contract/worker.md §6: rows that are in their
 * partition make a contribution FINISHED, asynchronous ones of which nothing is there wait for their turn once more, in their old
 * order, and synchronous ones fail. Qserv ends all of them as failed that had been read. What is still on its way into a partition is
 * left for the next time: then false. Throws what kept it from one of them.
 */
export async function settleDead(worker: ContributionContext, restart: Restart): Promise<boolean> {
  await worker.session.hold();
  const seen = await lookForDead(worker, restart);
  if (seen.sessions.size === 0 && seen.own.size === 0) return true;
  await sleep(SECOND_LOOK_MS);
  const { sessions, own } = await lookForDead(worker, restart);
  const dead = [...sessions].filter((session) => seen.sessions.has(session));
  if (dead.length > 0) await settleQueued(worker, restart, dead);
  const left = await begunBy(worker, [...dead, worker.session.id]);
  return settleAll(
    worker,
    restart,
    left.filter(({ id, session }) => session !== worker.session.id || (own.has(id) && seen.own.has(id))),
  );
}

/**
 * The same of what this process began, works on no more and could not bring to an end, for instance because the records were away:
 * of a process that lives, no other one does it.
 */
export async function settleOwnLeft(worker: ContributionContext, restart: Restart): Promise<void> {
  const look = async () => (await begunBy(worker, [worker.session.id])).filter(({ id }) => !restart.isRunning(id));
  const seen = new Set((await look()).map(({ id }) => id));
  if (seen.size === 0) return;
  await sleep(SECOND_LOOK_MS);
  await settleAll(
    worker,
    restart,
    (await look()).filter(({ id }) => seen.has(id)),
  );
}

function begunBy({ metadata, name }: ContributionContext, sessions: string[]): Promise<OpenRequest[]> {
  return metadata.run((sql) => openRequests(sql, name, sessions));
}

/** Sessions of dead processes, and what this one has begun and works on no more. */
async function lookForDead(
  worker: ContributionContext,
  { isRunning }: Restart,
): Promise<{ sessions: Set<string>; own: Set<number> }> {
  const { metadata, name, session } = worker;
  const dead = await metadata.transaction(async (tx) => {
    const others = (await openSessions(tx, name)).filter((id) => id !== session.id);
    const living = await livingSessions(tx, others);
    return others.filter((id) => !living.has(id));
  });
  const own = (await begunBy(worker, [session.id])).map(({ id }) => id);
  return { sessions: new Set(dead), own: new Set(own.filter((id) => !isRunning(id))) };
}

/** What had not begun: however much it is, all that goes into one table is dealt with at once. */
async function settleQueued(worker: ContributionContext, { autoResume }: Restart, sessions: string[]): Promise<void> {
  const { metadata, name, session } = worker;
  const targets = await metadata.run((sql) => queuedTargets(sql, name, sessions));
  await each(targets, (target) =>
    metadata.transaction(async (tx) => {
      const context = await contributionContext(tx, target.transactionId, target.table);
      const left = { worker: name, sessions, target };
      const refusal = refusalOf(() => checkOpen(context, target));
      if (!autoResume) await endQueued(tx, left, notResumed(target.transactionId, context.state));
      else if (refusal === undefined) await adoptQueued(tx, left, session.id);
      else await endQueued(tx, left, { ...NOT_BEGUN, status: 'CREATE_FAILED', error: refusal.message });
    }),
  );
}

const NOT_BEGUN = { retryAllowed: false, startTime: 0, loadTime: 0 };

function notResumed(transactionId: number, state: TransactionState): Parameters<typeof endQueued>[2] {
  const startTime = Date.now();
  if (state === 'STARTED') {
    return { status: 'START_FAILED', error: STOPPED, retryAllowed: true, startTime, loadTime: 0 };
  }
  const error = texts.changedState(transactionId, state);
  return { status: 'LOAD_FAILED', error, retryAllowed: false, startTime, loadTime: startTime };
}

/** False when rows of some are still on their way. */
async function settleAll(worker: ContributionContext, restart: Restart, requests: OpenRequest[]): Promise<boolean> {
  let all = true;
  await each(requests, async (request) => {
    try {
      await settleRequest(worker, restart, request);
    } catch (error) {
      if (!(error instanceof OnTheirWay)) throw error;
      all = false;
    }
  });
  return all;
}

/** Does the work for each of them, whatever becomes of the others; then throws the first failure. */
async function each<T>(items: T[], work: (item: T) => Promise<void>): Promise<void> {
  let failed: { error: unknown } | undefined;
  for (const item of items) {
    await work(item).catch((error) => {
      failed ??= { error };
    });
  }
  if (failed !== undefined) throw (failed as { error: unknown }).error;
}

async function settleRequest(worker: ContributionContext, restart: Restart, request: OpenRequest): Promise<void> {
  const { id, place } = request;
  const token = worker.attemptId();
  const { session } = worker;
  const adopted = await worker.metadata.run((sql) => adoptRequest(sql, request, { session: session.id, token }));
  if (!adopted) return;
  const settled = request.hasNote ? await settleNote(worker, request, token) : 'nothing';
  await dropTables(worker, request);
  if (settled !== 'nothing') return;
  await worker.metadata.transaction(async (tx) => {
    const context = await contributionContext(tx, place.transactionId, place.table);
    const { state } = context;
    if (restart.autoResume && request.isAsync) {
      const refusal = refusalOf(() => checkOpen(context, place));
      if (refusal !== undefined) await refuseResumption(tx, id, refusal.message);
      else await requeueRequest(tx, id, token);
      return;
    }
    const started = request.startTime !== 0;
    const gone = state !== 'STARTED';
    const stopped = request.session === session.id ? UNRECORDED : STOPPED;
    const error = gone ? texts.changedState(place.transactionId, state) : stopped;
    await fail(tx, request, token, {
      status: gone ? 'LOAD_FAILED' : started ? 'READ_FAILED' : 'START_FAILED',
      error: (gone ? texts.loadFailurePrefix(request.channel) : '') + error,
      retryAllowed: !gone,
    });
  });
}

/** What became of rows that an attempt noted which is gone. */
async function settleNote(worker: ContributionContext, { id, place }: OpenRequest, token: string): Promise<Settled> {
  const { metadata, control, name } = worker;
  const context = await metadata.transaction((tx) => contributionContext(tx, place.transactionId, place.table));
  const finalTable = finalTableOf(place, context.partitioned);
  let looks = 0;
  // The first time somebody may be met who has no right to the partition.
  const goOn = async () => {
    looks += 1;
    if (looks > 1) throw new OnTheirWay('BUSY', `rows of contribution ${id} are still on their way`);
  };
  return worker.server.connection('settle', async (connection) => {
    await takePlaceToSettle({ metadata, control, worker: name, place }, connection, goOn);
    await metadata.transaction((tx) => noteThread(tx, id, token, connection.threadId));
    const settled = await settlePlace(metadata, connection, name, place, finalTable);
    await releaseLocks(connection);
    return settled.get(id) ?? 'nothing';
  });
}

async function dropTables({ control }: ContributionContext, { staging, plain }: OpenRequest): Promise<void> {
  const names = [staging, plain].filter((name) => name !== null);
  if (names.length === 0) return;
  await killLockHolders(control, names);
  await dropStaging(control, names);
}

async function fail(
  tx: Transaction,
  { id, startTime, readTime }: OpenRequest,
  token: string,
  how: { status: 'LOAD_FAILED' | 'READ_FAILED' | 'START_FAILED'; error: string; retryAllowed: boolean },
): Promise<void> {
  const now = Date.now();
  if (startTime === 0) await tx`UPDATE qserv.transaction_contrib SET start_time = ${now} WHERE id = ${id}`;
  await failRequest(tx, id, token, {
    ...how,
    httpError: 0,
    systemError: 0,
    bytes: 0,
    rows: 0,
    readTime: how.status === 'START_FAILED' ? 0 : readTime || now,
    loadTime: how.status === 'LOAD_FAILED' ? now : 0,
    numWarnings: 0,
    warnings: [],
  });
}

function refusalOf(check: () => void): IngestError | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    if (error instanceof IngestError) return error;
    throw error;
  }
}
