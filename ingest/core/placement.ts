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

/** Where chunks go. Counts its own placements, so several requests can be placed one after the other. */
export class Placer {
  /** By name. */
  private readonly usable: Set<string>;
  private readonly load: Map<string, number>;
  private readonly inDatabase: Map<number, string[]>;
  private readonly inFamily: Map<number, string[]>;

  constructor({ usable, load, inDatabase, inFamily }: PlacementState) {
    this.usable = new Set([...usable].sort());
    this.load = new Map(load);
    this.inDatabase = new Map(inDatabase);
    this.inFamily = inFamily;
  }

  /**
   * One entry per given number, in order: where the database has them; else where the family has them; else the least loaded
   * worker, the alphabetically first of equals. Throws NO_WORKERS, and in the single form ILLEGAL_STATE for a chunk with several
   * replicas; nothing is placed then.
   */
  place(chunks: number[], form: PlacementForm = 'single'): Placement[] {
    if (form === 'single') {
      for (const chunk of chunks) {
        const workers = this.here(chunk);
        if (workers.length <= 1) continue;
        throw new IngestError('ILLEGAL_STATE', `chunk ${chunk} has too many replicas`, { chunk, workers });
      }
    }
    return chunks.map((chunk) => this.placeOne(chunk, form));
  }

  /** Usable workers that have the chunk of this database. */
  here(chunk: number): string[] {
    return this.among(this.inDatabase.get(chunk));
  }

  private placeOne(chunk: number, form: PlacementForm): Placement {
    const here = this.here(chunk);
    if (here.length > 0) return { chunk, workers: here, isNew: false };
    const family = this.among(this.inFamily.get(chunk));
    const candidates = family.length > 0 ? family : [...this.usable];
    const workers = form === 'multi' && family.length > 0 ? family : [this.leastLoaded(candidates)];
    for (const worker of workers) this.load.set(worker, (this.load.get(worker) ?? 0) + 1);
    this.inDatabase.set(chunk, workers);
    return { chunk, workers, isNew: true };
  }

  private among(workers: string[] = []): string[] {
    return workers.filter((worker) => this.usable.has(worker)).sort();
  }

  private leastLoaded(candidates: string[]): string {
    let best: string | undefined;
    for (const worker of candidates) {
      if (best === undefined || (this.load.get(worker) ?? 0) < (this.load.get(best) ?? 0)) best = worker;
    }
    if (best === undefined) throw new IngestError('NO_WORKERS', 'no enabled, writable worker can take chunks');
    return best;
  }
}
