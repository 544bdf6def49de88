import { IngestError } from './errors';

/** What placement looks at, docs/contract/storage.md §8. */
export interface PlacementState {
  /** Enabled, writable workers. */
  usable: string[];
  /** Replica records per worker over all databases; absent = 0. */
  load: Map<string, number>;
  /** Workers with a record of the chunk in this database. */
  inDatabase: Map<number, string[]>;
  /** Workers with a record of the chunk in any database of the family. */
  inFamily: Map<number, string[]>;
}

/** single: one worker a chunk. multi: all workers that have the chunk. */
export type PlacementForm = 'single' | 'multi';

export interface Placement {
  chunk: number;
  workers: string[];
  /** True when records are to be written for `workers`. */
  isNew: boolean;
}

/**
 * Where chunks go, one entry per given number, in order: where the database has them; else where the family has them; else to
 * the least loaded worker, the alphabetically first of equals. Counts its own placements. Throws NO_WORKERS, and in the single
 * form ILLEGAL_STATE for a chunk with several replicas.
 */
export function placeChunks(chunks: number[], state: PlacementState, form: PlacementForm = 'single'): Placement[] {
  const usable = [...state.usable].sort();
  const isUsable = new Set(usable);
  const load = new Map(state.load);
  const placed = new Map<number, Placement>();

  const leastLoaded = (candidates: string[]): string => {
    let best: string | undefined;
    for (const worker of candidates) {
      if (best === undefined || (load.get(worker) ?? 0) < (load.get(best) ?? 0)) best = worker;
    }
    if (best === undefined) throw new IngestError('NO_WORKERS', 'no enabled, writable worker can take chunks');
    return best;
  };

  const place = (chunk: number): Placement => {
    const here = (state.inDatabase.get(chunk) ?? []).filter((w) => isUsable.has(w)).sort();
    if (here.length > 1 && form === 'single') {
      throw new IngestError('ILLEGAL_STATE', `chunk ${chunk} has too many replicas`, { chunk, workers: here });
    }
    if (here.length > 0) return { chunk, workers: here, isNew: false };
    const family = (state.inFamily.get(chunk) ?? []).filter((w) => isUsable.has(w)).sort();
    const workers = form === 'multi' && family.length > 0 ? family : [leastLoaded(family.length > 0 ? family : usable)];
    for (const worker of workers) load.set(worker, (load.get(worker) ?? 0) + 1);
    return { chunk, workers, isNew: true };
  };

  return chunks.map((chunk) => {
    const known = placed.get(chunk);
    if (known !== undefined) return { ...known, isNew: false };
    const placement = place(chunk);
    placed.set(chunk, placement);
    return placement;
  });
}
