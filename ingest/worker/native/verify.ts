import { chunkTable } from '../../core/names';
import { scanRows } from '../../storage/data/scan';
import { loadTarget } from '../../storage/metadata/load-target';
import { recordedUnits } from '../../storage/metadata/load-units';
import type { LoadOptions, LoadUnit, UnitCheck } from '../worker';
import type { WorkerContext } from './context';

/** Scans every recorded unit of the super-transaction on this worker. See `IngestWorker.verify`. */
export async function verifyUnits(
  worker: WorkerContext,
  transactionId: number,
  { signal }: LoadOptions = {},
): Promise<UnitCheck[]> {
  const recorded = await worker.metadata.run((sql) => recordedUnits(sql, worker.name, transactionId));
  const tables = new Map<string, boolean>();
  const checks: UnitCheck[] = [];
  for (const { unit, rows } of recorded) {
    signal?.throwIfAborted();
    const actualRows = await scanRows(
      worker.server,
      unit.database,
      await finalTableOf(worker, unit, tables),
      transactionId,
    );
    checks.push({ unit, recordedRows: rows, actualRows, agrees: actualRows === rows });
  }
  return checks;
}

/** Final table of a unit; `partitioned` remembers by table what the records said. */
export async function finalTableOf(
  worker: WorkerContext,
  unit: LoadUnit,
  partitioned: Map<string, boolean> = new Map(),
): Promise<string> {
  let known = partitioned.get(unit.table);
  if (known === undefined) {
    known = (await worker.metadata.run((sql) => loadTarget(sql, worker.name, unit))).partitioned;
    partitioned.set(unit.table, known);
  }
  return known ? chunkTable(unit.table, unit.chunk, unit.overlap) : unit.table;
}
