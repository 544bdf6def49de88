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
  /** Bytes of a JSON body; more is refused. */
  jsonBytes: number;
  /** Bytes of a JSON body before its key was seen. */
  keylessBytes: number;
  /** Seconds without a byte after which a request counts as broken. */
  idleSeconds: number;
}

/** What the worker's endpoints work with. */
export interface WorkerServices {
  worker: ContributionOperations;
  identity: WorkerIdentity;
  /** The service's own: streamed requests carry theirs inside the body. */
  keys: ServiceKeys;
  /** Folder in which JSON rows wait while the rest of their request is read. */
  spoolFolder: string;
  limits?: Partial<UploadLimits>;
}
