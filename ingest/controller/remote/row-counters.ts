import {
  collectTableStats,
  deleteTableStats,
  fromWireTableStats,
  tableStats,
} from '../../../api/qserv/controller/table-stats';
import { toBit } from '../../../api/qserv/fields';
import { IngestError, invalidInput } from '../../core/errors';
import { DUMMY_CHUNK } from '../../core/names';
import {
  COUNTER_POLICIES,
  coverExactly,
  isSelected,
  OVERLAP_SELECTORS,
  type OverlapSelector,
  type RowCounter,
} from '../../core/row-counters';
import { kindOf, type TableDescriptor } from '../../core/tables';
import type { CollectRowCountersOptions, DeleteRowCountersOptions, RowCountersReport } from '../finishing';
import { chunks } from './chunks';
import type { RemoteContext } from './context';

/** Replies say nothing: the report is made of what is stored, and of one that stores nothing all is 0 (capability reports). */
export async function collectRowCounters(
  context: RemoteContext,
  database: string,
  name: string,
  { overlap = 'CHUNK_AND_OVERLAP', forceRescan = false, policy = 'DISABLED' }: CollectRowCountersOptions = {},
): Promise<RowCountersReport> {
  checkWord('overlap', overlap, OVERLAP_SELECTORS);
  checkWord('policy', policy, COUNTER_POLICIES);
  const table = await context.requireTable(database, name);
  const before = await rowCounters(context, database, name);
  const body = {
    database,
    table: name,
    overlap_selector: overlap,
    row_counters_state_update_policy: policy,
    force_rescan: toBit(forceRescan),
  };
  await context.call(collectTableStats, { body }, { long: true });
  const selected = selectorFor(table, overlap);
  const stored = (await rowCounters(context, database, name)).filter((c) => isSelected(selected, c.overlap));
  const latest = (all: RowCounter[]) => Math.max(0, ...all.map((c) => c.updateTime));
  const isStored = policy !== 'DISABLED' || stored.length > 0;
  return {
    scanned: policy === 'DISABLED' ? stored.length === 0 : latest(stored) !== latest(before) || stored.length === 0,
    stored: isStored,
    finalTables: 0,
    ...totals(stored),
  };
}

export async function deployRowCounters(context: RemoteContext, database: string, name: string): Promise<void> {
  const table = await context.requireTable(database, name);
  const stored = await rowCounters(context, database, name);
  if (!coverExactly(stored, await chunksOf(context, database, table), 'CHUNK')) {
    const message = `there are no counters of all chunks of ${database}.${name} as they are now: collect them first`;
    throw new IngestError('ILLEGAL_STATE', message, { database, table: name });
  }
  const body = {
    database,
    table: name,
    overlap_selector: 'CHUNK',
    row_counters_state_update_policy: 'ENABLED',
    row_counters_deploy_at_qserv: 1,
  };
  await context.call(collectTableStats, { body }, { long: true });
}

export async function rowCounters(context: RemoteContext, database: string, table: string): Promise<RowCounter[]> {
  return fromWireTableStats(await context.call(tableStats, { params: { database, table } }));
}

export async function deleteRowCounters(
  context: RemoteContext,
  database: string,
  table: string,
  { qservOnly = false, overlap = 'CHUNK_AND_OVERLAP' }: DeleteRowCountersOptions = {},
): Promise<void> {
  checkWord('overlap', overlap, OVERLAP_SELECTORS);
  const body = { qserv_only: toBit(qservOnly), overlap_selector: overlap };
  await context.call(deleteTableStats, { params: { database, table }, body });
}

function checkWord(path: string, word: string, words: readonly string[]): void {
  if (words.includes(word)) return;
  throw invalidInput('row counters', [{ path, message: `'${word}' is not one of ${words.join(', ')}` }]);
}

/** Regular tables have one sort of final tables. */
function selectorFor({ definition }: TableDescriptor, selector: OverlapSelector): OverlapSelector {
  return kindOf(definition).partitioned ? selector : 'CHUNK';
}

async function chunksOf(context: RemoteContext, database: string, { definition }: TableDescriptor): Promise<number[]> {
  if (!kindOf(definition).partitioned) return [0];
  const all = (await chunks(context, database)).map(({ chunk }) => chunk);
  return [...new Set(all)].filter((chunk) => chunk !== DUMMY_CHUNK);
}

function totals(counters: RowCounter[]): Pick<RowCountersReport, 'rows' | 'overlapRows'> {
  const sum = (overlap: boolean) => counters.reduce((n, c) => n + (c.overlap === overlap ? c.rows : 0), 0);
  return { rows: sum(false), overlapRows: sum(true) };
}
