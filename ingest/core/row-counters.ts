/** Which final tables of a partitioned table are counted; means nothing for regular ones. docs/contract/controller.md §12. */
export const OVERLAP_SELECTORS = ['CHUNK_AND_OVERLAP', 'CHUNK', 'OVERLAP'] as const;
export type OverlapSelector = (typeof OVERLAP_SELECTORS)[number];

/** What of a scan is kept: nothing; all, if everything was counted and replicas agree; whatever was counted without a doubt. */
export const COUNTER_POLICIES = ['DISABLED', 'ENABLED', 'FORCED'] as const;
export type CounterPolicy = (typeof COUNTER_POLICIES)[number];

/** Rows of one super-transaction in one final table. */
export interface RowCounter {
  /** 0 where the table is empty, has no such column any more, or the super-transaction is unknown. */
  transactionId: number;
  /** 0 for regular tables. */
  chunk: number;
  overlap: boolean;
  rows: number;
  /** When the scan began, ms since the epoch. */
  updateTime: number;
}

/** Whether the chunk tables (false) or the overlap tables (true) are among the selected ones. */
export function isSelected(selector: OverlapSelector, overlap: boolean): boolean {
  return selector === 'CHUNK_AND_OVERLAP' || (selector === 'OVERLAP') === overlap;
}

/** True when there are counters of exactly these chunks, in each selected sort. Regular tables have "chunk" 0. */
export function coverExactly(counters: RowCounter[], chunks: number[], selector: OverlapSelector): boolean {
  return [false, true]
    .filter((overlap) => isSelected(selector, overlap))
    .every((overlap) => {
      const counted = new Set(counters.filter((c) => c.overlap === overlap).map((c) => c.chunk));
      return counted.size === chunks.length && chunks.every((chunk) => counted.has(chunk));
    });
}

/** What Qserv is given: rows by chunk, overlaps left out. */
export function deployable(counters: RowCounter[]): Map<number, number> {
  const rows = new Map<number, number>();
  for (const c of counters) if (!c.overlap) rows.set(c.chunk, (rows.get(c.chunk) ?? 0) + c.rows);
  return rows;
}
