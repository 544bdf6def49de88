import type { ContributionOperations } from '../../ingest/worker/contributions';
import type { ServiceKeys } from '../http/keys';

/** What the running worker service is. */
export interface WorkerIdentity {
  /** Of the worker, as in the records. */
  name: string;
  /** Name of the Qserv instance. */
  instanceId: string;
}

/** Bounds of contributions that come in requests. */
export interface UploadLimits {
  /** Bytes of the JSON rows of a request. */
  jsonBytes: number;
  /** Bytes of JSON rows that may wait together for the keys of their requests, where these come behind the rows. */
  keylessBytes: number;
}

export const UPLOAD_LIMITS: UploadLimits = { jsonBytes: 4 * 1024 ** 3, keylessBytes: 256 * 1024 ** 2 };

/** What the worker's endpoints work with. */
export interface WorkerServices {
  worker: ContributionOperations;
  identity: WorkerIdentity;
  /** The service's own: streamed requests carry theirs inside the body. */
  keys: ServiceKeys;
  /** Folder in which JSON rows wait while the rest of their request is read. */
  spoolFolder: string;
  /** Default: UPLOAD_LIMITS. */
  limits?: Partial<UploadLimits>;
}
