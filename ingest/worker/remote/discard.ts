import { cancelFile } from '../../../api/qserv/worker/requests';
import { IngestError } from '../../core/errors';
import type { LoadUnit } from '../worker';
import type { RemoteWorkerContext } from './context';
import { contributionsOf, holdsRows } from './look';

/** What waits or is being read is cancelled; rows that are in can only go with their super-transaction: ILLEGAL_STATE. */
export async function discardUnit(context: RemoteWorkerContext, unit: LoadUnit): Promise<void> {
  for (const { id, status } of await contributionsOf(context, unit)) {
    if (status === 'IN_PROGRESS') await context.call(cancelFile, { params: { id } });
  }
  const held = (await contributionsOf(context, unit)).filter(holdsRows);
  if (held.length === 0) return;
  const ids = held.map(({ id }) => id);
  const message = `contributions ${ids.join(', ')} of the unit are loaded, and Qserv cannot take them out (capability atomicUnits): abort super-transaction ${unit.transactionId}`;
  throw new IngestError('ILLEGAL_STATE', message, { unit, contributions: ids, capability: 'atomicUnits' });
}
