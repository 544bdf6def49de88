import type { Controller, TransactionDescriptor } from '../controller/controller';
import { IngestError } from '../core/errors';
import { isEnded, type TransactionState } from '../core/transactions';
import { endRepublish } from './end-republish';
import type { CampaignLedger } from './ledger';
import { checkTables } from './register';

/** One begin of one planned super-transaction, recognisable in Qserv by the token in its context. */
export interface TransactionAttempt {
  workflowId: string;
  /** First run of the campaign's chain: tells apart campaigns that use the same workflow id one after the other. */
  firstRunId: string;
  database: string;
  planId: string;
  seq: number;
  attempt: number;
}

interface Services {
  controller: Controller;
  ledger: CampaignLedger;
}

/** What a super-transaction of ours carries in its context. */
interface OurContext {
  token: string;
  campaign: string;
  /** First run of the campaign: its workflow id may have had others before, and may have others after it. */
  run: string;
  planId: string;
  seq: number;
}

function contextOf(attempt: TransactionAttempt): OurContext {
  const { workflowId, firstRunId, planId, seq } = attempt;
  const token = `${workflowId}/${planId}/${seq}/${attempt.attempt}`;
  return { token, campaign: workflowId, run: firstRunId, planId, seq };
}

/** True for a super-transaction that a campaign of one of these plans began: nobody else's is ended for being in the way. */
function isOurs({ context }: TransactionDescriptor, plans: Set<string>): boolean {
  const { token, campaign, planId, seq } = context;
  if (typeof token !== 'string' || typeof planId !== 'string' || !plans.has(planId)) return false;
  const start = `${campaign}/${planId}/${seq}/`;
  return token.startsWith(start) && /^\d+$/.test(token.slice(start.length));
}

/** Begins the super-transaction, or finds the one that an earlier call with an unknown outcome began. */
export async function begin({ controller, ledger }: Services, attempt: TransactionAttempt): Promise<number> {
  const { requestId } = (await ledger.plan(attempt.planId)).summary;
  const request = requestId === undefined ? {} : { requestId };
  const { id } = await controller.beginTransaction(attempt.database, { ...contextOf(attempt), ...request });
  return id;
}

/**
 * Gives every unit of the planned super-transaction its workers: all replicas of its chunk, all workers for regular tables. UNKNOWN_TABLE
 * as `checkTables`.
 */
export async function place(services: Services, planId: string, seq: number, id: number): Promise<void> {
  const { controller, ledger } = services;
  await checkTables(services, planId);
  const { chunks, regular } = await ledger.chunksOf(planId, seq);
  const scope = { transactionId: id };
  const workers = new Map<number, string[]>();
  if (chunks.length > 0) {
    for (const location of await controller.allocateChunks(scope, chunks, 'multi')) {
      workers.set(location.chunk, [...(workers.get(location.chunk) ?? []), location.worker]);
    }
  }
  const everywhere = regular ? (await controller.locateRegular(scope)).map((location) => location.worker) : [];
  if (regular && everywhere.length === 0) {
    throw new IngestError('NO_WORKERS', 'no enabled, writable worker can take the regular tables');
  }
  await ledger.place(planId, seq, id, workers, everywhere);
}

/** Commits; after an unknown outcome FINISHED counts as done. UNKNOWN_TABLE as `checkTables`. */
export async function commit(services: Services, planId: string, id: number): Promise<void> {
  const { controller, ledger } = services;
  if ((await controller.transaction(id)).state !== 'FINISHED') await checkTables(services, planId);
  await controller.endTransaction(id, 'commit');
  await ledger.settle(planId, id, 'committed');
}

/** Aborts and settles whatever this attempt began, known or not. Returns the ids whose end the ledger had not heard of. */
export async function abort(services: Services, attempt: TransactionAttempt): Promise<number[]> {
  const { token } = contextOf(attempt);
  return abortWhere(services, attempt.database, (t) => t.context.token === token);
}

/**
 * Aborts every super-transaction that this campaign left open, and settles the others. Before each abort it asks whether it still
 * may, and stops where not. Returns as `abort`.
 */
export async function abortAll(
  services: Services,
  database: string,
  { workflowId, firstRunId }: { workflowId: string; firstRunId: string },
  may: () => Promise<boolean> = async () => true,
): Promise<number[]> {
  const mine = ({ context }: TransactionDescriptor) => context.campaign === workflowId && context.run === firstRunId;
  return abortWhere(services, database, mine, may);
}

export interface TransactionCounts {
  committed: number;
  aborted: number;
  open: number;
}

/** How many super-transactions worked on this plan, by how they ended. */
export async function countOf({ controller }: Services, database: string, planId: string): Promise<TransactionCounts> {
  const counts = { committed: 0, aborted: 0, open: 0 };
  for (const { state, context } of await controller.transactions({ database }, { log: false })) {
    if (context.planId !== planId) continue;
    counts[state === 'FINISHED' ? 'committed' : state === 'ABORTED' ? 'aborted' : 'open']++;
  }
  return counts;
}

/**
 * Open ones are aborted. Ended ones are settled as well, by how they ended: an earlier call may have died between the two, and
 * anybody may end a super-transaction from outside.
 */
async function abortWhere(
  { controller, ledger }: Services,
  database: string,
  mine: (transaction: TransactionDescriptor) => boolean,
  may: () => Promise<boolean> = async () => true,
): Promise<number[]> {
  const news: number[] = [];
  for (const transaction of await transactionsIn(controller, database)) {
    if (!mine(transaction)) continue;
    if (!(await may())) break;
    const { id, context } = transaction;
    const open = !isEnded(transaction.state);
    const state = open ? await aborted(controller, id) : transaction.state;
    const settled = await ledger.settle(String(context.planId), id, howEnded(state));
    if ((open || settled) && state === 'ABORTED') news.push(id);
  }
  return news;
}

/** Aborts; somebody who was faster may have committed it. Returns how it ended. */
async function aborted(controller: Controller, id: number): Promise<TransactionState> {
  try {
    return (await controller.endTransaction(id, 'abort')).state;
  } catch (error) {
    const { state } = await controller.transaction(id);
    if (isEnded(state)) return state;
    throw error;
  }
}

const howEnded = (state: string) => (state === 'FINISHED' ? 'committed' : 'aborted');

async function transactionsIn(controller: Controller, database: string): Promise<TransactionDescriptor[]> {
  try {
    return await controller.transactions({ database }, { log: false });
  } catch (error) {
    if (error instanceof IngestError && error.code === 'UNKNOWN_DATABASE') return [];
    throw error;
  }
}

/**
 * Ends what campaigns that died without a word left behind in the database: their super-transactions as `endDeadTransactions`, and
 * a republish is undone, or completed where readers may have seen some of it. Call only while holding the claim. Returns what was
 * done, a line each.
 */
export async function endLeftovers(services: Services, target: string, database: string): Promise<string[]> {
  const done = await endDeadTransactions(services, target, database);
  for (const planId of await services.ledger.openRepublishes(target, database)) {
    done.push(...(await endRepublish(services, planId, async () => {})).lines);
  }
  return done;
}

/**
 * Aborts open super-transactions of campaigns that died, and settles units whose super-transaction ended without the ledger hearing
 * of it. Call only while holding the claim. Returns what was done, a line each.
 */
export async function endDeadTransactions(services: Services, target: string, database: string): Promise<string[]> {
  const { controller, ledger } = services;
  const plans = await ledger.plansOf(target, database);
  const open = (t: TransactionDescriptor) => isOurs(t, plans) && !isEnded(t.state);
  const done = (await abortWhere(services, database, open)).map((id) => `aborted super-transaction ${id}`);
  for (const { planId, transactionId } of await ledger.unsettled(target, database)) {
    const state = await stateOf(controller, transactionId);
    await ledger.settle(planId, transactionId, howEnded(state));
    done.push(`super-transaction ${transactionId} had ended as ${state}`);
  }
  return done;
}

async function stateOf(controller: Controller, id: number): Promise<string> {
  try {
    return (await controller.transaction(id)).state;
  } catch (error) {
    if (error instanceof IngestError && error.code === 'UNKNOWN_TRANSACTION') return 'deleted';
    throw error;
  }
}
