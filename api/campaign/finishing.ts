import { z } from 'zod';
import { INDEX_SPECS } from '../../ingest/core/table-indexes';

/** What a campaign does with its tables after publishing: director indexes, SQL indexes, row counters, shared-scan ratings. */

const indexName = z.string().min(1).max(64);

export const indexColumn = z
  .strictObject({
    column: z.string().min(1).describe("Name of a column of the table's schema."),
    length: z
      .number()
      .int()
      .min(0)
      .default(0)
      .describe(
        'How many characters of a text, or bytes of a binary column, are indexed. Default: 0, the whole column.',
      ),
    ascending: z.boolean().default(true).describe('Order of the column in the index. Default: true.'),
  })
  .describe('One column of an index.');

export const tableIndex = z
  .strictObject({
    index: indexName.describe('Name of the index, the same on all final tables.'),
    columns: z.array(indexColumn).min(1, 'an index needs at least one column').describe('Its columns, in order.'),
    spec: z
      .enum(INDEX_SPECS)
      .default('DEFAULT')
      .describe('Sort of index. UNIQUE holds within each chunk only. Default: DEFAULT, neither unique nor special.'),
    comment: z.string().max(1024).default('').describe('Kept with the index.'),
    overlap: z
      .union([z.boolean(), z.literal('both')])
      .default(false)
      .describe(
        'Index the chunk tables (false), the overlap tables (true), or both ("both"). Regular tables have one sort.',
      ),
  })
  .describe('A SQL index of the published table, on all workers (docs/contract/controller.md §14).');

export const tableIndexes = z
  .array(tableIndex)
  .default([])
  .describe('SQL indexes that the table gets once it is published.');

export const scanRating = z
  .number()
  .int()
  .optional()
  .describe(
    "The table's rating for Qserv's shared scans; partitioned tables that are no ref-match tables. Publishing gives 1.",
  );

export const finish = z
  .strictObject({
    directorIndex: z
      .boolean()
      .default(false)
      .describe('Build the director index of director tables whose database does not build it with each commit.'),
    consolidateDirectorIndex: z
      .boolean()
      .default(false)
      .describe('Take the partitions, one for each super-transaction, off the director indexes while publishing.'),
    rowCounters: z
      .enum(['none', 'collect', 'deploy'])
      .default('none')
      .describe(
        "collect: count and keep the rows of every final table. deploy: also give Qserv the chunks' counts, which it then answers " +
          'COUNT(*) of a whole table from.',
      ),
  })
  .describe('What is done with the tables after publishing.');

/** The campaign's wishes, with defaults filled in. */
export type Finish = z.output<typeof finish>;
/** One index of one table, with defaults filled in. */
export type WantedIndex = z.output<typeof tableIndex>;
