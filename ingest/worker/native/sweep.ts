import { stagingPrefix, transactionOfStaging } from '../../core/names';
import { dropStaging, listStaging } from '../../storage/data/staging';
import { killLockHolders, lockHolder } from '../../storage/data/user-locks';
import { stagingRecords } from '../../storage/metadata/load-units';
import type { WorkerContext } from './context';

/**
 * Drops staging tables whose attempt is gone. See `IngestWorker.sweep`. An attempt holds a MySQL lock of the table's name as long
 * as its connection lives, and takes it before it creates the table. Tables of super-transactions that our records do not
 * know are left alone: they may be another instance's, and deleting a database drops those that were ours.
 */
export async function sweepStaging(worker: WorkerContext): Promise<number> {
  const found = (await listStaging(worker.control)).flatMap((staging) => {
    const id = transactionOfStaging(staging);
    return id === undefined ? [] : [{ staging, id }];
  });
  if (found.length === 0) return 0;
  const ids = [...new Set(found.map(({ id }) => id))];
  const records = await worker.metadata.run((sql) => stagingRecords(sql, worker.name, ids));
  let dropped = 0;
  for (const { staging, id } of found) {
    const database = records.databases.get(id);
    if (database === undefined || !staging.startsWith(stagingPrefix(database, id))) continue;
    if (records.noted.has(staging)) continue;
    const held = (await lockHolder(worker.control, staging)) !== null;
    if (held && records.current.has(staging)) continue;
    // An overtaken attempt that was only asleep must not write on.
    if (held) await killLockHolders(worker.control, [staging]);
    await dropStaging(worker.control, [staging]);
    dropped += 1;
  }
  return dropped;
}
