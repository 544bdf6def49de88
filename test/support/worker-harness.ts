import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkerHarness } from '../../ingest/worker/contract';
import type { NativeIngestWorker } from '../../ingest/worker/native';
import type { IngestWorker } from '../../ingest/worker/worker';
import type { TestCatalog } from './load-catalog';

interface Harnessed {
  /** What the contract tells of. */
  worker: IngestWorker;
  /** What works off the queue: the same, or the one behind the worker's service. */
  native: NativeIngestWorker;
  catalog: TestCatalog;
  /** Files in it are root://test/… to the worker. */
  folder: string;
  /** Ends all but the worker. */
  close: () => Promise<void>;
}

/** What the worker's contract asks of a test catalog and a worker that loads into it; its queue runs from now on. */
export function workerHarness({ worker, native, catalog, folder, close }: Harnessed): WorkerHarness {
  const runQueue = () => native.runQueue({ threads: 3 });
  let queue = runQueue();
  const write = async (name: string, content: string | Buffer) => {
    const file = path.join(folder, name);
    await writeFile(file, content);
    return file;
  };
  return {
    worker,
    database: catalog.database,
    begin: () => catalog.begin(),
    setState: (id, state) => catalog.setState(id, state),
    setPublished: (what, published) => catalog.setPublished(what, published),
    allocate: (chunk) => catalog.allocate(chunk),
    writeSource: async (name, content) => {
      await write(name, content);
      return `root://test/${name}`;
    },
    writeFile: async (name, content) => `file://${await write(name, content)}`,
    holdQueue: async () => {
      await queue.close();
      return async () => {
        queue = runQueue();
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
      await close();
    },
  };
}
