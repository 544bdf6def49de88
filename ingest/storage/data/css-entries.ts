import type { FamilyDescriptor } from '../../controller/controller';
import type { ColumnDefinition, TableDescriptor } from '../../core/tables';
import { directorReference } from '../../core/tables/references';
import { PACKED, pack } from './css-store';

/** What Qserv's query front end is told, key by key: docs/contract/storage.md §4 (lsst/qserv src/css/CssAccess.cc). */

/** A table that queries may use, and one that they must leave alone. */
export type CssStatus = 'READY' | 'DO_NOT_USE';

export const databaseKey = (database: string) => `/DBS/${database}`;
export const tableKey = (database: string, table: string) => `/DBS/${database}/TABLES/${table}`;
export const PARTITIONING_PREFIX = '/PARTITIONING/_';

/** Numbers are written with six decimals there. */
const decimal = (value: number) => value.toFixed(6);

/** The partitioning of a family. */
export function partitioningText(family: FamilyDescriptor): string {
  const { numStripes, numSubStripes, overlap } = family;
  return pack({ nStripes: String(numStripes), nSubStripes: String(numSubStripes), overlap: decimal(overlap) });
}

/** How much shared scans of a table cost. */
export interface SharedScan {
  lockInMem: boolean;
  scanRating: number;
}

/** What publish says of every director and dependent table. */
const FIRST_SCAN: SharedScan = { lockInMem: true, scanRating: 1 };

export function sharedScanText({ lockInMem, scanRating }: SharedScan): string {
  return pack({ lockInMem: lockInMem ? '1' : '0', scanRating: String(scanRating) });
}

/** Columns as the front end parses them. */
export function schemaText(columns: ColumnDefinition[]): string {
  return `(${columns.map(({ name, type }) => `\`${name}\` ${type}`).join(', ')})`;
}

/** Keys below the table's own, with their values: everything of a table but its status. `database` is the table's. */
export function tableEntry(database: string, table: TableDescriptor, family: FamilyDescriptor): Map<string, string> {
  const d = table.definition;
  const entry = new Map([['schema', schemaText(table.columns)]]);
  switch (d.kind) {
    case 'director':
    case 'dependent': {
      const isDirector = d.kind === 'director';
      const director = isDirector ? { database, table: '' } : directorReference(d.director, database);
      const partitioning = {
        dirDb: director.database,
        dirTable: director.table,
        dirColName: d.directorKey,
        latColName: d.latitudeKey ?? '',
        lonColName: d.longitudeKey ?? '',
        subChunks: isDirector ? '1' : '0',
        ...(isDirector && family.overlap !== 0 ? { overlap: decimal(family.overlap) } : {}),
      };
      entry.set(`partitioning/${PACKED}`, pack(partitioning));
      entry.set(`sharedScan/${PACKED}`, sharedScanText(FIRST_SCAN));
      return entry;
    }
    case 'refMatch': {
      const match = {
        dirTable1: d.director,
        dirColName1: d.directorKey,
        dirTable2: d.director2,
        dirColName2: d.directorKey2,
        flagColName: d.flag,
        angSep: decimal(d.angSep),
      };
      entry.set('match', '1');
      entry.set(`match/${PACKED}`, pack(match));
      entry.set('partitioning', '');
      return entry;
    }
    case 'regular':
      return entry;
    default:
      return d satisfies never;
  }
}
