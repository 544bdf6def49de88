import type { Route } from '../http/route';
import { csvRoutes } from './csv';
import { dataRoutes } from './data';
import { metaRoutes } from './meta';
import { referenceRoutes } from './reference';
import type { WorkerServices } from './services';

/** Every endpoint of the worker service, docs/contract/worker.md. */
export function workerRoutes(services: WorkerServices): Route[] {
  return [
    ...metaRoutes(services.identity),
    ...referenceRoutes(services),
    ...dataRoutes(services),
    ...csvRoutes(services),
  ];
}
