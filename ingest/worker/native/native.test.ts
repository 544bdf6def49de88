import { mkdirSync } from 'node:fs';
import { TestCatalog } from '../../../test/support/load-catalog';
import { freshDatabase, privateDir, sharedMariaDb, uniqueName } from '../../../test/support/servers';
import { workerHarness } from '../../../test/support/worker-harness';
import { workerContract } from '../contract';
import { NATIVE_WORKER_CAPABILITIES, NativeIngestWorker } from './index';

workerContract('native', NATIVE_WORKER_CAPABILITIES, async () => {
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
  return workerHarness({ worker, native: worker, catalog, folder, close: () => catalog.close() });
});
