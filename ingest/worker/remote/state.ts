import { IngestError } from '../../core/errors';
import type { LoadUnit } from '../worker';
import type { RemoteWorkerContext } from './context';

/** The super-transaction must be one of the database, and STARTED. */
export async function checkState(
  { controller }: RemoteWorkerContext,
  { transactionId: id, database }: LoadUnit,
): Promise<void> {
  const { database: own, state } = await controller.transaction(id, { context: false, log: false });
  if (own !== database) {
    await controller.database(database);
    throw new IngestError('INVALID_INPUT', `super-transaction ${id} is one of '${own}', not of '${database}'`, { id });
  }
  if (state === 'STARTED') return;
  throw new IngestError('ILLEGAL_STATE', `super-transaction ${id} is ${state}, not STARTED`, { id, state });
}

/** From time to time `checkState`; while the controller cannot tell, nothing is wrong. */
export function stateChecks(context: RemoteWorkerContext, unit: LoadUnit): () => Promise<void> {
  let checked = performance.now();
  return async () => {
    if (performance.now() - checked < context.stateMs) return;
    try {
      await checkState(context, unit);
    } catch (error) {
      if (!(error instanceof IngestError) || !error.transient) throw error;
    }
    checked = performance.now();
  };
}
