import { z } from 'zod';
import { familyDescriptor } from '../descriptors';
import { endpoint } from '../endpoint';
import { real, uint } from '../fields';
import { pathName, queryInt } from '../query-fields';

const basics = { service: 'controller', component: 'HTTP-PROCESSOR', tag: 'configuration' } as const;

const positive = (name: string) => uint.refine((value) => value !== 0, `'${name}' can't be equal to 0`);

/** POST /replication/config/family, docs/contract/controller.md §3. */
export const addFamily = endpoint({
  ...basics,
  method: 'POST',
  path: '/replication/config/family',
  floor: 12,
  summary: 'Add a database family',
  description: 'Usually not needed: registering a database makes its family.',
  body: z.object({
    name: z.string().describe('Name of the family.'),
    replication_level: positive('replication_level').describe('Replicas of each chunk that Qserv should keep.'),
    num_stripes: positive('num_stripes').describe('Stripes of the partitioning.'),
    num_sub_stripes: positive('num_sub_stripes').describe('Sub-stripes in each stripe.'),
    overlap: real.positive("'overlap' can't be less or equal to 0").describe('Width of the overlap, degrees.'),
  }),
  reply: z.object({
    config: z
      .object({ database_families: z.record(z.string(), familyDescriptor).describe('The new one, by name.') })
      .describe('What changed.'),
  }),
});

/** DELETE /replication/config/family/:family, docs/contract/controller.md §3. */
export const deleteFamily = endpoint({
  ...basics,
  method: 'DELETE',
  path: '/replication/config/family/:family',
  floor: 44,
  summary: 'Delete a database family',
  description:
    'By force together with everything recorded of its databases. Their tables in MySQL stay; tables of the same names are refused ' +
    'until a new database of the name was deleted with all that is in it.',
  params: z.object({ family: pathName.describe('Name of the family.') }),
  query: z.object({
    force: queryInt.optional().describe('Not 0: although databases belong to it. Default: 0.'),
  }),
  reply: z.object({}),
});
