import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MariaDbServer } from '../../dev/mariadb';
import { CATALOG_TABLES, newCatalog } from '../../ingest/controller/contract';
import { NativeController } from '../../ingest/controller/native/controller';
import { directorIndexTable, META_SCHEMA } from '../../ingest/core/names';
import type { StepHook } from '../../ingest/core/steps';
import { partitionNames } from '../../ingest/storage/data/partitions';
import { type Metadata, openMetadata } from '../../ingest/storage/metadata';
import { INDEX_SCENARIOS, type IndexServers } from '../support/index-scenarios';
import { nativeServers } from '../support/native';
import { dataServer } from '../support/registered';
import { freshDatabase, privateMariaDb } from '../support/servers';

/**
 * The master's or the worker's MariaDB is killed (SIGKILL) at every named step of what is done to director indexes, restarted, and the
 * operation repeated: every object is in the index exactly once. Every other round it is killed a moment after the step was announced,
 * while its statement runs.
 */

const ROUNDS = process.env.FAULT_ROUNDS === undefined ? 2 : 10;

jest.setTimeout(120_000 + ROUNDS * 60_000);

let metadata: Metadata;
let master: MariaDbServer;
let worker: MariaDbServer;
let index: IndexServers;
let hook: StepHook = () => {};

beforeAll(async () => {
  metadata = openMetadata(await freshDatabase());
  await metadata.migrate();
  master = privateMariaDb('index-master', 'master');
  worker = privateMariaDb('index-worker');
  await Promise.all([master.start(), worker.start()]);
  index = {
    controller: new NativeController({
      target: 'test',
      servers: nativeServers(master.mysql, { worker: worker.mysql }),
      metadata,
      steps: (step, detail) => hook(step, detail),
    }),
    metadata,
    master: dataServer('master', master.mysql),
    workers: new Map([['worker', dataServer('worker', worker.mysql)]]),
  };
});

afterAll(async () => {
  await Promise.all([index.controller, index.master, ...index.workers.values()].map((one) => one.close()));
  await metadata.close();
  await Promise.all([master.stop(), worker.stop()]);
});

const cases = INDEX_SCENARIOS.flatMap((scenario) =>
  (['master', 'worker'] as const).flatMap((who) =>
    (who === 'master' ? scenario.steps : scenario.onWorkers).map((step) => ({
      scenario,
      name: scenario.name,
      step,
      who,
    })),
  ),
);

test.each(cases)('$name, $who killed at $step', async ({ scenario, step, who }) => {
  for (let round = 0; round < ROUNDS; round++) {
    const { call, check } = await scenario.prepare(index);
    const victim = who === 'master' ? master : worker;
    const [method, ...args] = call;
    const run = () => (index.controller[method] as (...of: unknown[]) => Promise<unknown>)(...args);
    let passes = step.startsWith('index.chunk') ? 2 : 0;
    let killed: Promise<void> | undefined;
    hook = async (name) => {
      if (name !== step || killed !== undefined || passes-- > 0) return;
      if (round % 2 === 0) {
        killed = victim.kill();
        await killed;
      } else killed = sleep(Math.random() * 8).then(() => victim.kill());
    };
    const outcome = await run().then(
      () => 'done',
      (error: { code: string }) => error.code,
    );
    hook = () => {};
    expect(killed).toBeDefined();
    await killed;
    expect(['UNAVAILABLE', 'BUSY', 'done']).toContain(outcome);
    await victim.start();
    await run();
    await check();
  }
});

// As long as names can be; with the one letter that files spell otherwise.
test.each([newCatalog().name.repeat(5).slice(0, 50), `${newCatalog().name}$`])(
  'a partition that a killed server left without its table is no obstacle: %s',
  async (name) => {
    const { controller } = index;
    await controller.registerDatabase({ ...newCatalog(), name });
    await controller.registerTable(name, CATALOG_TABLES.object);
    const table = directorIndexTable(name, 'Object');
    const folder = join(master.dir, 'data', META_SCHEMA);
    for (const end of ['frm', 'par']) rmSync(join(folder, `${table.replace('$', '@0024')}.${end}`));
    await index.master.run('forget the table', 'FLUSH TABLES');
    expect(await partitionNames(index.master, META_SCHEMA, table)).toBeUndefined();
    await controller.registerTable(name, CATALOG_TABLES.object);
    expect(await partitionNames(index.master, META_SCHEMA, table)).toEqual(['p0']);
  },
);
