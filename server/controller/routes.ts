import type { Route } from '../http/route';
import { directorIndexRoutes } from './director-index';
import { emptyChunkRoutes } from './empty-chunks';
import { metaRoutes } from './meta';
import type { ControllerServices } from './services';
import { sharedScanRoutes } from './shared-scan';
import { tableIndexRoutes } from './table-indexes';
import { tableStatsRoutes } from './table-stats';

/** Every endpoint of the controller service, docs/contract/controller.md. */
export function controllerRoutes({ controller, identity }: ControllerServices): Route[] {
  return [
    ...metaRoutes(identity),
    ...emptyChunkRoutes(controller),
    ...directorIndexRoutes(controller),
    ...tableStatsRoutes(controller),
    ...sharedScanRoutes(controller),
    ...tableIndexRoutes(controller),
  ];
}
