import type { Controller, TransactionDescriptor } from '../controller/controller';
import { IngestError } from '../core/errors';
import { isEnded } from '../core/transactions';
import type { CampaignLedger } from './ledger';

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
  planId: string;
  seq: number;
}

function contextOf(attempt: TransactionAttempt): OurContext {
  const { workflowId, planId, seq } = attempt;
  return { token: `${workflowId}/${planId}/${seq}/${attempt.attempt}`, campaign: workflowId, planId, seq };
}

const isOurs = (transaction: TransactionDescriptor) => typeof transaction.context.campaign === 'string';

/** Begins the super-transaction, or finds the one that an earlier call with an unknown outcome began. */
export async function begin({ controller }: Services, attempt: TransactionAttempt): Promise<number> {
  const { id } = await controller.beginTransaction(attempt.database, { ...contextOf(attempt) });
  return id;
}

/** Gives every unit of the planned super-transaction its workers: placement of chunks, all workers for regular tables. */
export async function place({ controller, ledger }: Services, planId: string, seq: number, id: number): Promise<void> {
  const { chunks, regular } = await ledger.chunksOf(planId, seq);
  const scope = { transactionId: id };
  const workers = new Map<number, string[]>();
  if (chunks.length > 0) {
    for (const location of await controller.allocateChunks(scope, chunks)) {
      workers.set(location.chunk, [...(workers.get(location.chunk) ?? []), location.worker]);
    }
  }
  const everywhere = regular ? (await controller.locateRegular(scope)).map((location) => location.worker) : [];
  if (regular && everywhere.length === 0) {
    throw new IngestError('NO_WORKERS', 'no enabled, writable worker can take the regular tables');
  }
  await ledger.place(planId, seq, id, workers, everywhere);
}

/** Commits; after an unknown outcome FINISHED counts as done. */
export async function commit({ controller, ledger }: Services, planId: string, id: number): Promise<void> {
  await controller.endTransaction(id, 'commit');
  await ledger.settle(planId, id, 'committed');
}

/** Aborts whatever this attempt began, known or not. Returns the ids that were aborted. */
export async function abort(services: Services, attempt: TransactionAttempt): Promise<number[]> {
  const { token } = contextOf(attempt);
  return abortWhere(services, attempt.database, (t) => t.context.token === token);
}

/** Aborts every super-transaction that this campaign left open. Returns their ids. */
export async function abortAll(services: Services, database: string, workflowId: string): Promise<number[]> {
  return abortWhere(services, database, (t) => t.context.campaign === workflowId);
}

export interface TransactionCounts {
  committed: number;
  aborted: number;
  open: number;
}

/** How many super-transactions worked on this plan, by how they ended. */
export async function countOf({ controller }: Services, database: string, planId: string): Promise<TransactionCounts> {
  const counts = { committed: 0, aborted: 0, open: 0 };
  for (const { state, context } of await controller.transactions({ database })) {
    if (context.planId !== planId) continue;
    counts[state === 'FINISHED' ? 'committed' : state === 'ABORTED' ? 'aborted' : 'open']++;
  }
  return counts;
}

async function abortWhere(
  { controller, ledger }: Services,
  database: string,
  mine: (transaction: TransactionDescriptor) => boolean,
): Promise<number[]> {
  const aborted: number[] = [];
  for (const transaction of await openTransactions(controller, database)) {
    if (!mine(transaction)) continue;
    await controller.endTransaction(transaction.id, 'abort');
    await ledger.settle(String(transaction.context.planId), transaction.id, 'aborted');
    aborted.push(transaction.id);
  }
  return aborted;
}

async function openTransactions(controller: Controller, database: string): Promise<TransactionDescriptor[]> {
  try {
    return (await controller.transactions({ database })).filter((t) => !isEnded(t.state));
  } catch (error) {
    if (error instanceof IngestError && error.code === 'UNKNOWN_DATABASE') return [];
    throw error;
  }
}

/**
 * Ends what campaigns that died without a word left behind in the database: open super-transactions of theirs are aborted, and
 * units whose super-transaction ended without the ledger hearing of it are settled. Call only while holding the claim.
 * Returns what was done, a line each.
 */
export async function endLeftovers(services: Services, target: string, database: string): Promise<string[]> {
  const { controller, ledger } = services;
  const done = (await abortWhere(services, database, isOurs)).map((id) => `aborted super-transaction ${id}`);
  for (const { planId, transactionId } of await ledger.unsettled(target, database)) {
    const state = await stateOf(controller, transactionId);
    await ledger.settle(planId, transactionId, state === 'FINISHED' ? 'committed' : 'aborted');
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
