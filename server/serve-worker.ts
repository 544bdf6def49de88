import { tmpdir } from 'node:os';
import { openMetadata } from '../ingest/storage/metadata';
import { NativeIngestWorker } from '../ingest/worker/native';
import { readEnvironment } from '../workers/environment';
import { Targets } from '../workers/targets';
import { createBinaryServer } from './binary/server';
import { createHttpServer } from './http/server';
import { type Serving, serving } from './serving';
import { workerRoutes } from './worker/routes';

/** Connections to MariaDB: a contribution that waits for its partition keeps one, and so does each that is being loaded. */
const CONNECTIONS = 40;

/** `server worker NAME [TARGET]`: Qserv's worker REST and binary protocol over that worker's MariaDB; runs beside it. */
async function start(name: string | undefined, target: string | undefined): Promise<Serving> {
  const environment = readEnvironment(process.env);
  const { config, sources } = environment;
  const metadata = openMetadata(environment.postgresUrl);
  const targets = new Targets(environment, metadata);
  const targetName = target ?? config.defaultTarget;
  const { instanceId } = targets.native(targetName);
  const { mysql, httpPort, binaryPort, ...known } = targets.nativeWorker(targetName, name);
  await metadata.migrate();
  await targets.controller(targetName).workers();
  const worker = new NativeIngestWorker({
    name: known.name,
    mysql: environment.account(mysql),
    metadata,
    sources,
    connections: CONNECTIONS,
    steps: environment.steps,
  });
  const keys = environment.serviceKeys(targets.native(targetName));
  const { bind, temporary: spoolFolder = tmpdir() } = config.server;
  const identity = { name: known.name, instanceId };
  const app = createHttpServer({
    service: 'worker',
    log: { level: 'info' },
    keys,
    routes: workerRoutes({ worker, identity, keys, spoolFolder }),
  });
  const binary = createBinaryServer({ worker, key: keys.auth, logger: app.log });
  worker.runQueue({
    threads: config.server.asyncLoads,
    onError: (error) => app.log.error({ err: error }, 'the queue of contributions failed'),
  });
  const where = await app.listen({ host: bind, port: httpPort });
  const listening = await binary.listen(binaryPort, bind);
  const close = async () => {
    await Promise.all([app.close(), binary.close()]);
    await worker.close();
    await targets.close();
    await metadata.close();
  };
  return { where: `${where}, binary protocol at port ${listening.port}`, close };
}

const [name, target] = process.argv.slice(2);
void serving(`server worker ${name ?? ''}`, () => start(name, target));
