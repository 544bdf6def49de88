import type { Contribution } from '../../core/contributions';
import { kindOf } from '../../core/tables';
import type { LoadOptions, LoadUnit, UnitCheck } from '../worker';
import type { RemoteWorkerContext } from './context';
import { holdsRows } from './look';

/**
 * From the records alone: nobody but the worker itself can scan its tables. A unit does not agree while something of it is being
 * loaded, after a load that broke off, and when the same file is in it twice.
 */
export async function verifyUnits(
  context: RemoteWorkerContext,
  transactionId: number,
  { signal }: LoadOptions = {},
): Promise<UnitCheck[]> {
  signal?.throwIfAborted();
  const { controller, name } = context;
  const { database } = await controller.transaction(transactionId, { context: false, log: false });
  const filter = { transactionIds: [transactionId], worker: name };
  const all = await controller.contributions(filter, { warnings: false, retries: false, extensions: false });
  const { tables } = await controller.database(database);
  const regular = new Set(tables.filter((t) => !kindOf(t.definition).partitioned).map((t) => t.definition.name));
  const units = new Map<string, { unit: LoadUnit; held: Contribution[] }>();
  for (const contribution of all.filter(holdsRows)) {
    const { table } = contribution;
    const place = regular.has(table) ? { chunk: 0, overlap: false } : contribution;
    const unit = { transactionId, database, table, chunk: place.chunk, overlap: place.overlap };
    const key = JSON.stringify(unit);
    const known = units.get(key) ?? { unit, held: [] };
    known.held.push(contribution);
    units.set(key, known);
  }
  return [...units.values()].map(({ unit, held }) => checkOf(unit, held));
}

function checkOf(unit: LoadUnit, held: Contribution[]): UnitCheck {
  const finished = held.filter(({ status }) => status === 'FINISHED');
  const sum = (of: (c: Contribution) => number) => finished.reduce((n, c) => n + of(c), 0);
  const [recordedRows, actualRows] = [sum((c) => c.rows), sum((c) => c.rowsLoaded)];
  const agrees = finished.length === held.length && recordedRows === actualRows && !hasTwins(finished);
  return { unit, recordedRows, actualRows, agrees };
}

/** Files whose query is not shown may be different ones. */
function hasTwins(finished: Contribution[]): boolean {
  const urls = finished.map(({ url }) => url).filter((url) => !url.endsWith('?…'));
  return new Set(urls).size < urls.length;
}
