import { toWireContribution } from '../../api/qserv/contribution';
import {
  beginTransaction,
  endTransaction,
  getContribution,
  getTransaction,
  listTransactions,
} from '../../api/qserv/controller/transactions';
import type { ReplyOf } from '../../api/qserv/endpoint';
import { toBit } from '../../api/qserv/fields';
import { Refusal } from '../../api/qserv/refusal';
import { toWireTransaction } from '../../api/qserv/transaction';
import type { Controller, TransactionDescriptor } from '../../ingest/controller/controller';
import { IngestError } from '../../ingest/core/errors';
import { saying } from '../http/refusals';
import { type Route, route } from '../http/route';
import { withContributions } from './contributions';

type Context = Record<string, unknown>;
type ListedDatabase = ReplyOf<typeof listTransactions>['databases'][string];

/** Super-transactions and what is known of them, docs/contract/controller.md §6 and §7. */
export function transactionRoutes(controller: Controller): Route[] {
  const changed = async (transaction: TransactionDescriptor) => ({
    [transaction.database]: {
      num_chunks: await controller.chunkCount(transaction.database),
      transactions: [toWireTransaction(transaction)],
    },
  });
  const described = async (name: string, isPublished: boolean) => ({
    is_published: toBit(isPublished),
    num_chunks: await controller.chunkCount(name),
  });

  return [
    route(listTransactions, async ({ query }) => {
      const parts = { context: query.include_context, log: query.include_log };
      const databases = new Map<string, ListedDatabase>();
      let found: TransactionDescriptor[] = [];
      for (const { name, isPublished } of await selected(controller, query)) {
        try {
          const all = await controller.transactions({ database: name, states: query.trans_state }, parts);
          databases.set(name, { ...(await described(name, isPublished)), transactions: [] });
          found = found.concat(all);
        } catch (error) {
          // Deleted since: clients take these words for an answer about the database that they named.
          if (query.database !== '' || !(error instanceof IngestError) || error.code !== 'UNKNOWN_DATABASE')
            throw error;
        }
      }
      for (const transaction of await withContributions(controller, found, query)) {
        databases.get(transaction.database)?.transactions.push(transaction);
      }
      return { databases: Object.fromEntries(databases) };
    }),

    route(getTransaction, async ({ params: { id }, query }) => {
      const parts = { context: query.include_context, log: query.include_log };
      if (id === 0 && query.database === '') {
        throw new Refusal('E', "either 'id' or 'database' query parameter must be specified");
      }
      const found =
        id === 0
          ? await controller.transactions({ database: query.database, states: query.trans_state }, parts)
          : [await controller.transaction(id, parts)];
      const name = found[0]?.database ?? query.database;
      if (query.database !== '' && query.database !== name) {
        const which = `transaction id=${id} is associated with database '${name}'`;
        throw new Refusal('E', `${which} which is different from the requested database '${query.database}'`);
      }
      const { isPublished } = await controller.database(name);
      const transactions = await withContributions(controller, found, query);
      const listed = transactions.length === 0 ? {} : { transactions };
      return { databases: { [name]: { ...(await described(name, isPublished)), ...listed } } };
    }),

    route(beginTransaction, async ({ body: { database, context = {} } }) => {
      const texts = {
        DATABASE_PUBLISHED: () => new Refusal('E', 'the database is already published'),
        INVALID_INPUT: noObject(`createTransaction database=${database}`),
      };
      const begun = await saying(texts, () => controller.beginTransaction(database, context as Context));
      return { databases: await changed(begun) };
    }),

    route(endTransaction, async ({ params: { id }, query: { abort }, body }) => {
      const texts = {
        ILLEGAL_STATE: ({ details: { state } }: IngestError) =>
          state === undefined
            ? undefined
            : new Refusal('E', `transaction id=${id} can't be ended at this time because of state=${state}.`),
        INVALID_INPUT: noObject(`updateTransaction id=${id}`),
      };
      const how = abort ? 'abort' : 'commit';
      const end = () => controller.endTransaction(id, how, body.context as Context | undefined, { once: true });
      const ended = await saying(texts, () => sayingPartitions(end));
      return {
        databases: await changed(ended),
        'secondary-index-build-success': toBit(ended.directorIndexBuilt),
      };
    }),

    route(getContribution, async ({ params: { id }, query }) => {
      const parts = {
        extensions: query.include_extensions,
        warnings: query.include_warnings,
        retries: query.include_retries,
      };
      const unknown = `DatabaseServicesNotFound: DatabaseServicesMySQL::transactionContrib id=${id} no such contribution`;
      const texts = { UNKNOWN_CONTRIBUTION: () => new Refusal('F', unknown) };
      return { contribution: toWireContribution(await saying(texts, () => controller.contribution(id, parts))) };
    }),
  ];
}

/** The databases that a listing is about: a named one whatever its state. */
async function selected(
  controller: Controller,
  query: { database: string; family: string; all_databases: boolean; is_published: boolean },
) {
  if (query.database !== '') return [await controller.database(query.database)];
  if (query.family !== '') await controller.family(query.family);
  return (await controller.databases()).filter(
    ({ family, isPublished }) =>
      (query.family === '' || family === query.family) && (query.all_databases || isPublished === query.is_published),
  );
}

/** A context that is not an object, in the words of Qserv's `call`. */
function noObject(call: string) {
  const tail = `DatabaseServicesMySQL::${call} a value of the parameter 'transactionContext is not a valid JSON object`;
  return ({ details }: IngestError) => (details.field === 'context' ? new Refusal('P', tail) : undefined);
}

/** An abort that could not take rows out of all final tables. */
async function sayingPartitions<T>(end: () => Promise<T>): Promise<T> {
  try {
    return await end();
  } catch (error) {
    if (!(error instanceof IngestError) || error.details.stage !== 'partitions') throw error;
    const { completed = {}, error: failed = {} } = error.details;
    const ext = { completed, error: failed, reason: error.message };
    throw new Refusal('E', 'failed to drop table partitions', ext);
  }
}
