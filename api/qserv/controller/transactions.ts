import { z } from 'zod';
import { contributionDescriptor } from '../contribution';
import { contributionSummary } from '../contribution-summary';
import { endpoint } from '../endpoint';
import { bit } from '../fields';
import { pathId, queryBool, queryFlag, queryInt, queryString, queryUint } from '../query-fields';
import { stateSelector, statusSelector } from '../selectors';
import { transactionDescriptor } from '../transaction';

/** Super-transactions and their contributions, docs/contract/controller.md §6 and §7. */

const common = { service: 'controller', component: 'HTTP-PROCESSOR', tag: 'super-transactions' } as const;

const BY_NAME = 'Databases by name.';
const isPublished = bit.describe('1: the database is published.');
const numChunks = z.number().int().describe('Different chunks registered for the database.');
const listed = transactionDescriptor.extend({
  contrib: z
    .object({
      summary: contributionSummary,
      files: z.array(contributionDescriptor).describe('Empty unless `contrib_long`.'),
    })
    .optional()
    .describe('With `contrib`.'),
});
const transactions = z.array(listed).describe('Newest first.');

/** What both listings are told. */
const shown = {
  trans_state: stateSelector.optional().describe('States, with commas; or `!STARTED` or `!FINISHED`: all others.'),
  include_context: queryFlag.default(false).describe('Fill `context`.'),
  include_log: queryFlag.default(false).describe('Fill `log`.'),
  contrib: queryFlag.default(false).describe('Add `contrib`: contributions, summed up.'),
  contrib_long: queryFlag.default(false).describe('Fill `contrib.files`: every contribution.'),
  contrib_status: statusSelector
    .optional()
    .describe('Statuses, with commas; or `!IN_PROGRESS` or `!FINISHED`: all others. Of the summary too.'),
  include_extensions: queryFlag
    .default(false)
    .describe('Fill character set, dialect, HTTP request of `contrib.files`.'),
  include_warnings: queryFlag.default(false).describe('Fill `warnings` of `contrib.files`.'),
  include_retries: queryFlag.default(false).describe('Fill `failed_retries` of `contrib.files`.'),
};

const LIMIT = 'More than 100,000 contributions are refused in one reply';
const MASKED =
  'Deviation: what may be a secret in a contribution (query and credentials of its URL, values of HTTP headers, data sent to the ' +
  'source) is masked; a real server tells it.';

/** GET /ingest/trans. Its floor is 37 in Qserv; version 16 of qserv-ingest asks with 16. */
export const listTransactions = endpoint({
  ...common,
  method: 'GET',
  path: '/ingest/trans',
  floor: 12,
  summary: 'Super-transactions by database',
  description:
    'Without parameters: of unpublished databases. Deviation: from version 12 on, where a real server has it from 37 on, since ' +
    'clients of earlier versions ask the same; failed retries of regular tables are counted once under `table`, a real server ' +
    `counts some twice. ${LIMIT}: ask by super-transaction then. ${MASKED}`,
  query: z.object({
    database: queryString.default('').describe('One database; the next three do not matter then.'),
    family: queryString.default('').describe('Databases of a family.'),
    all_databases: queryFlag.default(false).describe('Published or not.'),
    is_published: queryFlag.default(false).describe('1: published databases alone. 0: unpublished ones.'),
    ...shown,
  }),
  reply: z.object({
    databases: z
      .record(z.string(), z.object({ is_published: isPublished, num_chunks: numChunks, transactions }))
      .describe(BY_NAME),
  }),
});

/** GET /ingest/trans/:id. */
export const getTransaction = endpoint({
  ...common,
  method: 'GET',
  path: '/ingest/trans/:id',
  floor: 37,
  summary: 'One super-transaction, or those of one database',
  description: `${LIMIT}: ask for fewer with \`max_entries\` or other filters then. ${MASKED}`,
  params: z.object({ id: pathId.describe('0: all of `database`.') }),
  query: z.object({
    database: queryString.default('').describe('Must be that of the super-transaction.'),
    table: queryString.default('').describe('Contributions to this base table.'),
    worker: queryString.default('').describe('Contributions at this worker.'),
    chunk: queryInt.default(-1).describe('Contributions to this chunk; -1: to any.'),
    min_retries: queryUint.default(0).describe('Contributions with so many failed retries at least.'),
    min_warnings: queryUint.default(0).describe('Contributions with so many warnings at least.'),
    max_entries: queryUint.default(0).describe('The first so many contributions of each; 0: all.'),
    ...shown,
  }),
  reply: z.object({
    databases: z
      .record(
        z.string(),
        z.object({
          is_published: isPublished,
          num_chunks: numChunks,
          transactions: transactions.optional().describe('Missing where id 0 selected none.'),
        }),
      )
      .describe(BY_NAME),
  }),
});

const changed = z
  .record(
    z.string(),
    z.object({ num_chunks: numChunks, transactions: z.array(transactionDescriptor).describe('The one.') }),
  )
  .describe(BY_NAME);
const context = z
  .unknown()
  .optional()
  .describe('An object that is kept with it, of 16 MB at most.')
  .meta({ type: 'object' });

/** POST /ingest/trans. */
export const beginTransaction = endpoint({
  ...common,
  method: 'POST',
  path: '/ingest/trans',
  floor: 12,
  summary: 'Begin a super-transaction',
  description:
    'Deviation: where the context has a string `token`, and a super-transaction of the database that is not ended was begun with the same one, that one is returned: so a request can be repeated.',
  body: z.object({ database: z.string().describe('Not published.'), context }),
  reply: z.object({ databases: changed }),
});

/** PUT /ingest/trans/:id. */
export const endTransaction = endpoint({
  ...common,
  method: 'PUT',
  path: '/ingest/trans/:id',
  floor: 12,
  summary: 'Commit or abort a super-transaction',
  description:
    'Goes on when the client does not wait for the reply. Deviation: a super-transaction whose abort was interrupted (IS_ABORTING) ' +
    'can be aborted again.',
  params: z.object({ id: pathId.describe('Number of it.') }),
  query: z.object({ abort: queryBool.describe('true or 1: abort. false or 0: commit.') }),
  body: z.object({ context: context.describe('Replaces the stored one; {} empties it.') }),
  reply: z.object({
    databases: changed,
    'secondary-index-build-success': bit.describe('1 after a commit that filled all automatic director indexes.'),
  }),
});

/** GET /ingest/trans/contrib/:id. */
export const getContribution = endpoint({
  ...common,
  method: 'GET',
  path: '/ingest/trans/contrib/:id',
  floor: 37,
  summary: 'One contribution',
  description: MASKED,
  params: z.object({ id: pathId.describe('Number of it.') }),
  query: z.object({
    include_extensions: queryFlag.default(true).describe('Fill character set, dialect and HTTP request.'),
    include_warnings: queryFlag.default(false).describe('Fill `warnings`.'),
    include_retries: queryFlag.default(false).describe('Fill `failed_retries`.'),
  }),
  reply: z.object({ contribution: contributionDescriptor }),
});
