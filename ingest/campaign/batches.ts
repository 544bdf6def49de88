import type { Batch } from './ledger';

/** A placed unit that waits to be loaded. */
export interface WaitingUnit {
  unit: number;
  worker: string;
  table: string;
  chunk: number;
  overlap: boolean;
  bytes: number;
  /** How many files it is loaded from. */
  files: number;
}

/** Files of one batch, unless a single unit has more: each is named in the batch's result, and so in a history. */
const MAX_FILES = 50;

/**
 * Cuts waiting units (sorted by worker, then unit) into batches for one worker each, none above the given sizes unless it is a
 * single unit, and returns the first `limit` of them, workers taking turns so that none waits for another's batches.
 */
export function cutBatches(waiting: WaitingUnit[], limit: number, size: { units: number; bytes: number }): Batch[] {
  const queues = new Map<string, Cut[]>();
  for (const unit of waiting) {
    const queue = queues.get(unit.worker) ?? [];
    queues.set(unit.worker, queue);
    const last = queue.at(-1);
    if (last !== undefined && fits(last, unit, size)) {
      last.units.push(unit);
      last.bytes += unit.bytes;
      last.files += unit.files;
    } else {
      queue.push({ worker: unit.worker, units: [unit], bytes: unit.bytes, files: unit.files });
    }
  }
  const batches: Batch[] = [];
  for (let turn = 0; batches.length < limit; turn++) {
    const round = [...queues.values()].flatMap((queue) => queue.slice(turn, turn + 1));
    if (round.length === 0) break;
    for (const { worker, units, bytes } of round.slice(0, limit - batches.length)) {
      batches.push({ worker, units: units.map((u) => u.unit), bytes, label: batchLabel(units) });
    }
  }
  return batches;
}

interface Cut {
  worker: string;
  units: WaitingUnit[];
  bytes: number;
  files: number;
}

function fits({ units, bytes, files }: Cut, unit: WaitingUnit, size: { units: number; bytes: number }): boolean {
  return units.length < size.units && bytes + unit.bytes <= size.bytes && files + unit.files <= MAX_FILES;
}

/** For people: `Object ×40 chunks`, `Object chunk 7480 overlap`, `Filter`; several tables are joined by commas. */
export function batchLabel(units: Pick<WaitingUnit, 'table' | 'chunk' | 'overlap'>[]): string {
  const byTable = new Map<string, typeof units>();
  for (const unit of units) {
    const same = byTable.get(unit.table);
    if (same === undefined) byTable.set(unit.table, [unit]);
    else same.push(unit);
  }
  const labels = [...byTable].map(([table, [first, ...more]]) => {
    if (more.length > 0) return `${table} ×${more.length + 1} chunks`;
    // Chunk 0 is both the place of regular tables and a chunk's number; an overlap is never regular.
    const chunk = first?.chunk ? ` chunk ${first.chunk}` : '';
    return `${table}${chunk}${first?.overlap ? ' overlap' : ''}`;
  });
  return labels.join(', ');
}
