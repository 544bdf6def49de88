import { mkdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TestCatalog } from '../../../test/support/load-catalog';
import { freshDatabase, privateDir, sharedMariaDb, uniqueName } from '../../../test/support/servers';
import { type WorkerHarness, workerContract } from '../contract';
import { NATIVE_WORKER_CAPABILITIES, NativeIngestWorker } from './index';

workerContract('native', NATIVE_WORKER_CAPABILITIES, async (): Promise<WorkerHarness> => {
  const folder = privateDir('sources');
  mkdirSync(folder);
  const mysql = await sharedMariaDb('w1');
  const catalog = await TestCatalog.create(uniqueName('worker'), 'w1', await freshDatabase(), mysql);
  const worker = new NativeIngestWorker({
    name: 'w1',
    mysql,
    metadata: catalog.metadata,
    sources: { roots: { test: folder }, stallSeconds: 5 },
  });
  let queue = worker.runQueue({ threads: 3 });
  return {
    worker,
    database: catalog.database,
    begin: () => catalog.begin(),
    setState: (id, state) => catalog.setState(id, state),
    setPublished: (what, published) => catalog.setPublished(what, published),
    allocate: (chunk) => catalog.allocate(chunk),
    writeSource: async (name, content) => {
      await writeFile(path.join(folder, name), content);
      return `root://test/${name}`;
    },
    writeFile: async (name, content) => {
      await writeFile(path.join(folder, name), content);
      return `file://${path.join(folder, name)}`;
    },
    holdQueue: async () => {
      await queue.close();
      return async () => {
        queue = worker.runQueue({ threads: 3 });
      };
    },
    ended: async (id) => {
      for (;;) {
        const contribution = await worker.contribution(id);
        if (contribution.status !== 'IN_PROGRESS') return contribution;
        await sleep(20);
      }
    },
    rows: (unit) => catalog.rows(unit),
    contributions: (id) => catalog.contributions(id),
    close: async () => {
      await queue.close();
      expect(await catalog.stagingTables()).toEqual([]);
      await worker.close();
      await catalog.close();
    },
  };
});
