import { deleteTable, listTables, registerTable } from '../../api/qserv/controller/tables';
import { toWireDatabase } from '../../api/qserv/descriptors';
import { toBit } from '../../api/qserv/fields';
import { Refusal } from '../../api/qserv/refusal';
import { toTableDefinition } from '../../api/qserv/table';
import type { Controller } from '../../ingest/controller/controller';
import type { IngestError } from '../../ingest/core/errors';
import { kindOf } from '../../ingest/core/tables';
import { explained, saying } from '../http/refusals';
import { type Route, route } from '../http/route';
import { columnsOf } from './table-schema-shape';
import { creationFailure, tableTexts } from './table-texts';
import { workerFailure } from './worker-failures';

/** Tables, docs/contract/controller.md §5. */
export function tableRoutes(controller: Controller): Route[] {
  return [
    route(listTables, async ({ params }) => {
      const { tables } = await controller.database(params.database);
      const all = tables.map(({ definition }) => ({
        name: definition.name,
        is_partitioned: toBit(kindOf(definition).partitioned),
      }));
      return { tables: [...all].sort((a, b) => b.is_partitioned - a.is_partitioned) };
    }),

    route(registerTable, async ({ body }) => {
      const { database, table: name } = body;
      const schema = columnsOf(body.schema);
      if (schema instanceof Refusal) {
        await refuseEarlier(controller, database, name);
        throw schema;
      }
      const definition = toTableDefinition({ ...body, schema });
      await saying(
        tableTexts(database, definition),
        () => controller.registerTable(database, definition, { mustBeNew: true }),
        creationFailure,
      );
      return { database: toWireDatabase(await controller.database(database)) };
    }),

    route(deleteTable, async ({ params: { database, table }, isAdmin }) => {
      await saying(
        {
          DATABASE_PUBLISHED: () =>
            new Refusal('E', "deleting tables of published databases requires administrator's privileges."),
          ILLEGAL_STATE: (error: IngestError) => (error.details.dependents ? hasDependents(error) : undefined),
        },
        () => controller.deleteTable(database, table, { published: isAdmin, mustChange: true }),
        workerFailure('table deletion failed'),
      );
      return {};
    }),
  ];
}

/** What a real server refuses before it looks at a table's columns. */
async function refuseEarlier(controller: Controller, database: string, table: string): Promise<void> {
  const { isPublished, tables } = await controller.database(database);
  if (isPublished) throw new Refusal('E', 'the database is already published');
  if (tables.some(({ definition }) => definition.name === table)) throw new Refusal('E', 'table already exists');
}

function hasDependents(error: IngestError): Refusal {
  const { database, table } = error.details;
  const tail = `can't remove the director table '${table}' from the database '${database}' because it has dependent tables.`;
  return new Refusal('P', `DatabaseInfo::removeTable ${tail}`, explained(error));
}
