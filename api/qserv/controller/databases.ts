import { z } from 'zod';
import { registerDatabase as definition } from '../database';
import { databaseDescriptor } from '../descriptors';
import { endpoint } from '../endpoint';
import { bit, flag } from '../fields';
import { pathName, queryFlag, queryString } from '../query-fields';

const basics = { service: 'controller', component: 'HTTP-PROCESSOR', tag: 'databases' } as const;
const params = z.object({ database: pathName.describe('Name of the database.') });
const described = z.object({ database: databaseDescriptor });

/** POST /ingest/database, docs/contract/controller.md §4.1. */
export const registerDatabase = endpoint({
  ...basics,
  method: 'POST',
  path: '/ingest/database',
  floor: 12,
  summary: 'Register a database',
  description:
    'Makes it on all workers, and belongs to the alphabetically last family with these numbers of stripes and sub-stripes, whose ' +
    'overlap holds from then on. Where there is none, one is made. Unpublished until it is published.',
  body: definition.extend({
    local_load_secondary_index: z.unknown().optional().describe('Obsolete; causes a warning.'),
  }),
  reply: described,
});

const which = {
  family: 'Of this family only. Default: of all.',
  all: '0: only those that `published` names. Default: 1.',
  published: '1: published ones, 0: others. Required where `all` is 0.',
};

/** GET /ingest/database, docs/contract/controller.md §4.2. Real servers read the body alone. */
export const listDatabases = endpoint({
  ...basics,
  method: 'GET',
  path: '/ingest/database',
  floor: 12,
  summary: 'Databases by family and by whether they are published',
  description: 'Parameters come in the query or, as real servers read them, in the body; the body wins.',
  query: z.object({
    family: queryString.optional().describe(which.family),
    all: queryFlag.optional().describe(which.all),
    published: queryFlag.optional().describe(which.published),
  }),
  body: z.object({
    family: z.string().optional().describe(which.family),
    all: flag.optional().describe(which.all),
    published: flag.optional().describe(which.published),
  }),
  reply: z.object({
    databases: z
      .array(
        z.object({
          name: z.string().describe('Name of the database.'),
          family: z.string().describe('Its family.'),
          is_published: bit.describe('1: it is published.'),
        }),
      )
      .describe('By name.'),
  }),
});

/** PUT /ingest/database/:database, docs/contract/controller.md §4.3. */
export const publishDatabase = endpoint({
  ...basics,
  method: 'PUT',
  path: '/ingest/database/:database',
  floor: 12,
  summary: 'Publish a database',
  description:
    'Finishes the tables that are not published yet, and makes the database visible to queries. Runs until it is done, possibly ' +
    'for hours, also when the client goes away; the same request again goes on where an interrupted one stopped.',
  params,
  body: z.object({
    consolidate_secondary_index: flag
      .default(false)
      .describe('1: take the partitions off director indexes. Default: 0.'),
    row_counters_deploy_at_qserv: flag.default(false).describe("1: count rows for Qserv's optimizer. Default: 0."),
  }),
  reply: described,
});

/** PUT /replication/config/database/:database, docs/contract/controller.md §4.4. */
export const unpublishDatabase = endpoint({
  ...basics,
  method: 'PUT',
  path: '/replication/config/database/:database',
  floor: 12,
  floors: ({ publish }) => (flag.safeParse(publish).data === true ? [{ floor: 34 }] : []),
  admin: 'always',
  summary: 'Unpublish a database, or mark it as published',
  description:
    'Unpublishing opens the database for new tables; what queries see stays. `publish` (version 34) sets the flags of the database ' +
    'and all its tables and does nothing else: for repair.',
  params,
  body: z.object({
    publish: flag.default(false).describe('1: set the flags. Default: 0, clear that of the database.'),
  }),
  reply: z.object({
    config: z
      .object({ databases: z.record(z.string(), databaseDescriptor).describe('By name.') })
      .describe('What changed.'),
  }),
});

/** DELETE /ingest/database/:database, docs/contract/controller.md §4.5. */
export const deleteDatabase = endpoint({
  ...basics,
  method: 'DELETE',
  path: '/ingest/database/:database',
  floor: 12,
  admin: 'published',
  summary: 'Delete a database',
  description: 'Everywhere, with everything recorded of it. Open transactions are no obstacle.',
  params,
  reply: z.object({}),
});
