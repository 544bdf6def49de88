import { z } from 'zod';
import type {
  ContributionSummary,
  ContributionTotals,
  TableTotals,
  WorkerTotals,
} from '../../ingest/controller/contributions';
import { CONTRIBUTION_STATUSES } from '../../ingest/core/contributions';
import { time } from './fields';

const count = z.number().int().nonnegative();
const sums = {
  data_size_gb: z.number().nonnegative().describe('GiB of input.'),
  num_failed_retries: count.describe('Of contributions of any status.'),
  num_warnings: count.describe('Warnings of MySQL.'),
  num_rows: count.describe('Of the input.'),
  num_rows_loaded: count.describe('In the tables.'),
};
const tableSums = z.object({ ...sums, num_files: count.describe('Contributions.') });
const files = {
  num_regular_files: count.describe('Contributions to regular tables.'),
  num_chunk_files: count.describe('Contributions to chunk tables.'),
  num_chunk_overlap_files: count.describe('Contributions to overlap tables.'),
};

/** Contributions of one super-transaction summed up, docs/contract/controller.md §6.5. */
export const contributionSummary = z
  .object({
    num_files_by_status: z.record(z.enum(CONTRIBUTION_STATUSES), count).describe('Contributions by status.'),
    num_workers: count.describe('That have contributions of any status.'),
    ...files,
    ...sums,
    first_contrib_begin: time.describe('0 when no contribution is FINISHED.'),
    last_contrib_end: time.describe('0 when no contribution is FINISHED.'),
    table: z
      .record(z.string(), tableSums.extend({ overlap: tableSums.optional().describe('Of partitioned tables.') }))
      .describe('By base table; overlaps apart.'),
    worker: z.record(z.string(), z.object({ ...sums, ...files })).describe('By worker.'),
  })
  .meta({
    id: 'ContributionSummary',
    description: 'Files, sizes, rows and warnings are those of FINISHED contributions.',
  });
export type WireContributionSummary = z.infer<typeof contributionSummary>;

const GIB = 2 ** 30;

const toSums = (t: ContributionTotals) => ({
  data_size_gb: t.bytes / GIB,
  num_failed_retries: t.failedRetries,
  num_warnings: t.warnings,
  num_rows: t.rows,
  num_rows_loaded: t.rowsLoaded,
});
const fromSums = (t: ReturnType<typeof toSums>): ContributionTotals => ({
  bytes: Math.round(t.data_size_gb * GIB),
  failedRetries: t.num_failed_retries,
  warnings: t.num_warnings,
  rows: t.num_rows,
  rowsLoaded: t.num_rows_loaded,
});
const toTable = (t: TableTotals) => ({ ...toSums(t), num_files: t.files });
const fromTable = (t: ReturnType<typeof toTable>): TableTotals => ({ ...fromSums(t), files: t.num_files });
const toWorker = (t: WorkerTotals) => ({
  ...toSums(t),
  num_regular_files: t.regularFiles,
  num_chunk_files: t.chunkFiles,
  num_chunk_overlap_files: t.overlapFiles,
});
const fromWorker = (t: ReturnType<typeof toWorker>): WorkerTotals => ({
  ...fromSums(t),
  regularFiles: t.num_regular_files,
  chunkFiles: t.num_chunk_files,
  overlapFiles: t.num_chunk_overlap_files,
});

function each<From, To>(record: Record<string, From>, map: (value: From) => To): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]));
}

/** A real server counts the failed retries of FINISHED contributions to regular tables twice under `table`; this one does not. */
export function toWireSummary(s: ContributionSummary): WireContributionSummary {
  return {
    ...toWorker(s),
    num_files_by_status: s.filesByStatus,
    num_workers: Object.keys(s.workers).length,
    first_contrib_begin: s.firstCreateTime,
    last_contrib_end: s.lastLoadTime,
    table: each(s.tables, ({ overlap, ...of }) => ({
      ...toTable(of),
      ...(overlap === undefined ? {} : { overlap: toTable(overlap) }),
    })),
    worker: each(s.workers, toWorker),
  };
}

/** Sizes are as exact as the reply's numbers. */
export function fromWireSummary(s: WireContributionSummary): ContributionSummary {
  return {
    ...fromWorker(s),
    filesByStatus: s.num_files_by_status,
    firstCreateTime: s.first_contrib_begin,
    lastLoadTime: s.last_contrib_end,
    tables: each(s.table, ({ overlap, ...of }) => ({
      ...fromTable(of),
      ...(overlap === undefined ? {} : { overlap: fromTable(overlap) }),
    })),
    workers: each(s.worker, fromWorker),
  };
}
