import { setTimeout as sleep } from 'node:timers/promises';
import * as texts from '../../../core/contribution-texts';
import { IngestError } from '../../../core/errors';
import { dropStaging } from '../../../storage/data/staging';
import { killLockHolders, releaseLocks } from '../../../storage/data/user-locks';
import type { Transaction } from '../../../storage/metadata';
import { contributionContext } from '../../../storage/metadata/contribution-context';
import {
  adoptRequest,
  type OpenRequest,
  openRequests,
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

export interface Restart {
  /** What cannot have been attached is queued again; else it fails, and may be sent again. */
  autoResume: boolean;
  /** Whether this process works on it. */
  isRunning: (id: number) => boolean;
}

/**
 * Brings what dead processes left at this worker to an end or back into the queue, docs/contract/worker.md §6: rows that are in their
 * partition make a contribution FINISHED, asynchronous ones of which nothing is there wait for their turn once more, in their old
 * order, and synchronous ones fail. Qserv ends all of them as failed that had been read. Throws what kept it from one of them.
 */
export async function settleDead(worker: ContributionContext, restart: Restart): Promise<void> {
  await worker.session.hold();
  const seen = new Set((await deadRequests(worker, restart)).map(({ id }) => id));
  if (seen.size === 0) return;
  await sleep(SECOND_LOOK_MS);
  let failed: { error: unknown } | undefined;
  for (const request of await deadRequests(worker, restart)) {
    if (!seen.has(request.id)) continue;
    try {
      await settleRequest(worker, restart, request);
    } catch (error) {
      failed ??= { error };
    }
  }
  if (failed !== undefined) throw failed.error;
}

async function deadRequests(worker: ContributionContext, { isRunning }: Restart): Promise<OpenRequest[]> {
  const own = worker.session.id;
  const { requests, living } = await worker.metadata.transaction(async (tx) => {
    const requests = await openRequests(tx, worker.name);
    const others = requests.map(({ session }) => session).filter((session) => session !== own);
    return { requests, living: await livingSessions(tx, others) };
  });
  return requests.filter(({ id, session, isQueued }) =>
    session === own ? !isQueued && !isRunning(id) : !living.has(session),
  );
}

async function settleRequest(worker: ContributionContext, restart: Restart, request: OpenRequest): Promise<void> {
  const { id, place, isQueued } = request;
  const token = isQueued ? null : worker.attemptId();
  const { session } = worker;
  const adopted = await worker.metadata.run((sql) => adoptRequest(sql, request, { session: session.id, token }));
  if (!adopted) return;
  if (token !== null) {
    const settled = request.hasNote ? await settleNote(worker, request, token) : 'nothing';
    await dropTables(worker, request);
    if (settled !== 'nothing') return;
  }
  await worker.metadata.transaction(async (tx) => {
    const context = await contributionContext(tx, place.transactionId, place.table);
    const { state } = context;
    if (restart.autoResume && request.isAsync) {
      const refusal = refusalOf(() => checkOpen(context, place));
      if (refusal !== undefined) await refuseResumption(tx, id, refusal.message);
      else if (token !== null) await requeueRequest(tx, id, token);
      return;
    }
    const started = request.startTime !== 0;
    const gone = state !== 'STARTED';
    const error = gone
      ? texts.changedState(place.transactionId, state)
      : 'the worker was stopped before the rows were loaded';
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
  return worker.server.connection('settle', async (connection) => {
    await takePlaceToSettle({ metadata, control, worker: name, place }, connection);
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
  token: string | null,
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
