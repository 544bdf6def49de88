import { z } from 'zod';
import { COUNTER_POLICIES, OVERLAP_SELECTORS, type RowCounter } from '../../../ingest/core/row-counters';
import { endpoint, type ReplyOf } from '../endpoint';
import { bit, flag, oneOf, time, toBit } from '../fields';
import { pathName } from '../query-fields';

const overlapSelector = oneOf(
  OVERLAP_SELECTORS,
  (value) => `[P] lsst::qserv::replica::str2overlapSelector the input string '${value}' doesn't match any selector.`,
)
  .default('CHUNK_AND_OVERLAP')
  .describe('Which final tables of a partitioned table; ignored for regular tables. Default: CHUNK_AND_OVERLAP.');

const names = z.object({
  database: pathName.describe('Name of the database.'),
  table: pathName.describe('Base name of the table.'),
});

/** POST /ingest/table-stats, docs/contract/controller.md §12. */
export const collectTableStats = endpoint({
  service: 'controller',
  method: 'POST',
  path: '/ingest/table-stats',
  component: 'HTTP-PROCESSOR',
  floor: 12,
  summary: 'Count the rows of a table',
  description:
    'By a scan of every final table, in any publish state. Counters of exactly the registered chunks are not counted again. ' +
    'Final tables that failed are in `error_ext.workers` as `{worker: {table: {status, error}}}`.',
  tag: 'row counters',
  body: z
    .object({
      database: z.string().describe('Name of the database.'),
      table: z.string().describe('Base name of the table.'),
      overlap_selector: overlapSelector,
      row_counters_state_update_policy: oneOf(
        COUNTER_POLICIES,
        (value) => `[P] SqlRowStatsJob::str2policy: '${value}' is not a valid policy.`,
      )
        .default('DISABLED')
        .describe(
          'What is stored. DISABLED: nothing; ENABLED: all, if everything was counted and replicas agree; FORCED: what could be counted. Default: DISABLED.',
        ),
      row_counters_deploy_at_qserv: flag
        .default(false)
        .describe("1: give Qserv's query optimizer the counters; needs the policy ENABLED. Default: 0."),
      force_rescan: flag.default(false).describe('1: count although there are counters. Default: 0.'),
    })
    .superRefine((body, { addIssue }) => {
      if (!body.row_counters_deploy_at_qserv) return;
      const refuse = (why: string) =>
        addIssue(`[P] HTTP-PROCESSOR ::_scanTableStats'row_counters_deploy_at_qserv'=1 requires ${why}`);
      if (body.row_counters_state_update_policy !== 'ENABLED') refuse("'row_counters_state_update_policy'=ENABLED");
      if (body.overlap_selector === 'OVERLAP')
        refuse("'overlap_selector'=CHUNK or 'overlap_selector'=CHUNK_AND_OVERLAP");
    }),
  reply: z.object({}),
});

/** GET /ingest/table-stats/:database/:table. */
export const tableStats = endpoint({
  service: 'controller',
  method: 'GET',
  path: '/ingest/table-stats/:database/:table',
  component: 'HTTP-PROCESSOR',
  floor: 12,
  summary: 'Stored row counters of a table',
  tag: 'row counters',
  params: names,
  reply: z.object({
    database: z.string().describe('Name of the database.'),
    table: z.string().describe('Base name of the table.'),
    entries: z
      .array(
        z.object({
          transaction_id: z.int().describe('Super-transaction that the rows came with; 0: not known any more.'),
          chunk: z.int().describe('0 for regular tables.'),
          is_overlap: bit.describe("1: rows of the chunk's overlap table."),
          num_rows: z.int().describe('Rows.'),
          update_time: time.describe('When they were counted, ms since the Unix epoch.'),
        }),
      )
      .describe('By chunk, sort and super-transaction.'),
  }),
});

/** DELETE /ingest/table-stats/:database/:table. */
export const deleteTableStats = endpoint({
  service: 'controller',
  method: 'DELETE',
  path: '/ingest/table-stats/:database/:table',
  component: 'HTTP-PROCESSOR',
  floor: 12,
  summary: 'Take the row counters of a table from Qserv, and forget them',
  tag: 'row counters',
  params: names,
  body: z.object({
    qserv_only: flag.default(false).describe('1: keep the stored counters. Default: 0.'),
    overlap_selector: overlapSelector,
  }),
  reply: z.object({}),
});

type Stats = ReplyOf<typeof tableStats>;

export function toWireTableStats(database: string, table: string, counters: RowCounter[]): Stats {
  const entries = counters.map((c) => ({
    transaction_id: c.transactionId,
    chunk: c.chunk,
    is_overlap: toBit(c.overlap),
    num_rows: c.rows,
    update_time: c.updateTime,
  }));
  return { database, table, entries };
}

export function fromWireTableStats({ entries }: Stats): RowCounter[] {
  return entries.map((e) => ({
    transactionId: e.transaction_id,
    chunk: e.chunk,
    overlap: e.is_overlap === 1,
    rows: e.num_rows,
    updateTime: e.update_time,
  }));
}
