import { z } from 'zod';
import { INDEX_SPECS, type TableIndex, type TableIndexDefinition } from '../../../ingest/core/table-indexes';
import { endpoint, type GotBy, type ReplyOf, type SentTo } from '../endpoint';
import { bit, flag, int, oneOf, real, toBit } from '../fields';
import { pathName, queryInt } from '../query-fields';

const FAILED =
  'Final tables that failed are in `error_ext` as `{job_state, workers: {worker: {table: {request_status, request_error}}}}`; the others are done.';

const database = z.string().describe('Name of the database.');
const table = z.string().describe('Base name of the table, which must be published.');
const overlap = flag
  .default(false)
  .describe('1: the overlap tables of a partitioned table instead of its chunk tables. Default: 0.');

/** GET /replication/sql/index/:database/:table, docs/contract/controller.md §14. */
export const tableIndexes = endpoint({
  service: 'controller',
  method: 'GET',
  path: '/replication/sql/index/:database/:table',
  component: 'HTTP-PROCESSOR',
  floor: 17,
  summary: 'SQL indexes of the final tables of a table',
  description: FAILED,
  tag: 'SQL indexes',
  params: z.object({
    database: pathName.describe('Name of the database.'),
    table: pathName.describe('Base name of the table, which must be published.'),
  }),
  query: z.object({
    overlap: queryInt
      .transform((value) => value !== 0)
      .default(false)
      .describe('1: the overlap tables instead of the chunk tables. Default: 0.'),
  }),
  reply: z.object({
    status: z
      .object({
        database: z.string().describe('Name of the database.'),
        table: z.string().describe('Base name of the table.'),
        overlap: bit.describe('As asked for.'),
        indexes: z
          .array(
            z.object({
              name: z.string().describe('Name of the index.'),
              unique: bit.describe('1: keys come once in each final table.'),
              type: z.string().describe('BTREE, FULLTEXT, SPATIAL, …'),
              comment: z.string().describe('Comment of the index.'),
              columns: z
                .array(
                  z.object({
                    name: z.string().describe('Name of the column.'),
                    seq: z.int().describe('Its place in the index, from 1.'),
                    sub_part: z.int().describe('Length of the indexed part; 0: the whole column.'),
                    collation: z.enum(['ASC', 'DESC', 'NOT_SORTED']).describe('Its order.'),
                  }),
                )
                .describe('Its columns.'),
              status: z
                .enum(['COMPLETE', 'INCOMPLETE', 'INCONSISTENT'])
                .describe(
                  'INCOMPLETE: missing in some final tables; INCONSISTENT: they have different ones of this name.',
                ),
              num_replicas_total: z.int().describe('Final tables on all workers.'),
              num_replicas: z.int().describe('Those of them that have the index.'),
            }),
          )
          .describe('By name.'),
      })
      .describe('Indexes of the final tables.'),
  }),
});

/** POST /replication/sql/index. */
export const createTableIndex = endpoint({
  service: 'controller',
  method: 'POST',
  path: '/replication/sql/index',
  component: 'HTTP-PROCESSOR',
  floor: 12,
  summary: 'Make an SQL index on the final tables of a table',
  description: `Final tables that have it stay as they are. ${FAILED}`,
  tag: 'SQL indexes',
  body: z.object({
    database,
    table,
    index: z.string().describe('Name of the index.'),
    comment: z.string().default('').describe('Comment of the index. Default: none.'),
    spec: oneOf(
      INDEX_SPECS,
      () => '[P] RequestBodyJSON::optional<T>(permitted) a value of parameter spec is not allowed.',
    )
      .default('DEFAULT')
      .describe('Sort of index. Default: DEFAULT, neither unique nor special.'),
    columns: z
      .array(
        z.object({
          column: z.string().describe('Name of a column.'),
          length: real.describe('Characters of a text, bytes of a binary column; 0: the whole column.'),
          ascending: int.describe('0: descending.'),
        }),
      )
      .describe('Columns in the order of the index.'),
    overlap,
    ignore_duplicate_key: flag
      .default(true)
      .describe('1: a final table that has an index of the name is done. 0: it fails. Default: 1.'),
  }),
  reply: z.object({}),
});

/** DELETE /replication/sql/index. */
export const dropTableIndex = endpoint({
  service: 'controller',
  method: 'DELETE',
  path: '/replication/sql/index',
  component: 'HTTP-PROCESSOR',
  floor: 12,
  summary: 'Drop an SQL index of the final tables of a table',
  description: `Final tables without it stay as they are. ${FAILED}`,
  tag: 'SQL indexes',
  body: z.object({ database, table, index: z.string().describe('Name of the index.'), overlap }),
  reply: z.object({}),
});

export function fromWireIndex(body: GotBy<typeof createTableIndex>['body']): TableIndexDefinition {
  const { index, spec, comment } = body;
  const columns = body.columns.map(({ ascending, ...column }) => ({ ...column, ascending: ascending !== 0 }));
  return { index, spec, comment, columns };
}

export function toWireIndex(
  definition: TableIndexDefinition,
): Pick<SentTo<typeof createTableIndex>['body'], 'index' | 'spec' | 'comment' | 'columns'> {
  const { index, spec = 'DEFAULT', comment = '' } = definition;
  const columns = definition.columns.map(({ column, length = 0, ascending = true }) => ({
    column,
    length,
    ascending: toBit(ascending),
  }));
  return { index, spec, comment, columns };
}

type Indexes = ReplyOf<typeof tableIndexes>;

export function toWireIndexes(name: string, of: string, overlaps: boolean, indexes: TableIndex[]): Indexes {
  return {
    status: {
      database: name,
      table: of,
      overlap: toBit(overlaps),
      indexes: indexes.map((i) => ({
        name: i.name,
        unique: toBit(i.unique),
        type: i.type,
        comment: i.comment,
        columns: i.columns.map(({ subPart, ...column }) => ({ ...column, sub_part: subPart })),
        status: i.status,
        num_replicas_total: i.replicasTotal,
        num_replicas: i.replicas,
      })),
    },
  };
}

export function fromWireIndexes({ status }: Indexes): TableIndex[] {
  return status.indexes.map((i) => ({
    name: i.name,
    unique: i.unique === 1,
    type: i.type,
    comment: i.comment,
    columns: i.columns.map(({ sub_part, ...column }) => ({ ...column, subPart: sub_part })),
    status: i.status,
    replicasTotal: i.num_replicas_total,
    replicas: i.num_replicas,
  }));
}
