import type { z } from 'zod';
import type { serviceConfig } from '../api/config';
import type { MariaDbServer } from './mariadb';

/** The configuration file of our processes, for one native target `local`; the password is named, not written. */
export function configText(
  master: MariaDbServer,
  workers: ReadonlyMap<string, MariaDbServer>,
  roots: Record<string, string>,
): string {
  const address = ({ mysql: { host, port, user } }: MariaDbServer) => ({
    host,
    port,
    user,
    passwordEnv: 'QSERV_MYSQL_PASSWORD',
  });
  const config = {
    defaultTarget: 'local',
    targets: {
      local: {
        kind: 'native',
        master: address(master),
        workers: [...workers].map(([name, server]) => ({ name, mysql: address(server) })),
        adminAuthKeyEnv: 'QSERV_ADMIN_AUTH_KEY',
      },
    },
    sources: { roots },
    keys: ['QSERV_ADMIN_AUTH_KEY'],
  } satisfies z.input<typeof serviceConfig>;
  return `${JSON.stringify(config, null, 2)}\n`;
}
