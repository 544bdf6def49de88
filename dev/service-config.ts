import type { z } from 'zod';
import type { serviceConfig } from '../api/config';
import type { MariaDbServer } from './mariadb';
import type { ServerPorts } from './server-ports';

interface ConfiguredStack {
  master: MariaDbServer;
  workers: ReadonlyMap<string, MariaDbServer>;
  /** undefined: it has no REST services. */
  ports: ServerPorts | undefined;
  sources: { roots: Record<string, string>; secrets?: string[] };
}

/**
 * The configuration file of our processes, for one native target `local`, and a target `remote` that is the same by way of its REST
 * services; secrets are named, not written.
 */
export function configText({ master, workers, ports, sources }: ConfiguredStack): string {
  const address = ({ mysql: { host, port, user } }: MariaDbServer) => ({
    host,
    port,
    user,
    passwordEnv: 'QSERV_MYSQL_PASSWORD',
  });
  const keys = { authKeyEnv: 'QSERV_AUTH_KEY', adminAuthKeyEnv: 'QSERV_ADMIN_AUTH_KEY' };
  const config = {
    defaultTarget: 'local',
    targets: {
      local: {
        kind: 'native',
        master: address(master),
        workers: [...workers].map(([name, server]) => ({
          name,
          mysql: address(server),
          ...(ports && { httpPort: ports.workers[name]?.http, binaryPort: ports.workers[name]?.binary }),
        })),
        controllerPort: ports?.controller,
        ...keys,
      },
      ...(ports && { remote: { kind: 'remote', controllerUrl: `http://127.0.0.1:${ports.controller}`, ...keys } }),
    },
    server: { bind: '127.0.0.1' },
    sources,
    keys: ['QSERV_ADMIN_AUTH_KEY'],
  } satisfies z.input<typeof serviceConfig>;
  return `${JSON.stringify(config, null, 2)}\n`;
}
