import { availableParallelism } from 'node:os';

/**
 * Parameters that GET /replication/config reports: the names that a real server has, so that clients find them. What has no
 * counterpart here is 0 or empty. No secret is ever among the values; a real server tells its database's password.
 */

export interface Parameter {
  value: string | number;
  description: string;
  /** A secret elsewhere; always empty here. */
  secret?: true;
}

export type Parameters = Record<string, Record<string, Parameter>>;

/** Values by category and name, as far as they differ from the defaults. */
export type ParameterValues = Record<string, Record<string, string | number>>;

const p = (value: string | number, description: string): Parameter => ({ value, description });

/** Names without a meaning here. */
const without = (value: string | number, ...names: string[]): Record<string, Parameter> =>
  Object.fromEntries(names.map((name) => [name, p(value, 'Has no counterpart in this service.')]));

const cpus = availableParallelism();
const atMost8 = Math.min(8, cpus);

const DEFAULTS: Parameters = {
  common: without(0, 'request-buf-size-bytes', 'request-retry-interval-sec'),
  registry: { ...without('', 'host'), ...without(0, 'port', 'max-listen-conn', 'threads', 'heartbeat-ival-sec') },
  controller: {
    ...without(0, 'num-threads', 'request-timeout-sec', 'job-timeout-sec', 'job-heartbeat-sec', 'http-server-threads'),
    ...without(0, 'http-max-listen-conn', 'max-repl-level', 'worker-evict-priority-level'),
    ...without(0, 'health-monitor-priority-level', 'ingest-priority-level', 'catalog-management-priority-level'),
    ...without(0, 'auto-register-workers', 'auto-register-czars', 'ingest-job-monitor-ival-sec'),
    ...without(0, 'num-director-index-connections'),
    'http-server-port': p(25081, 'Port of this REST service.'),
    'director-index-engine': p('InnoDB', 'MySQL engine of director indexes.'),
  },
  database: {
    ...without(0, 'services-pool-size', 'port', 'qserv-master-services-pool-size'),
    ...without('', 'host', 'user', 'name', 'qserv-master-user', 'qserv-master-tmp-dir'),
    password: { value: '', description: 'Never told.', secret: true },
  },
  xrootd: {
    ...without(0, 'auto-notify', 'request-timeout-sec', 'port', 'allow-reconnect', 'reconnect-timeout'),
    ...without('', 'host'),
  },
  worker: {
    ...without(0, 'num-threads', 'num-svc-processing-threads', 'num-fs-processing-threads', 'fs-buf-size-bytes'),
    ...without(0, 'exporter-threads', 'http-max-listen-conn', 'http-max-queued-requests'),
    ...without(0, 'exporter-max-queued-requests', 'svc-port', 'fs-port', 'exporter-port'),
    ...without(0, 'director-index-record-size', 'create-databases-on-scan'),
    ...without('', 'data-dir', 'loader-tmp-dir', 'exporter-tmp-dir', 'http-loader-tmp-dir'),
    'num-loader-processing-threads': p(cpus, 'Contributions over the binary protocol at once.'),
    'num-http-loader-processing-threads': p(atMost8, 'Contributions over HTTP at once.'),
    'num-async-loader-processing-threads': p(atMost8, 'Asynchronous contributions at once.'),
    'async-loader-auto-resume': p(1, '1: asynchronous requests go on after a restart.'),
    'async-loader-cleanup-on-resume': p(1, '1: what interrupted requests left is removed.'),
    'loader-max-warnings': p(
      64,
      'Warnings of MySQL that are kept of a contribution, unless the request says otherwise.',
    ),
    'loader-port': p(25002, 'Port of the binary protocol, unless the worker says otherwise.'),
    'http-loader-port': p(25004, 'Port of the REST service, unless the worker says otherwise.'),
    'ingest-charset-name': p('latin1', 'Character set of contributions, unless the request says otherwise.'),
    'ingest-num-retries': p(
      1,
      'Times that reading a source is tried again by itself, unless the request says otherwise.',
    ),
    'ingest-max-retries': p(10, 'Highest number of such tries that a request may ask for.'),
  },
};

/** The defaults with these values in their place. */
export function parameters(values: ParameterValues = {}): Parameters {
  const all = Object.entries(DEFAULTS).map(([category, known]) => {
    const given = values[category] ?? {};
    const whole = Object.entries(known).map(([name, one]) => [
      name,
      one.secret === undefined && given[name] !== undefined ? { ...one, value: given[name] } : one,
    ]);
    return [category, Object.fromEntries(whole)];
  });
  return Object.fromEntries(all);
}
