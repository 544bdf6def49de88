import { NativeController, type NativeServers } from '../../ingest/controller/native/controller';
import { type Metadata, openMetadata } from '../../ingest/storage/metadata';
import { ControllerProcess } from '../support/controller-process';
import { INDEX_SCENARIOS, type IndexServers } from '../support/index-scenarios';
import { sharedServers } from '../support/native';
import { dataServer } from '../support/registered';
import { freshDatabase } from '../support/servers';

/**
 * A controller process is killed (SIGKILL) at every named step of what it does to director indexes; whoever calls next brings it to
 * an end, with every object in the index exactly once.
 */

jest.setTimeout(120_000);

const TARGET = 'test';
let postgresUrl: string;
let metadata: Metadata;
let servers: NativeServers;
let index: IndexServers;

beforeAll(async () => {
  postgresUrl = await freshDatabase();
  metadata = openMetadata(postgresUrl);
  await metadata.migrate();
  servers = await sharedServers();
  index = {
    controller: new NativeController({ target: TARGET, servers, metadata }),
    metadata,
    master: dataServer('master', servers.master),
    workers: new Map(servers.workers.map(({ name, mysql }) => [name, dataServer(name, mysql)])),
  };
});

afterAll(async () => {
  await Promise.all([index.controller, index.master, ...index.workers.values()].map((one) => one.close()));
  await metadata.close();
});

const cases = INDEX_SCENARIOS.flatMap((scenario) =>
  scenario.steps.map((step) => ({ scenario, name: scenario.name, step })),
);

test.each(cases)('$name, killed at $step', async ({ scenario, step }) => {
  const { call, check } = await scenario.prepare(index);
  // In the middle: some chunks are in the index, some are not.
  const passes = step.startsWith('index.chunk') ? 2 : 0;
  const child = await ControllerProcess.waitingAt({ postgresUrl, target: TARGET, servers, call, waitAt: step, passes });
  await child.kill();
  const [method, ...args] = call;
  await (index.controller[method] as (...of: unknown[]) => Promise<unknown>)(...args);
  await check();
});

test('a layer that was begun is dropped with its super-transaction', async () => {
  const scenario = INDEX_SCENARIOS.find(({ name }) => name === 'abort') as (typeof INDEX_SCENARIOS)[number];
  const { call, check } = await scenario.prepare(index);
  const [, id] = call;
  const commit = { postgresUrl, target: TARGET, servers, waitAt: 'index.chunk.commit', passes: 3 };
  const child = await ControllerProcess.waitingAt({ ...commit, call: ['endTransaction', id, 'commit'] });
  await child.kill();
  expect(await index.controller.transaction(id as number)).toMatchObject({ state: 'IS_FINISHING' });
  await index.controller.endTransaction(id as number, 'abort');
  await check();
});
