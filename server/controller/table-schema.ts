import { alterTable, tableSchema, toWireSchema } from '../../api/qserv/controller/table-schema';
import { Refusal } from '../../api/qserv/refusal';
import type { Controller } from '../../ingest/controller/controller';
import type { IngestError } from '../../ingest/core/errors';
import { explained } from '../http/refusals';
import { type Route, route } from '../http/route';
import { listing } from './failures';
import { jobFailed } from './job-failed';

/** Columns of tables, docs/contract/controller.md §15. */
export function tableSchemaRoutes(controller: Controller): Route[] {
  return [
    route(tableSchema, async ({ params: { database, table } }) =>
      toWireSchema(database, table, await controller.tableSchema(database, table)),
    ),
    route(alterTable, async ({ params: { database, table }, body: { spec } }) => {
      await listing(jobFailed, textsFor(database, table), () => controller.alterTable(database, table, spec));
      return {};
    }),
  ];
}

function textsFor(database: string, table: string) {
  return {
    ILLEGAL_STATE: ({ details }: IngestError) => {
      if (details.isPublished === false) return new Refusal('E', `database '${database}' is not published`);
      if (details.missing === 'database') return new Refusal('E', `Database '${database}' is not in CSS.`);
      if (details.missing === 'table') return new Refusal('E', `Table '${database}'.'${table}' is not in CSS.`);
      return undefined;
    },
    /** What MariaDB refused is said in its words. */
    INVALID_INPUT: (error: IngestError) => {
      const { said, errno } = error.details;
      return said === undefined ? undefined : new Refusal('F', `${said}, errno: ${errno}`, explained(error));
    },
  };
}
