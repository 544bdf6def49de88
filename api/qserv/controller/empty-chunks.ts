import { z } from 'zod';
import type { EmptyChunksReport } from '../../../ingest/controller/controller';
import { endpoint, type ReplyOf } from '../endpoint';
import { flag } from '../fields';

/** POST /ingest/chunk/empty, docs/contract/controller.md §10. */
export const rebuildEmptyChunks = endpoint({
  service: 'controller',
  method: 'POST',
  path: '/ingest/chunk/empty',
  component: 'HTTP-PROCESSOR',
  floor: 31,
  summary: 'Rebuild the list of chunks without data',
  description: 'Of a database that is not published. Publishing does this by itself.',
  tag: 'chunks',
  body: z.object({
    database: z.string().describe('Name of the database.'),
    force: flag.default(false).describe('1: replace the list that is there. Default: 0, an existing list is refused.'),
  }),
  reply: z.object({
    num_chunks_ingested: z.int().describe('Chunks that an enabled worker has.'),
    num_chunks_all: z.int().describe("Chunks of the family's partitioning."),
  }),
});

export function toWireEmptyChunks({ ingested, all }: EmptyChunksReport): ReplyOf<typeof rebuildEmptyChunks> {
  return { num_chunks_ingested: ingested, num_chunks_all: all };
}

export function fromWireEmptyChunks(reply: ReplyOf<typeof rebuildEmptyChunks>): EmptyChunksReport {
  const { num_chunks_ingested: ingested, num_chunks_all: all } = reply;
  return { chunks: all - ingested, ingested, all };
}
