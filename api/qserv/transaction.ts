import { z } from 'zod';
import type { TransactionDescriptor } from '../../ingest/controller/controller';
import { TRANSACTION_STATES } from '../../ingest/core/transactions';
import { time } from './fields';

const object = z.record(z.string(), z.unknown());

/** A super-transaction on the wire, docs/contract/controller.md §6. */
export const transactionDescriptor = z
  .object({
    id: z.number().int(),
    database: z.string(),
    state: z.enum(TRANSACTION_STATES),
    begin_time: time,
    start_time: time,
    transition_time: time,
    end_time: time,
    context: object.describe('What the client keeps with it; empty where it was not asked for.'),
    log: z
      .array(
        z.object({
          id: z.number().int(),
          transaction_state: z.enum(TRANSACTION_STATES),
          name: z.string(),
          time,
          data: object,
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
