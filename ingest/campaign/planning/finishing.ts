import type { InputFault } from '../../core/errors';
import { sameName, TRANSACTION_COLUMN, TRANSACTION_COLUMN_TYPE } from '../../core/names';
import { scanRatingFault } from '../../core/scan-ratings';
import { tableIndexFaults } from '../../core/table-indexes';
import { kindOf, type TableDefinition } from '../../core/tables';
import type { TableFinishing } from '../ledger';

/** Faults of what an input wishes for a table once it is published; `path` is the table's, as in `tables[1]`. */
export function finishingFaults(definition: TableDefinition, wishes: TableFinishing, path: string): InputFault[] {
  const faults: InputFault[] = [];
  const columns = [{ name: TRANSACTION_COLUMN, type: TRANSACTION_COLUMN_TYPE }, ...definition.schema];
  const { indexes, scanRating } = wishes;
  indexes.forEach((wanted, i) => {
    const at = `${path}.indexes[${i}]`;
    for (const fault of tableIndexFaults(wanted, columns)) {
      faults.push({ path: `${at}.${fault.path}`, message: fault.message });
    }
    const clash = indexes
      .slice(0, i)
      .findIndex((o) => sameName(o.index, wanted.index) && meet(o.overlap, wanted.overlap));
    if (clash >= 0) faults.push({ path: `${at}.index`, message: `is the name of ${path}.indexes[${clash}]` });
  });
  if (scanRating === undefined) return faults;
  const wrong = kindOf(definition).sharedScans
    ? scanRatingFault(scanRating)
    : 'shared scans are of director and dependent tables only; remove it';
  return wrong === undefined ? faults : [...faults, { path: `${path}.scanRating`, message: wrong }];
}

/** Whether two indexes are, in part, on the same final tables. */
function meet(a: boolean | 'both', b: boolean | 'both'): boolean {
  return a === b || a === 'both' || b === 'both';
}
