import type { Controller } from '../../ingest/controller/controller';

/** What the running controller service is. */
export interface ServiceIdentity {
  /** UUID of the running process. */
  id: string;
  /** Name of the Qserv instance. */
  instanceId: string;
}

/** What the controller's endpoints work with. */
export interface ControllerServices {
  controller: Controller;
  identity: ServiceIdentity;
}
