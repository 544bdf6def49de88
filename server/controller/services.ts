import type { WireCzar } from '../../api/qserv/controller/config';
import type { Controller } from '../../ingest/controller/controller';
import type { ParameterValues } from './parameters';

/** What the running controller service is. */
export interface ServiceIdentity {
  /** UUID of the running process. */
  id: string;
  /** Name of the Qserv instance. */
  instanceId: string;
}

/** What GET /replication/config tells beyond the records. Never a secret. */
export interface ServiceSettings {
  /** Of `general`, where they differ from the defaults: for example the port of the service. */
  parameters?: ParameterValues;
  /** Qserv's query front ends; only told. */
  czars?: WireCzar[];
}

/** What the controller's endpoints work with. */
export interface ControllerServices {
  controller: Controller;
  identity: ServiceIdentity;
  settings?: ServiceSettings;
}
