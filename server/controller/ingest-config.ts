import {
  fromWireIngestConfig,
  getIngestConfig,
  setIngestConfig,
  toWireIngestConfig,
} from '../../api/qserv/controller/ingest-config';
import type { Controller } from '../../ingest/controller/controller';
import { type Route, route } from '../http/route';

/** How sources of a database are read, docs/contract/controller.md §9. */
export function ingestConfigRoutes(controller: Controller): Route[] {
  return [
    route(getIngestConfig, async ({ query: { database } }) => ({
      config: { database, ...toWireIngestConfig(await controller.ingestConfig(database)) },
    })),
    route(setIngestConfig, async ({ body: { database, ...changes } }) => {
      const present = await controller.ingestConfig(database);
      await controller.setIngestConfig(database, fromWireIngestConfig(changes, present));
      return {};
    }),
  ];
}
