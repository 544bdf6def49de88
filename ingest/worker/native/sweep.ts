import { killHolder, lockHolder } from '../../storage/data/locks';
import { dropStaging, listStaging } from '../../storage/data/staging';
import { stagingInUse } from '../../storage/metadata/load-units';
import type { WorkerContext } from './context';

/**
 * Drops staging tables whose attempt is gone. See `IngestWorker.sweep`. An attempt holds a MySQL lock of the table's name as long
 * as its connection lives, and takes it before it creates the table.
 */
export async function sweepStaging(worker: WorkerContext): Promise<number> {
  const found = (await listStaging(worker.control)).flatMap((staging) => {
    const id = /^t([0-9]+)_/.exec(staging)?.[1];
    return id === undefined ? [] : [{ staging, transactionId: Number(id) }];
  });
  if (found.length === 0) return 0;
  const ids = [...new Set(found.map((f) => f.transactionId))];
  const records = await worker.metadata.run((sql) => stagingInUse(sql, worker.name, ids));
  let dropped = 0;
  for (const { staging, transactionId } of found) {
    if (records.noted.has(staging)) continue;
    const held = (await lockHolder(worker.control, staging)) !== null;
    const overtaken = records.known.has(transactionId) && !records.current.has(staging);
    if (held && !overtaken) continue;
    // An overtaken attempt that was only asleep must not write on.
    if (held) await killHolder(worker.control, staging);
    await dropStaging(worker.control, staging);
    dropped += 1;
  }
  return dropped;
}
