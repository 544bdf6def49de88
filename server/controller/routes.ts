import type { Route } from '../http/route';
import { configRoutes } from './config';
import { databaseRoutes } from './databases';
import { directorIndexRoutes } from './director-index';
import { emptyChunkRoutes } from './empty-chunks';
import { familyRoutes } from './families';
import { ingestConfigRoutes } from './ingest-config';
import { locationRoutes } from './locations';
import { metaRoutes } from './meta';
import type { ControllerServices } from './services';
import { sharedScanRoutes } from './shared-scan';
import { tableIndexRoutes } from './table-indexes';
import { tableSchemaRoutes } from './table-schema';
import { tableStatsRoutes } from './table-stats';
import { tableRoutes } from './tables';
import { transactionRoutes } from './transactions';

/** Every endpoint of the controller service, docs/contract/controller.md. */
export function controllerRoutes({ controller, identity, settings = {} }: ControllerServices): Route[] {
  return [
    ...metaRoutes(identity),
    ...configRoutes(controller, settings),
    ...familyRoutes(controller),
    ...databaseRoutes(controller),
    ...tableRoutes(controller),
    ...transactionRoutes(controller),
    ...locationRoutes(controller),
    ...ingestConfigRoutes(controller),
    ...emptyChunkRoutes(controller),
    ...directorIndexRoutes(controller),
    ...tableStatsRoutes(controller),
    ...sharedScanRoutes(controller),
    ...tableIndexRoutes(controller),
    ...tableSchemaRoutes(controller),
  ];
}
