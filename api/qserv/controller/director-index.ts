import { z } from 'zod';
import { endpoint } from '../endpoint';
import { flag } from '../fields';

/** POST /ingest/index/secondary, docs/contract/controller.md §11. */
export const buildDirectorIndex = endpoint({
  service: 'controller',
  method: 'POST',
  path: '/ingest/index/secondary',
  component: 'HTTP-PROCESSOR',
  floor: 22,
  summary: 'Build the director index of a published table',
  description:
    'From all chunks of the table; the database need not be published. Runs until it is done, possibly for long. Chunks that ' +
    'could not be taken in are in `error_ext` as `{worker: {"<chunk>": text}}`; the same request again reads only those.',
  tag: 'director index',
  body: z.object({
    database: z.string().describe('Name of the database.'),
    director_table: z.string().describe('Name of the director table.'),
    rebuild: flag
      .default(false)
      .describe('1: replace the index that is there. Default: 0, an existing one is refused.'),
    unique_primary_key: flag
      .optional()
      .describe('1: each key may come once only. Default: as the table was registered.'),
    allow_for_published: z.unknown().optional().describe('Obsolete; causes a warning.'),
    local: z.unknown().optional().describe('Obsolete; causes a warning.'),
  }),
  reply: z.object({}),
});
