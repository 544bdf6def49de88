import type { Route } from '../http/route';
import { metaRoutes } from './meta';
import type { ControllerServices } from './services';

/** Every endpoint of the controller service, docs/contract/controller.md. */
export function controllerRoutes({ identity }: ControllerServices): Route[] {
  return [...metaRoutes(identity)];
}
