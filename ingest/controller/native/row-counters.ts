import { IngestError } from '../../core/errors';
import { chunkTable, parseFinalTable } from '../../core/names';
import {
  coverExactly,
  deployable,
  isSelected,
  OVERLAP_SELECTORS,
  type OverlapSelector,
  type RowCounter,
} from '../../core/row-counters';
import { kindOf, type TableDescriptor } from '../../core/tables';
import {
  countByTransaction,
  DEPLOY_COUNTERS_STEPS,
  deployCounters,
  dropDeployedCounters,
} from '../../storage/data/row-counters';
import { isAbsent } from '../../storage/data/scan';
import type { HeldLocks } from '../../storage/metadata/locks';
import { changedSince, deleteCounters, storeCounters, storedCounters } from '../../storage/metadata/row-counters';
import type { CollectRowCountersOptions, DeleteRowCountersOptions, RowCountersReport } from '../finishing';
import type { NativeContext } from './context';
import { Counted } from './counted';
import { besideTransactions, chunksByWorker, Failures, onFinalTables } from './final-tables';

/** Points of counting and of giving Qserv the counts. */
const COLLECT_COUNTERS_STEPS = ['counters.scan', 'counters.store'] as const;
export const ROW_COUNTERS_STEPS = [...COLLECT_COUNTERS_STEPS, ...DEPLOY_COUNTERS_STEPS] as const;

/** Who counts the same table waits. */
function counting<T>(context: NativeContext, database: string, table: string, work: (held: HeldLocks) => Promise<T>) {
  return besideTransactions(context, database, `row counters ${database}.${table}`, work);
}

export function collectRowCounters(
  context: NativeContext,
  database: string,
  table: string,
  options: CollectRowCountersOptions = {},
): Promise<RowCountersReport> {
  return counting(context, database, table, (held) => collectUnder(context, held, database, table, options));
}

export function deployRowCounters(context: NativeContext, database: string, table: string): Promise<void> {
  return counting(context, database, table, (held) => deployUnder(context, held, database, table));
}

/** Counts under locks that the caller holds: at least the database's, shared. */
export async function collectUnder(
  context: NativeContext,
  held: HeldLocks,
  database: string,
  name: string,
  { overlap: selector = 'CHUNK_AND_OVERLAP', forceRescan = false, policy = 'DISABLED' }: CollectRowCountersOptions,
): Promise<RowCountersReport> {
  const { isPublished } = await context.requireDatabase(database);
  const table = await context.requireTable(database, name);
  const replicas = await chunksByWorker(context, database);
  const selected = selectorFor(table, selector);
  if (!forceRescan) {
    const stored = await upToDate(context, database, table, chunksOf(table, replicas), selected);
    if (stored !== undefined) return { scanned: false, stored: true, finalTables: 0, ...totals(stored) };
  }

  const updateTime = Date.now();
  const counted = new Counted();
  const failures = new Failures();
  const finals = new Map([...replicas].map(([worker, here]) => [worker, countedTables(table, here, selected)]));
  await onFinalTables(context, finals, failures, {
    before: async (server, final) => {
      await context.steps('counters.scan', { database, table: final, worker: server.name });
    },
    statement: async (server, final) => {
      const { chunk, overlap } = place(table, final);
      try {
        const rows = await countByTransaction(server, database, final);
        counted.add({ worker: server.name, final, chunk, overlap, rows });
      } catch (error) {
        // The tables of chunks without rows are made by publish.
        if (isPublished || !isAbsent(error)) throw error;
        counted.add({ worker: server.name, final, chunk, overlap, rows: new Map([[0, 0]]) });
      }
    },
  });
  counted.compare(failures);

  const sound = counted.sound(failures);
  const counters = counted.counters(sound, updateTime);
  const store = policy === 'FORCED' || (policy === 'ENABLED' && !failures.some);
  if (store) {
    await context.steps('counters.store', { database, table: name });
    await held.check();
    // What is stored of the others is no worse than what was found now.
    const doubtful = [...new Set([...finals.values()].flat())].filter((final) => !sound.has(final));
    const kept = doubtful.map((final) => place(table, final));
    await context.metadata.transaction((tx) => storeCounters(tx, database, name, selected, counters, kept));
  }
  failures.throwIfAny(`count the rows of ${database}.${name}`);
  return { scanned: true, stored: store, finalTables: counted.size, ...totals(counters) };
}

/** Gives Qserv the stored counters, under locks that the caller holds. */
export async function deployUnder(
  context: NativeContext,
  held: HeldLocks,
  database: string,
  name: string,
): Promise<void> {
  await context.requireDatabase(database);
  const table = await context.requireTable(database, name);
  const chunks = chunksOf(table, await chunksByWorker(context, database));
  const stored = await upToDate(context, database, table, chunks, 'CHUNK');
  if (stored === undefined) {
    const message = `there are no counters of all chunks of ${database}.${name} as they are now: collect them first`;
    throw new IngestError('ILLEGAL_STATE', message, { database, table: name });
  }
  await deployCounters(context.master, database, name, deployable(stored), async (step) => {
    await context.steps(step, { database, table: name });
    await held.check();
  });
}

export async function rowCounters(context: NativeContext, database: string, table: string): Promise<RowCounter[]> {
  await context.requireDatabase(database);
  await context.requireTable(database, table);
  return context.metadata.run((sql) => storedCounters(sql, database, table));
}

export function deleteRowCounters(
  context: NativeContext,
  database: string,
  name: string,
  { qservOnly = false, overlap = 'CHUNK_AND_OVERLAP' }: DeleteRowCountersOptions = {},
): Promise<void> {
  return counting(context, database, name, async (held) => {
    await context.requireDatabase(database);
    const table = await context.requireTable(database, name);
    const selected = selectorFor(table, overlap);
    await context.steps('counters.drop', { database, table: name });
    await held.check();
    await dropDeployedCounters(context.master, database, name);
    if (!qservOnly) await context.metadata.run((sql) => deleteCounters(sql, database, name, selected));
  });
}

/** The selector as it applies to this table. INVALID_INPUT for what is none. */
function selectorFor({ definition }: TableDescriptor, selector: OverlapSelector): OverlapSelector {
  if (!OVERLAP_SELECTORS.includes(selector)) {
    const message = `the input string '${selector}' doesn't match any selector: use ${OVERLAP_SELECTORS.join(', ')}`;
    throw new IngestError('INVALID_INPUT', message, { faults: [{ path: 'overlap', message }] });
  }
  return kindOf(definition).partitioned ? selector : 'CHUNK';
}

/** The stored counters, if they are of exactly these chunks and no row came or went since. */
async function upToDate(
  context: NativeContext,
  database: string,
  { definition: { name } }: TableDescriptor,
  chunks: number[],
  selector: OverlapSelector,
): Promise<RowCounter[] | undefined> {
  const all = await context.metadata.run((sql) => storedCounters(sql, database, name));
  const stored = all.filter((c) => isSelected(selector, c.overlap));
  if (stored.length === 0 || !coverExactly(stored, chunks, selector)) return undefined;
  const oldest = stored.reduce((time, c) => Math.min(time, c.updateTime), Number.POSITIVE_INFINITY);
  return (await context.metadata.run((sql) => changedSince(sql, database, name, oldest))) ? undefined : stored;
}

function chunksOf({ definition }: TableDescriptor, replicas: Map<string, number[]>): number[] {
  return kindOf(definition).partitioned ? [...new Set([...replicas.values()].flat())] : [0];
}

/** The dummy chunk's tables and prototypes never hold rows. */
function countedTables({ definition }: TableDescriptor, chunks: number[], selector: OverlapSelector): string[] {
  if (!kindOf(definition).partitioned) return [definition.name];
  const sorts = [false, true].filter((overlap) => isSelected(selector, overlap));
  return chunks.flatMap((chunk) => sorts.map((overlap) => chunkTable(definition.name, chunk, overlap)));
}

function place({ definition }: TableDescriptor, final: string): { chunk: number; overlap: boolean } {
  if (!kindOf(definition).partitioned) return { chunk: 0, overlap: false };
  const { chunk = 0, overlap } = parseFinalTable(final);
  return { chunk, overlap };
}

function totals(counters: RowCounter[]): { rows: number; overlapRows: number } {
  const sum = (overlap: boolean) => counters.reduce((n, c) => n + (c.overlap === overlap ? c.rows : 0), 0);
  return { rows: sum(false), overlapRows: sum(true) };
}
