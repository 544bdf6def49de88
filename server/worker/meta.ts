import { API_VERSION } from '../../api/qserv/endpoint';
import { workerVersion } from '../../api/qserv/meta';
import { type Route, route } from '../http/route';
import type { WorkerIdentity } from './services';

/** Who answers, docs/contract/worker.md. */
export function metaRoutes({ name, instanceId }: WorkerIdentity): Route[] {
  return [
    route(workerVersion, async () => ({
      kind: 'replication-worker-ingest' as const,
      id: name,
      instance_id: instanceId,
      version: API_VERSION,
    })),
  ];
}
