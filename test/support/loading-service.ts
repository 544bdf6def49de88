import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NativeIngestWorker, type NativeWorkerOptions } from '../../ingest/worker/native';
import type { Answer } from './controller-service';
import { TestCatalog } from './load-catalog';
import { freshDatabase, privateDir, sharedMariaDb, uniqueName } from './servers';
import { WorkerService } from './worker-service';

/** A worker service over a native worker `w1` with a test catalog of its own, and a super-transaction to load in. Close it. */
export class LoadingService {
  /** A STARTED super-transaction. */
  transactionId = 0;

  private constructor(
    readonly catalog: TestCatalog,
    readonly worker: NativeIngestWorker,
    readonly service: WorkerService,
    readonly folder: string,
  ) {}

  static async start(options: Partial<NativeWorkerOptions> = {}): Promise<LoadingService> {
    const folder = privateDir('sources');
    mkdirSync(folder);
    const mysql = await sharedMariaDb('w1');
    const catalog = await TestCatalog.create(uniqueName('rest'), 'w1', await freshDatabase(), mysql);
    const worker = new NativeIngestWorker({
      name: 'w1',
      mysql,
      metadata: catalog.metadata,
      sources: { roots: { test: folder }, stallSeconds: 20 },
      ...options,
    });
    return new LoadingService(catalog, worker, WorkerService.start('w1', worker), folder);
  }

  /** Begins a super-transaction that is from now on the one to load in; returns its id. */
  async begin(): Promise<number> {
    this.transactionId = await this.catalog.begin();
    return this.transactionId;
  }

  /** Fields that every contribution needs; into the regular table unless told otherwise. */
  target(more: Record<string, unknown> = {}): Record<string, unknown> {
    return { transaction_id: this.transactionId, table: 'Filter', chunk: 0, overlap: 0, ...more };
  }

  post(path: string, more: Record<string, unknown>): Promise<Answer> {
    return this.service.call('POST', path, { body: this.target(more) });
  }

  /** A file that the worker may read; returns its URL. */
  writeFile(name: string, content: string | Buffer): string {
    writeFileSync(join(this.folder, name), content);
    return `file://${join(this.folder, name)}`;
  }

  /** Rows of the regular table in the super-transaction. */
  filterRows(transactionId = this.transactionId): Promise<unknown[][] | null> {
    return this.catalog.rows(this.catalog.unit(transactionId, 0, { table: 'Filter' }));
  }

  /** Contributions of the super-transaction, as they are recorded. */
  recorded(): Promise<Record<string, unknown>[]> {
    return this.catalog.contributions(this.transactionId);
  }

  async close(): Promise<void> {
    await this.service.close();
    await this.worker.close();
    await this.catalog.close();
  }
}
