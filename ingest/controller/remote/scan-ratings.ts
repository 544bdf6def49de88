import { fromWireSharedScans, setSharedScan, sharedScans } from '../../../api/qserv/controller/shared-scan';
import { IngestError, invalidInput } from '../../core/errors';
import { scanRatingFault } from '../../core/scan-ratings';
import { kindOf } from '../../core/tables';
import type { ScanRating } from '../finishing';
import type { RemoteContext } from './context';

export async function scanRatings(context: RemoteContext): Promise<ScanRating[]> {
  return fromWireSharedScans(await context.call(sharedScans, {}));
}

export async function setScanRating(
  context: RemoteContext,
  database: string,
  table: string,
  rating: number,
): Promise<void> {
  const { definition } = await context.requireTable(database, table);
  const fault = scanRatingFault(rating);
  if (fault !== undefined) throw invalidInput(`table ${table}`, [{ path: 'rating', message: fault }]);
  if (!kindOf(definition).sharedScans) {
    const message = `the table must be partitioned and not a reference match: ${database}.${table}`;
    throw invalidInput(`table ${table}`, [{ path: 'table', message }]);
  }
  // Qserv's own refusal is a fault of its key-value store, in words that may change.
  const known = (await scanRatings(context)).find((r) => r.database === database && r.table === table);
  if (known?.rating === undefined) {
    const message = `table '${database}.${table}' is not in CSS, where publishing puts it: publish it first`;
    throw new IngestError('UNKNOWN_TABLE', message, { database, table });
  }
  await context.call(setSharedScan, { params: { database, table }, body: { scanRating: rating } });
}
