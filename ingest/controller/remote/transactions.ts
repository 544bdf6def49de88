import { getTransaction, listTransactions } from '../../../api/qserv/controller/transactions';
import { toBit } from '../../../api/qserv/fields';
import { fromWireTransaction } from '../../../api/qserv/transaction';
import { IngestError } from '../../core/errors';
import type { TransactionDescriptor, TransactionFilter, TransactionParts } from '../controller';
import type { RemoteContext } from './context';

/** Newest first. */
export async function transactions(
  context: RemoteContext,
  { database, states }: TransactionFilter,
  parts: TransactionParts = {},
): Promise<TransactionDescriptor[]> {
  const where = database === undefined ? { all_databases: 1 } : { database };
  const which = states === undefined ? {} : { trans_state: states.join(',') };
  if (states?.length === 0) return [];
  const reply = await context.call(listTransactions, { query: { ...where, ...which, ...shown(parts) } });
  const all = Object.values(reply.databases).flatMap((one) => one.transactions.map(fromWireTransaction));
  return all.sort((a, b) => b.id - a.id);
}

/** UNKNOWN_TRANSACTION. */
export async function transaction(
  context: RemoteContext,
  id: number,
  parts: TransactionParts = {},
): Promise<TransactionDescriptor> {
  return (await transactionInScope(context, id, parts)).transaction;
}

/** Together with whether its database is published. */
export async function transactionInScope(
  context: RemoteContext,
  id: number,
  parts: TransactionParts = {},
): Promise<{ transaction: TransactionDescriptor; isPublished: boolean }> {
  // Qserv takes 0 for another question.
  if (!(id > 0)) throw new IngestError('UNKNOWN_TRANSACTION', `no such super-transaction ${id}`, { id });
  const reply = await context.call(getTransaction, { params: { id }, query: shown(parts) });
  const [found] = Object.values(reply.databases);
  const [one] = found?.transactions ?? [];
  if (found === undefined || one === undefined) {
    throw new IngestError('UNKNOWN_TRANSACTION', `no such super-transaction ${id}`, { id });
  }
  return { transaction: fromWireTransaction(one), isPublished: found.is_published === 1 };
}

const shown = ({ context = true, log = true }: TransactionParts) => ({
  include_context: toBit(context),
  include_log: toBit(log),
});
