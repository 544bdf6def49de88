import type { Route } from '../http/route';
import { directorIndexRoutes } from './director-index';
import { emptyChunkRoutes } from './empty-chunks';
import { ingestConfigRoutes } from './ingest-config';
import { locationRoutes } from './locations';
import { metaRoutes } from './meta';
import type { ControllerServices } from './services';
import { sharedScanRoutes } from './shared-scan';
import { tableIndexRoutes } from './table-indexes';
import { tableSchemaRoutes } from './table-schema';
import { tableStatsRoutes } from './table-stats';
import { transactionRoutes } from './transactions';

/** Every endpoint of the controller service, docs/contract/controller.md. */
export function controllerRoutes({ controller, identity }: ControllerServices): Route[] {
  return [
    ...metaRoutes(identity),
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
