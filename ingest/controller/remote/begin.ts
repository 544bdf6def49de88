import { beginTransaction as endpoint } from '../../../api/qserv/controller/transactions';
import { fromWireTransaction } from '../../../api/qserv/transaction';
import { IngestError } from '../../core/errors';
import { isEnded, TRANSACTION_STATES } from '../../core/transactions';
import { isUnknown } from '../../remote/outcome';
import { refusalError } from '../../remote/refusals';
import type { TransactionDescriptor } from '../controller';
import { checkContext } from '../rules';
import type { RemoteContext } from './context';
import { endTransaction } from './end';
import { transaction, transactions } from './transactions';

type Json = Record<string, unknown>;

/**
 * With a token in the context: it is looked for before anything is begun, and after a request whose outcome nobody knows. Of several,
 * which requests that came late can leave, the oldest one counts, and the others are aborted. docs/contract/publishing.md §4.
 */
export async function beginTransaction(
  context: RemoteContext,
  database: string,
  json: Json,
): Promise<TransactionDescriptor> {
  checkContext(json);
  const { token } = json;
  if (typeof token !== 'string') return begin(context, database, json);
  return context.oneAtATime(`begin ${database} ${token}`, async () => {
    const known = await withToken(context, database, token);
    if (known.length > 0) return adopt(context, known);
    try {
      await begin(context, database, json);
    } catch (error) {
      const found = await withToken(context, database, token).catch(() => []);
      const [first] = found;
      if (first === undefined) throw error;
      if (first.state === 'START_FAILED') throw startFailed(first, error);
      if (!isUnknown(error)) throw error;
    }
    return adopt(context, await withToken(context, database, token));
  });
}

async function begin(context: RemoteContext, database: string, json: Json): Promise<TransactionDescriptor> {
  const reply = await context.call(endpoint, { body: { database, context: json } }, { long: true });
  const [begun] = Object.values(reply.databases).flatMap((one) => one.transactions);
  if (begun === undefined) throw new IngestError('INTERNAL', `no super-transaction was begun in '${database}'`);
  return fromWireTransaction(begun);
}

/** Those that are not ended, oldest first. */
async function withToken(context: RemoteContext, database: string, token: string): Promise<TransactionDescriptor[]> {
  const states = TRANSACTION_STATES.filter((state) => !isEnded(state));
  const open = await transactions(context, { database, states });
  return open.filter((one) => one.context.token === token).sort((a, b) => a.id - b.id);
}

/** The oldest, once it has left IS_STARTING or has been in it for too long: then it is returned as it is. */
async function adopt(
  context: RemoteContext,
  [first, ...others]: TransactionDescriptor[],
): Promise<TransactionDescriptor> {
  if (first === undefined)
    throw new IngestError('ILLEGAL_STATE', 'the super-transaction was ended as soon as it was begun');
  for (const { id } of others) await endTransaction(context, id, 'abort');
  let found = first;
  const deadline = Date.now() + context.settleMs;
  while (found.state === 'IS_STARTING' && Date.now() < deadline) {
    await context.pause();
    found = await transaction(context, first.id);
  }
  return found;
}

/** A director index that takes no further partition says so in the log, and so does one whose server was away: that passes. */
function startFailed({ id, log }: TransactionDescriptor, cause: unknown): IngestError {
  const failed = log.find(({ name, data }) => name === 'end add dir idx part' && data.success === 0);
  if (failed === undefined) return new IngestError('ILLEGAL_STATE', `super-transaction ${id} is START_FAILED`, { id });
  const { table, error } = failed.data;
  const message = `the director index of '${String(table)}' took no partition for super-transaction ${id}: ${String(error)}`;
  const passes = refusalError('', String(error), {}).code === 'UNAVAILABLE';
  return new IngestError(passes ? 'UNAVAILABLE' : 'INDEX_FAILED', message, { id, table }, { cause });
}
