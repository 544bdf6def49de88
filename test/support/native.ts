import type { NativeServers } from '../../ingest/controller/native/controller';
import type { MysqlAccess } from '../../ingest/storage/data/connection';
import { sharedMariaDb } from './servers';

/** A target of a master and workers with these accounts. */
export function nativeServers(master: MysqlAccess, workers: Record<string, MysqlAccess>): NativeServers {
  return {
    master,
    workers: Object.entries(workers).map(([name, mysql]) => ({
      name,
      mysql,
      host: '127.0.0.1',
      binaryPort: 25002,
      httpPort: 25004,
      enabled: true,
      readOnly: false,
    })),
  };
}

/** The run's shared master and two workers. */
export async function sharedServers(): Promise<NativeServers> {
  const [master, w1, w2] = await Promise.all([sharedMariaDb('master'), sharedMariaDb('w1'), sharedMariaDb('w2')]);
  return nativeServers(master, { w1, w2 });
}
