import { z } from 'zod';
import { endpoint } from '../endpoint';
import { uint } from '../fields';
import { chunkLocation, workerLocation } from '../location';
import { queryRequired, queryString, queryUint } from '../query-fields';

/** Where contributions go, docs/contract/controller.md §8. */

const common = { service: 'controller', component: 'HTTP-PROCESSOR', tag: 'locations' } as const;

/** Either of them; the database wins. */
const scope = {
  database: z.string().optional().describe('Database that is not published.'),
  transaction_id: uint.optional().describe('Super-transaction of the database, STARTED.'),
};
const chunk = { chunk: uint.describe('Number of the chunk.'), ...scope };
const chunks = { chunks: z.array(uint).describe('Numbers of the chunks.'), ...scope };
const places = z.array(chunkLocation);

const ONCE = 'A chunk that has no worker yet gets one, for good.';

/** GET /ingest/regular. Qserv reads the body alone. */
export const locateRegular = endpoint({
  ...common,
  method: 'GET',
  path: '/ingest/regular',
  floor: 12,
  summary: 'Workers for regular tables',
  description:
    'Contributions to a regular table must go to all of them. Parameters may be in the query or in the body, which wins.',
  query: z.object({
    database: queryString.optional().describe('Database that is not published.'),
    transaction_id: queryUint.optional().describe('Super-transaction of the database, STARTED.'),
  }),
  body: z.object(scope),
  reply: z.object({ locations: z.array(workerLocation).describe('Enabled workers that take contributions.') }),
});

/** POST /ingest/chunk. */
export const locateChunk = endpoint({
  ...common,
  method: 'POST',
  path: '/ingest/chunk',
  floor: 12,
  summary: 'Worker of a chunk',
  description: ONCE,
  body: z.object(chunk),
  reply: z.object({
    location: chunkLocation.describe('Where contributions to the chunk go.'),
    locations: places.length(1).describe('The same, as some clients expect it.'),
  }),
});

/** POST /ingest/chunk-multi. */
export const locateChunkMulti = endpoint({
  ...common,
  method: 'POST',
  path: '/ingest/chunk-multi',
  floor: 54,
  summary: 'All workers of a chunk',
  description: `${ONCE} Contributions must go to every one.`,
  body: z.object(chunk),
  reply: z.object({ locations: places.describe('One for each worker.') }),
});

/** POST /ingest/chunks. */
export const locateChunks = endpoint({
  ...common,
  method: 'POST',
  path: '/ingest/chunks',
  floor: 54,
  summary: 'Workers of many chunks',
  description: ONCE,
  body: z.object(chunks),
  reply: z.object({ locations: places.describe('One for each number, in the same order.') }),
});

/** POST /ingest/chunks-multi. */
export const locateChunksMulti = endpoint({
  ...common,
  method: 'POST',
  path: '/ingest/chunks-multi',
  floor: 54,
  summary: 'All workers of many chunks',
  description: `${ONCE} Contributions must go to every worker of their chunk.`,
  body: z.object(chunks),
  reply: z.object({ locations: places.describe('One for each number and worker, in the order of the numbers.') }),
});

const size = z.number().int().nonnegative();
const ofTable = z.object({
  rows: size.describe('Always 0.'),
  data_size: size.describe('Bytes.'),
  index_size: size.describe('Bytes.'),
  overlap_rows: size.describe('Always 0.'),
  overlap_data_size: size.describe('Bytes.'),
  overlap_index_size: size.describe('Bytes.'),
});

/** GET /ingest/chunks. */
export const listChunks = endpoint({
  ...common,
  method: 'GET',
  path: '/ingest/chunks',
  floor: 12,
  summary: 'Chunks of a database and their workers',
  description: 'Workers that cannot be used are left out. Rows and sizes are not collected: they are 0.',
  query: z.object({ database: queryRequired.describe('In any publish state.') }),
  reply: z.object({
    replica: z
      .array(
        z
          .object({
            chunk: z.number().int().describe('Number of the chunk.'),
            worker: z.string().describe('Worker that has it.'),
          })
          .catchall(ofTable)
          .describe('Besides, one field for each partitioned table.'),
      )
      .describe('One for each chunk and worker.'),
  }),
});
