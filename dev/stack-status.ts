import { ingestQueue } from '../ingest/core/task-queues';
import type { MySqlAccount } from './mariadb';
import type { ManagedProcess, ProcessState } from './process';
import type { ServerPorts } from './server-ports';
import type { StackServers } from './stack-settings';

export interface StackStatus {
  temporal: { address: string; namespace: string; ui: string } | null;
  /** null: it has no REST services, or they were never started. */
  controller: { url: string } | null;
  workers: {
    name: string;
    httpUrl: string | null;
    binaryPort: number | null;
    taskQueue: string;
    mysql: MySqlAccount | null;
  }[];
  master: { mysql: MySqlAccount | null };
  postgres: { url: string } | null;
  processes: { name: string; pid: number | null; state: ProcessState }[];
}

/** All there is to know of a stack; null for what is known only after the first start. */
export function stackStatus(
  { postgres, temporal, master, workers }: StackServers,
  parts: readonly ManagedProcess[],
  ports: ServerPorts | undefined,
): StackStatus {
  return {
    temporal: known(() => ({ address: temporal.address, namespace: temporal.namespace, ui: temporal.ui })),
    controller: ports ? { url: localUrl(ports.controller) } : null,
    workers: [...workers].map(([name, server]) => ({
      name,
      httpUrl: ports?.workers[name] ? localUrl(ports.workers[name].http) : null,
      binaryPort: ports?.workers[name]?.binary ?? null,
      taskQueue: ingestQueue(name),
      mysql: known(() => server.mysql),
    })),
    master: { mysql: known(() => master.mysql) },
    postgres: known(() => ({ url: postgres.url() })),
    processes: parts.map(({ name, pid, state }) => ({ name, pid: pid ?? null, state })),
  };
}

/** Of a service of ours on this machine. */
function localUrl(port: number): string {
  return `http://127.0.0.1:${port}`;
}

function known<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}
