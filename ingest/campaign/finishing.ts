import type { Finish, WantedIndex } from '../../api/campaign/finishing';
import type { Controller } from '../controller/controller';
import { IngestError } from '../core/errors';
import { sameName } from '../core/names';
import { indexDifferences } from '../core/table-indexes';
import { kindOf, type TableDescriptor } from '../core/tables';
import { indexesBuilt } from '../core/transactions';
import type { TableFinishing } from './ledger';

/** What is done with a catalog's tables once they are published: JSON, one piece of work each. */
export type FinishingTask =
  | { what: 'scanRating'; table: string; rating: number }
  /** `rebuild`: there is one that lacks rows. */
  | { what: 'directorIndex'; table: string; rebuild?: boolean }
  | { what: 'tableIndex'; table: string; overlap: boolean; index: Omit<WantedIndex, 'overlap'> }
  | { what: 'rowCounters'; table: string; deploy: boolean };

export interface FinishingResult {
  task: FinishingTask;
  /** Nothing had to be done. */
  already: boolean;
  /** How long it took, ms. */
  ms: number;
  /** rows, overlapRows, finalTables, chunks …, as the task has them. */
  counts: Record<string, number>;
}

export interface FinishingWishes {
  finish: Finish;
  /** By the names that the published tables have: those of the plan, no others. */
  tables: Record<string, TableFinishing>;
  /** Whether commits build the director indexes. */
  autoBuildDirectorIndex: boolean;
}

/**
 * The work that these wishes come to, what is quick first. Director indexes that lack rows are built anew, whatever is wished for.
 * UNKNOWN_TABLE when one of the tables is not there.
 */
export async function finishingTasks(
  controller: Controller,
  database: string,
  { finish, tables, autoBuildDirectorIndex }: FinishingWishes,
): Promise<FinishingTask[]> {
  const { tables: there } = await controller.database(database);
  const named = Object.entries(tables).map(([name, wishes]) => ({ table: tableOf(there, database, name), wishes }));
  const all = <T extends FinishingTask>(work: (table: TableDescriptor, wishes: TableFinishing) => T[]) =>
    named.flatMap(({ table, wishes }) => work(table, wishes));
  const name = ({ definition }: TableDescriptor) => definition.name;
  const isDirector = ({ definition }: TableDescriptor) => definition.kind === 'director';
  const directors = named.map(({ table }) => table).filter(isDirector);
  const lacking = await lackingIndexes(controller, database, directors);
  return [
    ...all((t, { scanRating: rating }) =>
      rating === undefined ? [] : [{ what: 'scanRating', table: name(t), rating } as const],
    ),
    ...directors.flatMap((t): FinishingTask[] => {
      if (lacking.has(name(t))) return [{ what: 'directorIndex', table: name(t), rebuild: true }];
      const wanted = finish.directorIndex && !autoBuildDirectorIndex;
      return wanted ? [{ what: 'directorIndex', table: name(t) }] : [];
    }),
    ...all((t, { indexes }) =>
      indexes.flatMap(({ overlap, ...index }) =>
        sorts(t, overlap).map((o) => ({ what: 'tableIndex', table: name(t), overlap: o, index }) as const),
      ),
    ),
    ...(finish.rowCounters === 'none'
      ? []
      : all((t) => [{ what: 'rowCounters', table: name(t), deploy: finish.rowCounters === 'deploy' } as const])),
  ];
}

/**
 * Directors whose index lacks rows of a committed super-transaction: Qserv commits also when it cannot build the index,
 * docs/contract/controller.md §6.2.
 */
async function lackingIndexes(
  controller: Controller,
  database: string,
  directors: TableDescriptor[],
): Promise<Set<string>> {
  if (directors.length === 0) return new Set();
  const committed = await controller.transactions({ database, states: ['FINISHED'] }, { context: false });
  const lacks = ({ definition, createTime }: TableDescriptor) =>
    committed.some(({ beginTime, log }) => beginTime >= createTime && indexesBuilt(log).get(definition.name) === false);
  return new Set(directors.filter(lacks).map(({ definition }) => definition.name));
}

function sorts({ definition }: TableDescriptor, overlap: boolean | 'both'): boolean[] {
  if (!kindOf(definition).partitioned) return [false];
  return overlap === 'both' ? [false, true] : [overlap];
}

function tableOf(tables: TableDescriptor[], database: string, name: string): TableDescriptor {
  const table = tables.find(({ definition }) => definition.name === name);
  if (table !== undefined) return table;
  throw new IngestError('UNKNOWN_TABLE', `no such table '${database}.${name}'`, { database, table: name });
}

/**
 * Does one piece of work. May be killed anywhere and repeated: what is done already stays. Errors are those of the controller's
 * operations, with their lists; ALREADY_EXISTS for an index that is there and is another one.
 */
export async function finishTable(
  controller: Controller,
  database: string,
  task: FinishingTask,
): Promise<FinishingResult> {
  const began = performance.now();
  const { already, counts } = await work(controller, database, task);
  return { task, already, ms: Math.round(performance.now() - began), counts };
}

type Outcome = Pick<FinishingResult, 'already' | 'counts'>;

async function work(controller: Controller, database: string, task: FinishingTask): Promise<Outcome> {
  switch (task.what) {
    case 'scanRating':
      return rate(controller, database, task.table, task.rating);
    case 'directorIndex':
      return buildIndex(controller, database, task);
    case 'tableIndex':
      return makeIndex(controller, database, task);
    case 'rowCounters':
      return count(controller, database, task.table, task.deploy);
    default:
      return task satisfies never;
  }
}

async function rate(controller: Controller, database: string, table: string, rating: number): Promise<Outcome> {
  const rated = (await controller.scanRatings()).find((r) => r.database === database && r.table === table);
  if (rated?.rating === rating) return { already: true, counts: { rating } };
  await controller.setScanRating(database, table, rating);
  return { already: false, counts: { rating } };
}

async function buildIndex(
  controller: Controller,
  database: string,
  { table, rebuild = false }: Extract<FinishingTask, { what: 'directorIndex' }>,
): Promise<Outcome> {
  try {
    const { chunks, rows } = await controller.buildDirectorIndex(database, table, { rebuild });
    return { already: false, counts: { chunks, rows } };
  } catch (error) {
    // The rows of a published table do not change, so neither does its index.
    if (error instanceof IngestError && error.code === 'ALREADY_EXISTS') return { already: true, counts: {} };
    throw error;
  }
}

async function makeIndex(
  controller: Controller,
  database: string,
  { table, overlap, index }: Extract<FinishingTask, { what: 'tableIndex' }>,
): Promise<Outcome> {
  const { tables } = await controller.database(database);
  const { columns } = tableOf(tables, database, table);
  const look = async () =>
    (await controller.tableIndexes(database, table, { overlap })).find((i) => sameName(i.name, index.index));
  const there = await look();
  if (there !== undefined) {
    const differs = indexDifferences(index, there, columns);
    if (there.status === 'INCONSISTENT' || differs.length > 0) {
      const what = differs.length > 0 ? `with another ${differs.join(', ')}` : 'and is not the same everywhere';
      const message = `index '${index.index}' of ${database}.${table} is there ${what}: drop it first`;
      throw new IngestError('ALREADY_EXISTS', message, { database, table, index: there, differs });
    }
    if (there.status === 'COMPLETE') return { already: true, counts: { finalTables: there.replicas } };
  }
  await controller.createTableIndex(database, table, index, { overlap });
  return { already: false, counts: { finalTables: (await look())?.replicas ?? 0 } };
}

async function count(controller: Controller, database: string, table: string, deploy: boolean): Promise<Outcome> {
  const report = await controller.collectRowCounters(database, table, { policy: 'ENABLED' });
  if (deploy) await controller.deployRowCounters(database, table);
  const { rows, overlapRows, finalTables } = report;
  return { already: !report.scanned && !deploy, counts: { rows, overlapRows, finalTables } };
}
