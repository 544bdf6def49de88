import { NativeController } from '../../ingest/controller/native/controller';
import { RemoteController } from '../../ingest/controller/remote/controller';
import { NativeIngestWorker } from '../../ingest/worker/native';
import { ControllerService, KEYS } from './controller-service';
import { CuttingProxy } from './cutting-proxy';
import { TestCatalog } from './load-catalog';
import { nativeServers } from './native';
import { freshDatabase, sharedMariaDb, uniqueName } from './servers';
import { WorkerService } from './worker-service';

/** A catalog with the worker w1 whose services are reached over REST, each through a proxy that cuts connections when told to. */
export class RemoteStack {
  private constructor(
    readonly catalog: TestCatalog,
    /** What the worker's service works with; its queue is the test's to run. */
    readonly native: NativeIngestWorker,
    readonly controllerProxy: CuttingProxy,
    readonly workerProxy: CuttingProxy,
    readonly controller: RemoteController,
    private readonly ended: () => Promise<void>,
  ) {}

  static async start(roots: Record<string, string>): Promise<RemoteStack> {
    const [master, mysql] = await Promise.all([sharedMariaDb('master'), sharedMariaDb('w1')]);
    const catalog = await TestCatalog.create(uniqueName('remote'), 'w1', await freshDatabase(), mysql);
    const { metadata } = catalog;
    const native = new NativeIngestWorker({ name: 'w1', mysql, metadata, sources: { roots, stallSeconds: 5 } });
    const workerService = WorkerService.start('w1', native);
    const workerProxy = await CuttingProxy.start(await workerService.listen());
    const servers = nativeServers(master, { w1: mysql });
    for (const worker of servers.workers) worker.httpPort = Number(new URL(workerProxy.url).port);
    const behind = new NativeController({ target: 'test', servers, metadata });
    const service = await ControllerService.start({ metadata, services: { controller: behind } });
    const controllerProxy = await CuttingProxy.start(await service.listen());
    const keys = { authKey: KEYS.auth, adminAuthKey: KEYS.admin };
    const controller = new RemoteController({ url: controllerProxy.url, ...keys, pollMs: 20 });
    return new RemoteStack(catalog, native, controllerProxy, workerProxy, controller, async () => {
      await controller.close();
      await Promise.all([controllerProxy.stop(), workerProxy.stop()]);
      await Promise.all([service.close(), workerService.close()]);
      await native.close();
      await catalog.close();
    });
  }

  close(): Promise<void> {
    return this.ended();
  }
}
