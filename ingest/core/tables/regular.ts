import type { TableKind } from './kind';

/** Whole on every worker; no rules of its own. */
export const regular: TableKind<'regular'> = {
  partitioned: false,
  sharedScans: false,
  validate: () => [],
  columnFaults: () => [],
  keyColumns: () => [],
  directors: () => [],
};
