import { IngestError } from '../../core/errors';
import type { RowCounter } from '../../core/row-counters';
import type { Failures } from './final-tables';

/** One final table on one worker, counted. */
interface CountedTable {
  worker: string;
  final: string;
  chunk: number;
  overlap: boolean;
  /** By super-transaction. */
  rows: Map<number, number>;
}

/** Final tables that were counted, with their replicas. */
export class Counted {
  private readonly byFinal = new Map<string, CountedTable[]>();

  add(table: CountedTable): void {
    const replicas = this.byFinal.get(table.final);
    if (replicas === undefined) this.byFinal.set(table.final, [table]);
    else replicas.push(table);
  }

  /** How many final tables, replicas included. */
  get size(): number {
    return [...this.byFinal.values()].reduce((n, replicas) => n + replicas.length, 0);
  }

  /** Replicas must agree: all that differ from the first worker's by name are failures. */
  compare(failures: Failures): void {
    for (const replicas of this.byFinal.values()) {
      replicas.sort((a, b) => (a.worker < b.worker ? -1 : 1));
      const [first, ...others] = replicas as [CountedTable, ...CountedTable[]];
      for (const other of others) {
        const difference = differ(first, other);
        if (difference === undefined) continue;
        const details = { status: 'REPLICAS_DIFFER' };
        failures.add(other.worker, other.final, new IngestError('TABLES_FAILED', difference, details));
      }
    }
  }

  /** Names of the final tables that were counted, none of whose replicas failed. */
  sound(failures: Failures): Set<string> {
    const failed = new Set(Object.values(failures.byWorker).flatMap((tables) => Object.keys(tables)));
    return new Set([...this.byFinal.keys()].filter((final) => !failed.has(final)));
  }

  /** The counters of these final tables. */
  counters(finals: Set<string>, updateTime: number): RowCounter[] {
    return [...finals].flatMap((final) => {
      const [{ chunk, overlap, rows }] = this.byFinal.get(final) as [CountedTable];
      return [...rows].map(([transactionId, n]) => ({ transactionId, chunk, overlap, rows: n, updateTime }));
    });
  }
}

/** In which super-transaction two replicas differ, as text. */
function differ(a: CountedTable, b: CountedTable): string | undefined {
  for (const id of new Set([...a.rows.keys(), ...b.rows.keys()])) {
    const [there, here] = [a.rows.get(id) ?? 0, b.rows.get(id) ?? 0];
    if (there !== here) return `${here} rows of super-transaction ${id}, but ${there} on ${a.worker}`;
  }
  return undefined;
}
