import { z } from 'zod';
import type { DatabaseDefinition } from '../../ingest/controller/controller';
import { flag, real, uint } from './fields';

/** Body of POST /ingest/database, docs/contract/controller.md §4.1; also Qserv's database JSON files. Other keys are ignored. */
export const registerDatabase = z.object({
  database: z.string().describe('Name of the database.'),
  num_stripes: uint.describe('Stripes of the partitioning.'),
  num_sub_stripes: uint.describe('Sub-stripes in each stripe.'),
  overlap: real.nonnegative("overlap can't have a negative value").describe('Width of the overlap, degrees.'),
  auto_build_secondary_index: flag
    .default(true)
    .describe('Build director indexes at commit; fixed for the life of the database. Default: 1.'),
});

/** The same as the domain has it. */
export function toDatabaseDefinition(body: z.output<typeof registerDatabase>): DatabaseDefinition {
  return {
    name: body.database,
    numStripes: body.num_stripes,
    numSubStripes: body.num_sub_stripes,
    overlap: body.overlap,
    autoBuildDirectorIndex: body.auto_build_secondary_index,
  };
}

export const databaseDefinition = registerDatabase.transform(toDatabaseDefinition);
