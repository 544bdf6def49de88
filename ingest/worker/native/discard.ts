import { IngestError } from '../../core/errors';
import { dropPartition } from '../../storage/data/partitions';
import { releaseLocks } from '../../storage/data/user-locks';
import { claimForUnit } from '../../storage/metadata/contribution-context';
import { forgetUnit, lockTransactionState, revokeUnit } from '../../storage/metadata/load-units';
import type { LoadUnit } from '../worker';
import { lockUnit } from './attach';
import type { WorkerContext } from './context';
import { finalTableOf } from './verify';

/**
 * Empties the unit and forgets its record. See `IngestWorker.discard`. ILLEGAL_STATE unless the super-transaction is STARTED; its
 * state is kept from changing meanwhile, because what is committed must not be emptied.
 */
export async function discardUnit(worker: WorkerContext, unit: LoadUnit): Promise<void> {
  const finalTable = await finalTableOf(worker, unit);
  await worker.metadata.run((sql) => revokeUnit(sql, worker.name, unit));
  await worker.server.connection('discard', async (connection) => {
    // In this order: whoever holds a connection to the records never waits for one to MariaDB.
    await worker.metadata.transaction(async (tx) => {
      const state = await lockTransactionState(tx, unit.transactionId);
      if (state !== 'STARTED') {
        throw new IngestError('ILLEGAL_STATE', `super-transaction ${unit.transactionId} is ${state}, not STARTED`, {
          id: unit.transactionId,
          state,
        });
      }
      await claimForUnit(tx, worker.name, unit);
      await lockUnit(worker, connection, unit);
      await dropPartition(connection, unit.database, finalTable, unit.transactionId);
      // Rows first: a record without rows is found by verify, rows without a record by nobody.
      await forgetUnit(tx, worker.name, unit);
    });
    await releaseLocks(connection);
  });
}
