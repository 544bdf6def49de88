import { randomUUID } from 'node:crypto';
import { openMetadata } from '../ingest/storage/metadata';
import { readEnvironment } from '../workers/environment';
import { Targets } from '../workers/targets';
import { controllerRoutes } from './controller/routes';
import { createHttpServer } from './http/server';
import { Work } from './http/work';
import { type Serving, serving } from './serving';

/** `server controller [TARGET]`: Qserv's controller REST over a native target. Any number may run; state is in PostgreSQL. */
async function start(target: string | undefined): Promise<Serving> {
  const environment = readEnvironment(process.env);
  const { config } = environment;
  const name = target ?? config.defaultTarget;
  const metadata = openMetadata(environment.postgresUrl);
  const targets = new Targets(environment, metadata);
  const { instanceId, controllerPort } = targets.native(name);
  await metadata.migrate();
  const work = new Work();
  const app = createHttpServer({
    service: 'controller',
    log: { level: 'info' },
    keys: environment.serviceKeys(targets.native(name)),
    routes: work.of(
      controllerRoutes({
        controller: targets.controller(name),
        identity: { id: randomUUID(), instanceId },
        settings: {
          parameters: {
            controller: { 'http-server-port': controllerPort },
            worker: { 'num-async-loader-processing-threads': config.server.asyncLoads },
          },
        },
      }),
    ),
  });
  const where = await app.listen({ host: config.server.bind, port: controllerPort });
  const close = async () => {
    await app.close();
    // A commit or a publish whose connections are closed under it would fail, and so would its super-transaction.
    await work.ended();
    await targets.close();
    await metadata.close();
  };
  return { where, close };
}

const [target] = process.argv.slice(2);
void serving('server controller', () => start(target));
