import { mkdirSync } from 'node:fs';
import { KEYS } from '../../../test/support/controller-service';
import { RemoteStack } from '../../../test/support/remote-stack';
import { privateDir } from '../../../test/support/servers';
import { workerHarness } from '../../../test/support/worker-harness';
import { workerContract } from '../contract';
import { REMOTE_WORKER_CAPABILITIES, RemoteIngestWorker } from './index';

workerContract('remote', REMOTE_WORKER_CAPABILITIES, async () => {
  const folder = privateDir('sources');
  mkdirSync(folder);
  const stack = await RemoteStack.start({ test: folder });
  const { catalog, native, controller } = stack;
  const worker = new RemoteIngestWorker({ name: 'w1', controller, authKey: KEYS.auth, roots: { test: folder } });
  return workerHarness({ worker, native, catalog, folder, close: () => stack.close() });
});
