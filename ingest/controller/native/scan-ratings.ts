import { invalidInput } from '../../core/errors';
import { scanRatingFault } from '../../core/scan-ratings';
import { kindOf } from '../../core/tables';
import { readSharedScans, writeSharedScan } from '../../storage/data/css';
import { allDatabases } from '../../storage/metadata/databases';
import { tablesOf } from '../../storage/metadata/tables';
import type { ScanRating } from '../finishing';
import type { NativeContext } from './context';

/** Tables of the kinds that shared scans know, rated or not; next versions of tables are none yet. */
export async function scanRatings(context: NativeContext): Promise<ScanRating[]> {
  const rated = await readSharedScans(context.master);
  const ratings = new Map(rated.map(({ database, table, scan }) => [`${database}.${table}`, scan.scanRating]));
  return context.metadata.run(async (sql) => {
    const found: ScanRating[] = [];
    for (const { name: database, family } of await allDatabases(sql)) {
      for (const { definition, replaces } of await tablesOf(sql, database)) {
        if (!kindOf(definition).sharedScans || replaces !== undefined) continue;
        const rating = ratings.get(`${database}.${definition.name}`);
        found.push({ family, database, table: definition.name, ...(rating === undefined ? {} : { rating }) });
      }
    }
    return found;
  });
}

export function setScanRating(context: NativeContext, database: string, name: string, rating: number): Promise<void> {
  return context.withinDatabase(database, async (held) => {
    await context.requireDatabase(database);
    const { definition } = await context.requireTable(database, name);
    const fault = scanRatingFault(rating);
    if (fault !== undefined) throw invalidInput(`table ${name}`, [{ path: 'rating', message: fault }]);
    if (!kindOf(definition).sharedScans) {
      const message = `the table must be partitioned and not a reference match: ${database}.${name}`;
      throw invalidInput(`table ${name}`, [{ path: 'table', message }]);
    }
    await context.steps('scan-rating.write', { database, table: name });
    await held.check();
    // A rating from outside goes with tables that are not locked in memory, docs/contract/controller.md §13.
    await writeSharedScan(context.master, database, name, { lockInMem: false, scanRating: rating });
  });
}
