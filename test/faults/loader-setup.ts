import { mkdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { StepHook } from '../../ingest/core/steps';
import type { MysqlAccess } from '../../ingest/storage/data/connection';
import { NativeIngestWorker } from '../../ingest/worker/native';
import type { ContributionSource, LoadRequest, LoadUnit } from '../../ingest/worker/worker';
import type { TableFacts } from '../support/checksum';
import { DataHttpServer } from '../support/data-server';
import { objectRows, writeObjects } from '../support/generate';
import { plainSource, TestCatalog } from '../support/load-catalog';
import type { LoadOrder } from '../support/load-child';
import { LoadingProcess } from '../support/loading-process';
import { freshDatabase, privateDir, uniqueName } from '../support/servers';

/** Repetitions of each fault: 3 in `npm test`, 20 in `npm run test:faults`. */
export const ROUNDS = Number(process.env.FAULT_ROUNDS ?? 3);
/** Size of the file in whose middle faults happen. */
const BYTES = 20_000_000;
/** Where what is tested comes after the load, a file that is loaded quickly. */
const SMALL_BYTES = 1_000_000;
const SMALL = plainSource('root://faults/small.csv');

/** A catalog in which every chunk's tables hold rows of an earlier super-transaction, and what a clean load looks like. */
export class FaultBench {
  readonly http = new DataHttpServer();
  readonly folder = privateDir('faults');
  readonly bytes = BYTES;
  readonly file = path.join(this.folder, 'objects.csv');
  private chunk = 1000;
  private earlier = 0;
  private earlierFacts: TableFacts | null = null;
  /** What clean loads of the large and the small file hold. */
  private clean!: TableFacts;
  private small!: TableFacts;
  catalog!: TestCatalog;
  worker!: NativeIngestWorker;
  private mysql!: MysqlAccess;

  async open(mysql: MysqlAccess): Promise<this> {
    mkdirSync(this.folder);
    this.mysql = mysql;
    await this.http.start();
    this.catalog = await TestCatalog.create(uniqueName('faults'), 'w1', await freshDatabase(), mysql);
    this.worker = this.newWorker();
    await writeObjects(this.file, BYTES);
    await writeObjects(path.join(this.folder, 'small.csv'), SMALL_BYTES);
    await writeFile(path.join(this.folder, 'earlier.csv'), objectRows(500, 7));
    this.earlier = await this.catalog.begin();
    const place = await this.newUnit();
    this.earlierFacts = await this.catalog.contents({ ...place, transactionId: this.earlier });
    expect(this.earlierFacts?.rows).toBe(500);
    this.small = await this.cleanLoad(place, SMALL, SMALL_BYTES);
    const large = plainSource('root://faults/objects.csv');
    this.clean = await this.cleanLoad({ ...place, transactionId: await this.catalog.begin() }, large, BYTES);
    return this;
  }

  private async cleanLoad(unit: LoadUnit, source: ContributionSource, bytes: number): Promise<TableFacts> {
    await this.worker.load(this.request(unit, source));
    const facts = await this.catalog.contents(unit);
    expect(facts?.rows).toBeGreaterThan(bytes / 100);
    return facts as TableFacts;
  }

  newWorker(steps?: StepHook, stallSeconds = 30): NativeIngestWorker {
    const { metadata } = this.catalog;
    const sources = { roots: { faults: this.folder }, stallSeconds };
    return new NativeIngestWorker({ name: 'w1', mysql: this.mysql, metadata, sources, steps });
  }

  /** A unit in a table of its own that holds rows already, or, with `fresh`, in one that does not exist. */
  async newUnit(fresh = false): Promise<LoadUnit> {
    this.chunk += 1;
    await this.catalog.allocate(this.chunk);
    if (!fresh) {
      const unit = this.catalog.unit(this.earlier, this.chunk);
      await this.worker.load(this.request(unit, plainSource('root://faults/earlier.csv')));
    }
    return this.catalog.unit(await this.catalog.begin(), this.chunk);
  }

  request(unit: LoadUnit, source: ContributionSource = SMALL): LoadRequest {
    return { unit, sources: [source], quality: 'strict', maxNumWarnings: 0 };
  }

  /** Serves the file and calls `reach` in its middle: behind what the sockets on the way can hold, so that LOAD has had rows. */
  serve(reach: (sent: number) => void): ContributionSource {
    const at = Math.round(this.bytes * (0.5 + 0.45 * Math.random()));
    return plainSource(this.http.serveFile(`/${uniqueName('objects')}`, this.file, at, reach));
  }

  process(request: LoadRequest, waitAt?: string): LoadingProcess {
    return this.processOf({ request }, waitAt);
  }

  processOf(what: LoadOrder['what'], waitAt?: string): LoadingProcess {
    const { postgresUrl } = this.catalog;
    const roots = { faults: this.folder };
    return new LoadingProcess({ worker: 'w1', mysql: this.mysql, postgresUrl, roots, what, waitAt });
  }

  /** The unit equals a clean load, the table's other partition is as it was, nothing is left over, records agree. */
  async expectWhole(unit: LoadUnit, { fresh = false, large = false, contributions = 1 } = {}): Promise<void> {
    const expected = large ? this.clean : this.small;
    expect(await this.catalog.contents(unit)).toEqual(expected);
    if (!fresh) await this.expectEarlier(unit);
    expect(await this.worker.verify(unit.transactionId)).toMatchObject([{ agrees: true, recordedRows: expected.rows }]);
    // A unit that was asked for with other sources before has older contributions too.
    const records = await this.catalog.contributions(unit.transactionId);
    expect(records).toHaveLength(contributions);
    expect(records.at(-1)).toMatchObject({ status: 'FINISHED', num_rows_loaded: expected.rows });
    await this.worker.sweep();
    expect(await this.catalog.stagingTables()).toEqual([]);
  }

  /** The rows of the earlier super-transaction in the unit's table are as they were. */
  async expectEarlier(unit: LoadUnit): Promise<void> {
    expect(await this.catalog.contents({ ...unit, transactionId: this.earlier })).toEqual(this.earlierFacts);
  }

  async close(): Promise<void> {
    await this.http.stop();
    await this.worker.close();
    await this.catalog.close();
  }
}
