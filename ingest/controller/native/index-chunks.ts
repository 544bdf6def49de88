import { setInterval } from 'node:timers/promises';
import { type ErrorCode, IngestError } from '../../core/errors';
import { chunkTable } from '../../core/names';
import type { TableDescriptor } from '../../core/tables';
import { whileBusy } from '../../storage/data/again';
import { type IndexTarget, indexChunk } from '../../storage/data/index-chunk';
import { indexedColumns } from '../../storage/data/index-definition';
import type { ChunkPlace } from '../../storage/metadata/contributions';
import type { HeldLocks } from '../../storage/metadata/locks';
import type { NativeContext } from './context';

/** Chunks that are read from one worker, and taken in by the master, at the same time. */
const PER_WORKER = 2;
const AT_ONCE = 6;
/** Seconds for which a chunk that meets another one's locks in the index is tried again. */
const BUSY_SECONDS = 60;

/** Failures that pass by themselves: the chunk is missing, not refused. */
const PASSING: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['UNAVAILABLE', 'BUSY', 'DISK_FULL']);

export function passes(error: unknown): boolean {
  return error instanceof IngestError && PASSING.has(error.code);
}

/** Chunks to read, by worker. */
export type ReadPlan = Map<string, number[]>;

/** One worker for each chunk: a preferred one where there is one, and of these the one with the least to do. */
export function planReads(places: ChunkPlace[]): ReadPlan {
  const byChunk = new Map<number, ChunkPlace[]>();
  for (const place of places) {
    const all = byChunk.get(place.chunk);
    if (all === undefined) byChunk.set(place.chunk, [place]);
    else all.push(place);
  }
  const plan: ReadPlan = new Map();
  const load = (worker: string) => plan.get(worker)?.length ?? 0;
  for (const [chunk, all] of byChunk) {
    const preferred = all.filter((place) => place.preferred);
    const [first, ...others] = preferred.length > 0 ? preferred : all;
    const worker = others.reduce((best, { worker: w }) => (load(w) < load(best) ? w : best), first?.worker ?? '');
    const chunks = plan.get(worker);
    if (chunks === undefined) plan.set(worker, [chunk]);
    else chunks.push(chunk);
  }
  return plan;
}

interface ChunkFailure {
  worker: string;
  chunk: number;
  error: IngestError;
}

interface Queue {
  worker: string;
  /** The next one is the last. */
  chunks: number[];
  active: number;
}

export interface IndexWork {
  database: string;
  table: TableDescriptor;
  target: Omit<IndexTarget, 'master'>;
  plan: ReadPlan;
  /** Called when a chunk is in the index. */
  onChunk: (chunk: number, rows: number) => void;
}

/**
 * Takes chunks into an index, side by side by worker. After a failure that passes nothing more is read from that worker; what is
 * refused does not keep others from being tried. Throws when all have ended: INDEX_FAILED when a chunk was refused, else the
 * failure that passes; both with `details.failures` = {worker: {chunk: text}}, as docs/contract/controller.md §11 has it.
 */
export async function indexChunks(context: NativeContext, held: HeldLocks, work: IndexWork): Promise<void> {
  const { database, table, target, plan, onChunk } = work;
  const { key } = indexedColumns(table);
  const { name } = table.definition;
  const failures: ChunkFailure[] = [];
  const queues: Queue[] = [...plan].map(([worker, chunks]) => ({ worker, chunks: [...chunks].reverse(), active: 0 }));
  const one = async (worker: string, chunk: number) => {
    const source = { worker: context.worker(worker), database, table: chunkTable(name, chunk, false), chunk, key };
    const rows = await whileBusy(BUSY_SECONDS, () =>
      indexChunk(source, { ...target, master: context.master }, { steps: context.steps, check: held.check }),
    );
    onChunk(chunk, rows ?? 0);
  };
  const lane = async () => {
    for (let queue = next(queues); queue !== undefined; queue = next(queues)) {
      const { worker, chunks } = queue;
      const chunk = chunks.pop() as number;
      queue.active += 1;
      try {
        await one(worker, chunk);
      } catch (error) {
        const told = error instanceof IngestError ? error : new IngestError('INTERNAL', String(error));
        failures.push({ worker, chunk, error: told });
        if (passes(told)) chunks.length = 0;
      }
      queue.active -= 1;
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, queues.length * PER_WORKER) }, lane));
  if (failures.length > 0) throw failureOf(database, name, failures);
}

/** Of the workers with something left that are not busy enough, the least busy one. */
function next(queues: Queue[]): Queue | undefined {
  return queues
    .filter((queue) => queue.chunks.length > 0 && queue.active < PER_WORKER)
    .sort((a, b) => a.active - b.active)[0];
}

function failureOf(database: string, table: string, list: ChunkFailure[]): IngestError {
  const failures: Record<string, Record<string, string>> = {};
  for (const { worker, chunk, error } of list) {
    const here = failures[worker] ?? {};
    failures[worker] = here;
    here[String(chunk)] = error.message;
  }
  const refused = list.filter(({ error }) => !passes(error));
  const first = (refused[0] ?? list[0]) as ChunkFailure;
  const code = refused.length > 0 ? 'INDEX_FAILED' : first.error.code;
  const more = list.length > 1 ? ` (and ${list.length - 1} more)` : '';
  const message = `the director index of ${database}.${table} is not complete: worker ${first.worker}, chunk ${first.chunk}: ${first.error.message}${more}`;
  return new IngestError(code, message, { table, failures }, { cause: first.error });
}

/** Does `work` and calls `report` every `ms` until it is done; a report that fails is left out. */
export async function reporting<T>(ms: number, report: () => Promise<void>, work: () => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const reports = (async () => {
    for await (const _ of setInterval(ms, undefined, { signal: stop.signal })) await report().catch(() => {});
  })().catch(() => {});
  try {
    return await work();
  } finally {
    stop.abort();
    await reports;
  }
}
