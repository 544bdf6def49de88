/** Sorts of SQL indexes of final tables, docs/contract/controller.md §14. */
export const INDEX_SPECS = ['DEFAULT', 'UNIQUE', 'FULLTEXT', 'SPATIAL'] as const;
export type IndexSpec = (typeof INDEX_SPECS)[number];
