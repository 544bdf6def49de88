import { mkdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Contribution } from '../../ingest/core/contributions';
import type { StepHook } from '../../ingest/core/steps';
import type { MysqlAccess } from '../../ingest/storage/data/connection';
import { NativeIngestWorker, type NativeWorkerOptions } from '../../ingest/worker/native';
import type { LoadUnit } from '../../ingest/worker/worker';
import { objectRows } from './generate';
import { TestCatalog } from './load-catalog';
import { reference } from './sending';
import { freshDatabase, privateDir, sharedMariaDb, uniqueName } from './servers';

/** Workers of one name over the same records and MariaDB, whose queue is worked off only where a test runs one. */
export class QueueSite {
  private readonly folder: string;
  private readonly workers: NativeIngestWorker[] = [];
  private chunk = 100;
  /** Queues, and is asked; works nothing off. */
  readonly sender: NativeIngestWorker;

  private constructor(
    /** Two databases. */
    readonly one: TestCatalog,
    readonly two: TestCatalog,
    readonly mysql: MysqlAccess,
    folder: string,
  ) {
    this.folder = folder;
    this.sender = this.make();
  }

  static async start(name: string): Promise<QueueSite> {
    const folder = privateDir(name);
    mkdirSync(folder);
    await writeFile(`${folder}/rows.csv`, objectRows(20));
    const mysql = await sharedMariaDb('w2');
    const postgres = await freshDatabase();
    const catalog = () => TestCatalog.create(uniqueName(name), 'w2', postgres, mysql);
    return new QueueSite(await catalog(), await catalog(), mysql, folder);
  }

  /** URL of a file: `rows.csv` has 20 rows, others are not there. */
  url(file: string): string {
    return `file://${this.folder}/${file}`;
  }

  newWorker(steps?: StepHook, more: Partial<NativeWorkerOptions> = {}): NativeIngestWorker {
    const worker = this.make(steps, more);
    this.workers.push(worker);
    return worker;
  }

  private make(steps?: StepHook, more: Partial<NativeWorkerOptions> = {}): NativeIngestWorker {
    const { metadata } = this.one;
    const sources = { roots: { queue: this.folder }, stallSeconds: 5 };
    return new NativeIngestWorker({ name: 'w2', mysql: this.mysql, metadata, sources, steps, ...more });
  }

  /** A partition of its own. */
  async newPlace(catalog = this.one): Promise<LoadUnit> {
    this.chunk += 1;
    await catalog.allocate(this.chunk);
    return catalog.unit(await catalog.begin(), this.chunk);
  }

  /** Queues 20 rows and returns the contribution's id. */
  async submit(place: LoadUnit): Promise<number> {
    return (await this.sender.submit(reference(place, this.url('rows.csv'), { isAsync: true }))).id;
  }

  /** The contribution when it has come to an end. */
  async ended(id: number): Promise<Contribution> {
    for (;;) {
      const contribution = await this.sender.contribution(id);
      if (contribution.status !== 'IN_PROGRESS') return contribution;
      await sleep(10);
    }
  }

  /** Closes those that the tests made. */
  async closeWorkers(): Promise<void> {
    for (const worker of this.workers.splice(0)) await worker.close();
  }

  async close(): Promise<void> {
    await this.closeWorkers();
    await this.sender.close();
    await this.one.close();
    await this.two.close();
  }
}
