import { z } from 'zod';
import type { ColumnDefinition } from '../../../ingest/core/tables';
import { endpoint, type ReplyOf } from '../endpoint';
import { pathName } from '../query-fields';

const params = z.object({
  database: pathName.describe('Name of the database.'),
  table: pathName.describe('Base name of the table.'),
});

/** GET /replication/sql/table/schema/:database/:table, docs/contract/controller.md §15. */
export const tableSchema = endpoint({
  service: 'controller',
  method: 'GET',
  path: '/replication/sql/table/schema/:database/:table',
  component: 'HTTP-PROCESSOR',
  floor: 12,
  summary: 'Columns of a table',
  description:
    'Of an unpublished database: as they were registered. Of a published one: as the table that queries see has them.',
  tag: 'table schema',
  params,
  reply: z.object({
    schema: z
      .record(
        z.string(),
        z.record(
          z.string(),
          z.array(
            z.object({
              name: z.string().describe('Name of the column.'),
              type: z.string().describe('MySQL type with attributes.'),
            }),
          ),
        ),
      )
      .describe('By database and table: the columns in order, `qserv_trans_id` first.'),
  }),
});

/** PUT /replication/sql/table/schema/:database/:table. */
export const alterTable = endpoint({
  service: 'controller',
  method: 'PUT',
  path: '/replication/sql/table/schema/:database/:table',
  component: 'HTTP-PROCESSOR',
  floor: 12,
  summary: 'Change the columns of a published table',
  description:
    'On every final table on every worker, after MariaDB has judged it on the empty table that queries see. Only clauses on columns ' +
    '(ADD, DROP, MODIFY, CHANGE, ALTER, RENAME COLUMN) and a few table options are possible; columns that Qserv goes by stay. ' +
    'Final tables that failed are in `error_ext` as `{job_state, workers: {worker: {table: {request_status, request_error}}}}`; ' +
    'the same request again changes only those that lack the change.',
  tag: 'table schema',
  params,
  body: z.object({
    spec: z
      .string()
      .describe('What follows `ALTER TABLE x` in SQL, for example `ADD COLUMN c INT NOT NULL DEFAULT 0`.'),
  }),
  reply: z.object({}),
});

type Schema = ReplyOf<typeof tableSchema>;

export function toWireSchema(database: string, table: string, columns: ColumnDefinition[]): Schema {
  return { schema: { [database]: { [table]: columns.map(({ name, type }) => ({ name, type })) } } };
}

export function fromWireSchema(database: string, table: string, { schema }: Schema): ColumnDefinition[] {
  return schema[database]?.[table] ?? [];
}
