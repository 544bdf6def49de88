import { mkdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { KEYS } from '../../../test/support/controller-service';
import { RemoteStack } from '../../../test/support/remote-stack';
import { privateDir } from '../../../test/support/servers';
import { type WorkerHarness, workerContract } from '../contract';
import { REMOTE_WORKER_CAPABILITIES, RemoteIngestWorker } from './index';

workerContract('remote', REMOTE_WORKER_CAPABILITIES, async (): Promise<WorkerHarness> => {
  const folder = privateDir('sources');
  mkdirSync(folder);
  const stack = await RemoteStack.start({ test: folder });
  const { catalog, native } = stack;
  const worker = new RemoteIngestWorker({
    name: 'w1',
    controller: stack.controller,
    authKey: KEYS.auth,
    roots: { test: folder },
  });
  let queue = native.runQueue({ threads: 3 });
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
        queue = native.runQueue({ threads: 3 });
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
      // What is FINISHED may still be cleaning up behind itself.
      await queue.close();
      expect(await catalog.stagingTables()).toEqual([]);
      await worker.close();
      await stack.close();
    },
  };
});
