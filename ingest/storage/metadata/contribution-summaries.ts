import type {
  ContributionFilter,
  ContributionSummary,
  ContributionTotals,
  TableTotals,
  WorkerTotals,
} from '../../controller/contributions';
import { CONTRIBUTION_STATUSES, type ContributionStatus } from '../../core/contributions';
import { selectedContributions } from './contribution-filter';
import type { Queryable } from './open';

/** All contributions that are alike in these. */
interface GroupRow {
  transaction_id: number;
  table: string;
  sort: 'regular' | 'chunk' | 'overlap';
  worker: string;
  status: ContributionStatus;
  count: number;
  bytes: number;
  rows: number;
  rows_loaded: number;
  warnings: number;
  failed_retries: number;
  first_create: number;
  last_load: number;
}

/** The selected contributions summed up in the database, by super-transaction; every one asked for has its entry. */
export async function summarizeContributions(
  sql: Queryable,
  filter: ContributionFilter,
): Promise<Map<number, ContributionSummary>> {
  const groups = await sql<GroupRow[]>`
    SELECT c.transaction_id, c."table", c.worker, c.status,
      CASE WHEN NOT t.is_partitioned THEN 'regular' WHEN c.is_overlap THEN 'overlap' ELSE 'chunk' END AS sort,
      count(*) AS count, sum(c.num_bytes)::bigint AS bytes, sum(c.num_rows)::bigint AS rows,
      sum(c.num_rows_loaded)::bigint AS rows_loaded, sum(c.num_warnings)::bigint AS warnings,
      sum(c.num_failed_retries)::bigint AS failed_retries, min(c.create_time) AS first_create, max(c.load_time) AS last_load
    FROM ${selectedContributions(sql, filter)} AS c
    JOIN qserv.config_database_table t ON t.database = c.database AND t."table" = c."table"
    GROUP BY 1, 2, 3, 4, 5`;
  const summaries = new Map(filter.transactionIds.map((id) => [id, nothing()]));
  for (const group of groups) add(summaries.get(group.transaction_id) as ContributionSummary, group);
  return summaries;
}

const totals = (): ContributionTotals => ({ bytes: 0, rows: 0, rowsLoaded: 0, warnings: 0, failedRetries: 0 });
const ofTable = (): ContributionSummary['tables'][string] => ({ ...totals(), files: 0 });
const ofWorker = (): WorkerTotals => ({ ...totals(), regularFiles: 0, chunkFiles: 0, overlapFiles: 0 });
const nothing = (): ContributionSummary => ({
  ...ofWorker(),
  filesByStatus: Object.fromEntries(
    CONTRIBUTION_STATUSES.map((status) => [status, 0]),
  ) as ContributionSummary['filesByStatus'],
  firstCreateTime: 0,
  lastLoadTime: 0,
  tables: {},
  workers: {},
});

const FILES = { regular: 'regularFiles', chunk: 'chunkFiles', overlap: 'overlapFiles' } as const;

function add(summary: ContributionSummary, group: GroupRow): void {
  const table = own(summary.tables, group.table, ofTable);
  const worker = own(summary.workers, group.worker, ofWorker);
  if (group.sort === 'overlap') table.overlap ??= ofTable();
  const inTable = group.sort === 'overlap' ? (table.overlap as TableTotals) : table;
  summary.filesByStatus[group.status] += group.count;
  for (const to of [summary, worker, inTable]) to.failedRetries += group.failed_retries;
  if (group.status !== 'FINISHED') return;
  for (const to of [summary, worker, inTable]) {
    to.bytes += group.bytes;
    to.rows += group.rows;
    to.rowsLoaded += group.rows_loaded;
    to.warnings += group.warnings;
  }
  for (const to of [summary, worker]) to[FILES[group.sort]] += group.count;
  inTable.files += group.count;
  const first = summary.firstCreateTime;
  summary.firstCreateTime = first === 0 ? group.first_create : Math.min(first, group.first_create);
  summary.lastLoadTime = Math.max(summary.lastLoadTime, group.last_load);
}

/** Entry of a record whose keys are names that somebody chose. */
function own<T>(record: Record<string, T>, name: string, make: () => T): T {
  if (!Object.hasOwn(record, name))
    Object.defineProperty(record, name, { value: make(), enumerable: true, writable: true });
  return record[name] as T;
}
