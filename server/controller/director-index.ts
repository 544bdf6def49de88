import { buildDirectorIndex } from '../../api/qserv/controller/director-index';
import { Refusal } from '../../api/qserv/refusal';
import type { Controller } from '../../ingest/controller/controller';
import type { IngestError } from '../../ingest/core/errors';
import { directorIndexTable } from '../../ingest/core/names';
import { tableExists } from '../http/refusals';
import { type Route, route } from '../http/route';
import { listing } from './failures';

/** Building director indexes, docs/contract/controller.md §11. */
export function directorIndexRoutes(controller: Controller): Route[] {
  return [
    route(buildDirectorIndex, async ({ body, warn }) => {
      const { database, director_table: table, rebuild, unique_primary_key: unique } = body;
      if (body.allow_for_published !== undefined) {
        warn("Option 'allow_for_published' is obsolete as of the version 22 of the API.");
      }
      if (body.local !== undefined) warn("Option 'local' is obsolete as of the version 20 of the API.");
      const texts = {
        INVALID_INPUT: () =>
          new Refusal('E', `table '${table}' is not configured as a director table in database '${database}'`),
        ILLEGAL_STATE: ({ details }: IngestError) =>
          details.isPublished === false
            ? new Refusal('E', ` the director table '${table}' of the database '${database}' is not published.`)
            : undefined,
        ALREADY_EXISTS: () => tableExists(directorIndexTable(database, table)),
      };
      await listing<string, unknown>(
        (failures) => new Refusal('E', 'index creation failed', failures),
        texts,
        () => controller.buildDirectorIndex(database, table, { rebuild, unique }),
      );
      return {};
    }),
  ];
}
