/**
 * How workers read sources of a database by reference, and how many at once: Qserv's parameters under Qserv's names,
 * docs/contract/controller.md §9; libcurl's options mean what libcurl says.
 */
export const INGEST_PARAMETERS = {
  /** 0 disables the check of the host's name. */
  SSL_VERIFYHOST: 'int',
  /** 0 disables the check of the certificate. */
  SSL_VERIFYPEER: 'int',
  /** Folder and file with certificates to trust, '' = unset. */
  CAPATH: 'string',
  CAINFO: 'string',
  /** Text of certificates to trust, in place of CAINFO. */
  CAINFO_VAL: 'string',
  /** The same for the proxy. */
  PROXY_SSL_VERIFYHOST: 'int',
  PROXY_SSL_VERIFYPEER: 'int',
  PROXY_CAPATH: 'string',
  PROXY_CAINFO: 'string',
  PROXY_CAINFO_VAL: 'string',
  /** URL of the proxy; it may hold credentials. */
  CURLOPT_PROXY: 'string',
  /** Hosts, with commas, that are reached without it. */
  CURLOPT_NOPROXY: 'string',
  /** Not 0: tunnel through the proxy. */
  CURLOPT_HTTPPROXYTUNNEL: 'long',
  /** Seconds; 0 and less = unset. */
  CONNECTTIMEOUT: 'long',
  TIMEOUT: 'long',
  /** Bytes a second, and for how many seconds a source may be slower; 0 and less = unset. */
  LOW_SPEED_LIMIT: 'long',
  LOW_SPEED_TIME: 'long',
  /** Asynchronous requests of the database that a worker processes at once; 0 = no limit. */
  ASYNC_PROC_LIMIT: 'uint',
} as const satisfies Record<string, 'int' | 'uint' | 'long' | 'string'>;

export type IngestParameter = keyof typeof INGEST_PARAMETERS;
type Value<Name extends IngestParameter> = (typeof INGEST_PARAMETERS)[Name] extends 'string' ? string : number;

/** Parameters that were ever set; for all others libcurl's defaults hold, and no limit. */
export type IngestConfig = { [Name in IngestParameter]?: Value<Name> };
