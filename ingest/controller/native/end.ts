import { IngestError } from '../../core/errors';
import { isEnded, type TransactionState } from '../../core/transactions';
import { killLockHolders } from '../../storage/data/user-locks';
import { revokeContributions } from '../../storage/metadata/contribution-ends';
import { lockNames, revokeTransaction } from '../../storage/metadata/load-units';
import type { HeldLocks } from '../../storage/metadata/locks';
import { lockTransaction, moveTransaction } from '../../storage/metadata/transactions';
import type { EndedTransaction, EndOptions } from '../controller';
import { checkContext, isContext } from '../rules';
import { removeRows } from './abort';
import { findOrThrow } from './begin';
import { forEach, type NativeContext, transactionLock } from './context';
import { buildIndexLayers, dropIndexPartitions, forgetIndexLayers } from './director-index';
import { endContributions } from './end-contributions';

/** Points of ending a super-transaction. */
export const END_STEPS = [
  'end.revoke',
  'end.kill',
  'end.finished',
  'end.drop-partitions',
  'end.drop-staging',
  'end.aborted',
] as const;

type Json = Record<string, unknown>;

export async function endTransaction(
  context: NativeContext,
  id: number,
  how: 'commit' | 'abort',
  json?: Json,
  { once = false }: EndOptions = {},
): Promise<EndedTransaction> {
  if (json !== undefined && !once) checkContext(json);
  const { database } = await findOrThrow(context, id);
  return context.withinDatabase(database, async (held) => {
    // Ends of one super-transaction come one after the other. Whatever IS_* state is found under the lock was left by somebody
    // who is gone, so this call goes on where that one stopped.
    await held.take({ name: transactionLock(id) });
    const { state } = await findOrThrow(context, id);
    if (how === 'commit') await commit(context, held, id, database, state, once, json);
    else await abort(context, held, id, database, state, once, json);
    const { autoBuildDirectorIndex } = await context.requireDatabase(database);
    return { ...(await findOrThrow(context, id)), directorIndexBuilt: how === 'commit' && autoBuildDirectorIndex };
  });
}

async function commit(
  context: NativeContext,
  held: HeldLocks,
  id: number,
  database: string,
  state: TransactionState,
  once: boolean,
  json?: Json,
) {
  if (state === 'FINISHED' && !once) return;
  if (state === 'STARTED') await enter(context, held, id, state, 'IS_FINISHING', json);
  else if (state !== 'IS_FINISHING' || once) throw illegal(id, state, 'committed');
  try {
    if (once && json !== undefined) checkContext(json);
    await killWriters(context, held, id);
    await buildIndexLayers(context, held, id, database);
  } catch (error) {
    // Nothing was undone yet: what may pass is tried again by the next commit, which finds IS_FINISHING abandoned.
    if (error instanceof IngestError && error.transient && !once) throw error;
    await held.check();
    await context.metadata.run((sql) => moveTransaction(sql, id, 'IS_FINISHING', 'FINISH_FAILED'));
    throw error;
  }
  await context.steps('end.finished', { id });
  await held.check();
  await move(context, id, 'IS_FINISHING', 'FINISHED');
  await forgetIndexLayers(context, id, database);
}

async function abort(
  context: NativeContext,
  held: HeldLocks,
  id: number,
  database: string,
  state: TransactionState,
  once: boolean,
  json?: Json,
) {
  if (state === 'ABORTED' && !once) return;
  if (isEnded(state)) throw illegal(id, state, 'aborted');
  if (state !== 'IS_ABORTING') await enter(context, held, id, state, 'IS_ABORTING', json);
  try {
    if (once && json !== undefined) checkContext(json);
    await removeRows(context, held, { id, database, whole: once }, () => killWriters(context, held, id));
    await dropIndexPartitions(context, held, id, database);
  } catch (error) {
    await held.check();
    await move(context, id, 'IS_ABORTING', 'ABORT_FAILED');
    throw error;
  }
  await context.steps('end.aborted', { id });
  await held.check();
  await move(context, id, 'IS_ABORTING', 'ABORTED');
}

/** Takes every unit away from its attempt and leaves STARTED (or a failed state), in one step. */
async function enter(
  context: NativeContext,
  held: HeldLocks,
  id: number,
  from: TransactionState,
  to: 'IS_FINISHING' | 'IS_ABORTING',
  json?: Json,
) {
  await context.steps('end.revoke', { id, to });
  await held.check();
  await context.metadata.transaction(async (tx) => {
    // Before any of its attempts: those lock it first, too.
    await lockTransaction(tx, id);
    await revokeTransaction(tx, id);
    await revokeContributions(tx, id, to);
    if (!(await moveTransaction(tx, id, from, to, isContext(json) ? json : undefined)))
      throw new IngestError('BUSY', `super-transaction ${id} moved`);
  });
}

/** Whoever read its token just before it was revoked is stopped before anything is finished or dropped. */
async function killWriters(context: NativeContext, held: HeldLocks, id: number) {
  await context.steps('end.kill', { id });
  await held.check();
  const byWorker = new Map<string, string[]>();
  for (const { worker, lock } of await context.metadata.run((sql) => lockNames(sql, id))) {
    // A worker that left the target takes its rows along.
    if (context.workers.has(worker)) byWorker.set(worker, [...(byWorker.get(worker) ?? []), lock]);
  }
  await forEach([...byWorker], byWorker.size, ([worker, locks]) => killLockHolders(context.worker(worker), locks));
  await endContributions(context, { transactionId: id });
}

async function move(context: NativeContext, id: number, from: TransactionState, to: TransactionState) {
  if (await context.metadata.run((sql) => moveTransaction(sql, id, from, to))) return;
  throw new IngestError('BUSY', `super-transaction ${id} was ended by somebody else meanwhile`, { id });
}

function illegal(id: number, state: TransactionState, what: string): IngestError {
  return new IngestError('ILLEGAL_STATE', `super-transaction ${id} cannot be ${what}, it is ${state}`, { id, state });
}
