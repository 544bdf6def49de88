import { z } from 'zod';
import { databaseDescriptor } from '../descriptors';
import { endpoint } from '../endpoint';
import { missing } from '../faults';
import { bit } from '../fields';
import { pathName } from '../query-fields';
import { registerTable as definition } from '../table';

const basics = { service: 'controller', component: 'HTTP-PROCESSOR', tag: 'tables' } as const;

/** GET /ingest/table/:database, docs/contract/controller.md §5.1. */
export const listTables = endpoint({
  ...basics,
  method: 'GET',
  path: '/ingest/table/:database',
  floor: 12,
  summary: 'Tables of a database',
  params: z.object({ database: pathName.describe('Name of the database.') }),
  reply: z.object({
    tables: z
      .array(
        z.object({
          name: z.string().describe('Base name of the table.'),
          is_partitioned: bit.describe('1: stored by chunk.'),
        }),
      )
      .describe('Partitioned ones first, each group by name.'),
  }),
});

/** What is wrong with a reference to a director alone, in lsst/qserv's words (src/replica/config/ConfigTable.cc). */
function referenceFault(reference: string, key: string): string | undefined {
  if (/^[^.]+\.$/.test(reference)) return `[P] DirectorTableRef: invalid database & table spec '${reference}'`;
  if (reference === '' || key !== '') return undefined;
  return '[P] DirectorTableRef: primary key column name can not be empty';
}

const body = definition
  .extend({
    // The handler looks into it: a real server looks at the database first.
    schema: z
      .union([
        definition.shape.schema,
        z.unknown().refine((given) => given !== undefined, `[P] ${missing('schema').tail}`),
      ])
      .describe('Columns in the order of the input files.'),
  })
  .superRefine((table, context) => {
    for (const second of ['', '2'] as const) {
      const path = `director_table${second}` as const;
      const message = referenceFault(table[path], table[`director_key${second}`]);
      if (message !== undefined) context.addIssue({ code: 'custom', path: [path], message });
    }
  });

/** POST /ingest/table, docs/contract/controller.md §5.2 to §5.4. */
export const registerTable = endpoint({
  ...basics,
  method: 'POST',
  path: '/ingest/table',
  floor: 12,
  floors: (given) => [
    ...('unique_primary_key' in given
      ? [{ floor: 21, warning: "'unique_primary_key' requires API version 21 or newer." }]
      : []),
    ...('charset_name' in given || 'collation_name' in given
      ? [{ floor: 49, warning: "'charset_name' and 'collation_name' require API version 49 or newer." }]
      : []),
  ],
  summary: 'Register a table',
  description:
    'Its kind follows from the fields; those that do not matter for the kind are ignored. Directors come first. ' +
    '`unique_primary_key` needs version 21, `charset_name` and `collation_name` version 49.',
  body,
  reply: z.object({ database: databaseDescriptor }),
});

/** DELETE /ingest/table/:database/:table, docs/contract/controller.md §5.5. */
export const deleteTable = endpoint({
  ...basics,
  method: 'DELETE',
  path: '/ingest/table/:database/:table',
  floor: 12,
  admin: 'published',
  summary: 'Delete a table',
  description:
    'Everywhere, with everything recorded of it. A director to which other tables refer is refused, and nothing changes.',
  params: z.object({
    database: pathName.describe('Name of the database.'),
    table: pathName.describe('Name of the table.'),
  }),
  reply: z.object({}),
});
