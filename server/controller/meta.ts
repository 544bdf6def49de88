import { API_VERSION, DATABASE_SCHEMA_VERSION } from '../../api/qserv/endpoint';
import { controllerVersion } from '../../api/qserv/meta';
import { type Route, route } from '../http/route';
import type { ServiceIdentity } from './services';

/** Who answers, docs/contract/controller.md §1. */
export function metaRoutes({ id, instanceId }: ServiceIdentity): Route[] {
  return [
    route(controllerVersion, async () => ({
      kind: 'replication-controller' as const,
      id,
      instance_id: instanceId,
      version: API_VERSION,
      database_schema_version: DATABASE_SCHEMA_VERSION,
    })),
  ];
}
