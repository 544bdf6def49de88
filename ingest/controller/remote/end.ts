import { endTransaction as endpoint } from '../../../api/qserv/controller/transactions';
import { toBit } from '../../../api/qserv/fields';
import { fromWireTransaction } from '../../../api/qserv/transaction';
import { IngestError } from '../../core/errors';
import { indexesBuilt } from '../../core/transactions';
import { isCode } from '../../remote/outcome';
import type { EndedTransaction, EndOptions, TransactionDescriptor } from '../controller';
import { checkContext } from '../rules';
import { alreadyPublished, type RemoteContext } from './context';
import { transaction, transactionInScope } from './transactions';

type How = 'commit' | 'abort';
type Json = Record<string, unknown>;

/** Whatever the reply is, or where there is none, the state decides: docs/contract/publishing.md §4. */
export async function endTransaction(
  context: RemoteContext,
  id: number,
  how: How,
  json?: Json,
  { once = false }: EndOptions = {},
): Promise<EndedTransaction> {
  if (json !== undefined) checkContext(json);
  if (once) return send(context, id, how, json);
  let before = await transaction(context, id);
  for (;;) {
    const done = ended(before, how);
    if (done !== undefined) return done;
    try {
      return await send(context, id, how, json);
    } catch (error) {
      const after = await afterFailure(context, id, how, error);
      const settled = ended(after, how);
      if (settled !== undefined) return settled;
      // It did not arrive, or came to nothing; or somebody else is ending it.
      if (!isBetween(after)) throw error;
      before = await progress(context, after, how);
    }
  }
}

async function send(context: RemoteContext, id: number, how: How, json?: Json): Promise<EndedTransaction> {
  const sent = {
    params: { id },
    query: { abort: toBit(how === 'abort') },
    body: json === undefined ? {} : { context: json },
  };
  const reply = await context.call(endpoint, sent, { long: true });
  const [one] = Object.values(reply.databases).flatMap((of) => of.transactions);
  if (one === undefined) throw new IngestError('INTERNAL', `nothing was said of super-transaction ${id}`, { id });
  return { ...fromWireTransaction(one), directorIndexBuilt: reply['secondary-index-build-success'] === 1 };
}

/** The super-transaction where it was ended that way before; ILLEGAL_STATE where it cannot be. */
function ended(found: TransactionDescriptor, how: How): EndedTransaction | undefined {
  const { id, state } = found;
  if (state === (how === 'commit' ? 'FINISHED' : 'ABORTED')) {
    return { ...found, directorIndexBuilt: how === 'commit' && wasIndexed(found) };
  }
  const possible = how === 'abort' ? state !== 'FINISHED' : state === 'STARTED' || state === 'IS_FINISHING';
  if (possible) return undefined;
  throw new IngestError('ILLEGAL_STATE', `super-transaction ${id} cannot be ${how}ed, it is ${state}`, { id, state });
}

/** By the log, which tells of every index that a commit filled. */
function wasIndexed({ log }: TransactionDescriptor): boolean {
  const built = [...indexesBuilt(log).values()];
  return built.length > 0 && built.every((success) => success);
}

/** What has become of it. Throws the failure where nobody can tell, and what is behind it where the records say so. */
async function afterFailure(
  context: RemoteContext,
  id: number,
  how: How,
  error: unknown,
): Promise<TransactionDescriptor> {
  if (isCode(error, 'CANCELLED', 'NOT_ALLOWED')) throw error;
  const found = await transactionInScope(context, id).catch(() => undefined);
  if (found === undefined) throw error;
  const { transaction: after, isPublished } = found;
  if (how === 'commit' && after.state === 'FINISH_FAILED') throw indexFailed(after) ?? finishFailed(after, error);
  if (how === 'abort' && after.state === 'ABORT_FAILED' && isPublished) throw alreadyPublished(after.database);
  return after;
}

const isBetween = ({ state }: TransactionDescriptor) => state === 'IS_FINISHING' || state === 'IS_ABORTING';

/** Rows that the director index refused are in the log, by worker and chunk. */
function indexFailed({ id, log }: TransactionDescriptor): IngestError | undefined {
  const failed = log.filter(({ name, data }) => name === 'end bld dir idx' && data.success === 0).at(-1);
  const { table, error: failures } = failed?.data ?? {};
  if (typeof failures !== 'object' || failures === null) return undefined;
  const [[worker, chunks] = ['', {}]] = Object.entries(failures);
  const [[chunk, why] = ['', '']] = Object.entries((chunks ?? {}) as Record<string, unknown>);
  const message = `the director index of '${String(table)}' refused rows of super-transaction ${id}: chunk ${chunk} at ${worker}: ${String(why)}`;
  return new IngestError('INDEX_FAILED', message, { id, table, failures });
}

function finishFailed({ id }: TransactionDescriptor, error: unknown): IngestError {
  const why = error instanceof Error ? error.message : String(error);
  const details = { id, state: 'FINISH_FAILED' };
  return new IngestError('ILLEGAL_STATE', `super-transaction ${id} is FINISH_FAILED, abort it: ${why}`, details);
}

/**
 * Waits while somebody else ends it: as long as its log grows. A commit that shows no sign of life was left by a controller that is
 * gone; Qserv has no way to go on with it, so that it can only be aborted.
 */
async function progress(context: RemoteContext, from: TransactionDescriptor, how: How): Promise<TransactionDescriptor> {
  let last = from;
  let deadline = Date.now() + context.settleMs;
  while (Date.now() < deadline) {
    await context.pause();
    const now = await transaction(context, from.id);
    if (now.state !== last.state) return now;
    if (now.log.length !== last.log.length) deadline = Date.now() + context.settleMs;
    last = now;
  }
  const { id, state } = last;
  const seconds = context.settleMs / 1000;
  if (how === 'abort') {
    throw new IngestError('BUSY', `super-transaction ${id} has been ${state} for ${seconds} s without progress`, {
      id,
      state,
    });
  }
  const message = `super-transaction ${id} was left ${state}: no progress for ${seconds} s; abort it`;
  throw new IngestError('ILLEGAL_STATE', message, { id, state });
}
