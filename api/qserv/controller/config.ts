import { z } from 'zod';
import { databaseDescriptor, familyDescriptor, workerDescriptor } from '../descriptors';
import { endpoint } from '../endpoint';
import { bit } from '../fields';

const parameters = <T extends z.ZodType>(of: T) => z.record(z.string(), z.record(z.string(), of));
const section = <T extends z.ZodType>(of: T) => z.array(of).nullable();

/** A query front end. */
const czarDescriptor = z.object({
  name: z.string().describe('Name of the front end.'),
  id: z.number().int().describe('Its number.'),
  host: z
    .object({ addr: z.string().describe('IP address.'), name: z.string().describe('FQDN.') })
    .describe('Where it is.'),
  port: z.number().int().describe('0: not known here.'),
});
export type WireCzar = z.infer<typeof czarDescriptor>;

/** GET /replication/config, docs/contract/controller.md §2. */
export const getConfig = endpoint({
  service: 'controller',
  method: 'GET',
  path: '/replication/config',
  component: 'HTTP-PROCESSOR',
  floor: 12,
  summary: 'Everything configured and registered',
  description:
    'A section without members is `null`. Deviation: secrets, as `general.database.password`, are always empty; a real server ' +
    'tells them.',
  tag: 'configuration',
  reply: z.object({
    config: z
      .object({
        general: parameters(z.union([z.string(), z.number()])).describe('By category and parameter.'),
        meta: parameters(
          z.object({
            read_only: bit.describe('0: cannot be changed; the name says the opposite of what real servers mean.'),
            description: z.string().describe('What the parameter is.'),
            security_context: bit.describe('1: a secret.'),
          }),
        ).describe('As `general`.'),
        workers: section(workerDescriptor).describe('Workers.'),
        database_families: section(familyDescriptor).describe('Families of databases.'),
        databases: section(databaseDescriptor).describe('Databases with their tables.'),
        czars: section(czarDescriptor).describe('Query front ends.'),
      })
      .describe('By section.'),
  }),
});
