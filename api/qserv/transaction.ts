import { z } from 'zod';
import type { TransactionDescriptor } from '../../ingest/controller/controller';
import { TRANSACTION_STATES } from '../../ingest/core/transactions';
import { time } from './fields';

const object = z.record(z.string(), z.unknown());

/** A super-transaction on the wire, docs/contract/controller.md §6. */
export const transactionDescriptor = z
  .object({
    id: z.number().int().describe('Number of the super-transaction.'),
    database: z.string().describe('Its database.'),
    state: z.enum(TRANSACTION_STATES).describe('How far it is.'),
    begin_time: time.describe('When it was asked for, ms since the Unix epoch.'),
    start_time: time.describe('When it was STARTED, ms; 0: not yet.'),
    transition_time: time.describe('When its end was asked for, ms; 0: not yet.'),
    end_time: time.describe('When it ended, ms; 0: not yet.'),
    context: object.describe('What the client keeps with it; empty where it was not asked for.'),
    log: z
      .array(
        z.object({
          id: z.number().int().describe('Number of the event.'),
          transaction_state: z.enum(TRANSACTION_STATES).describe('State at that time.'),
          name: z.string().describe('What happened.'),
          time: time.describe('When, ms since the Unix epoch.'),
          data: object.describe('More about it.'),
        }),
      )
      .describe('Oldest first; empty where it was not asked for.'),
  })
  .meta({ id: 'Transaction' });
export type WireTransaction = z.infer<typeof transactionDescriptor>;

export function toWireTransaction(t: TransactionDescriptor): WireTransaction {
  return {
    id: t.id,
    database: t.database,
    state: t.state,
    begin_time: t.beginTime,
    start_time: t.startTime,
    transition_time: t.transitionTime,
    end_time: t.endTime,
    context: t.context,
    log: t.log.map(({ id, state, name, time: at, data }) => ({ id, transaction_state: state, name, time: at, data })),
  };
}

export function fromWireTransaction(t: WireTransaction): TransactionDescriptor {
  return {
    id: t.id,
    database: t.database,
    state: t.state,
    beginTime: t.begin_time,
    startTime: t.start_time,
    transitionTime: t.transition_time,
    endTime: t.end_time,
    context: t.context,
    log: t.log.map(({ id, transaction_state: state, name, time: at, data }) => ({ id, state, name, time: at, data })),
  };
}
