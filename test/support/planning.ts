import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadBatch } from '../../ingest/campaign/load-batch';
import { planCampaign } from '../../ingest/campaign/plan';
import { registerCatalog } from '../../ingest/campaign/register';
import { begin, commit, place } from '../../ingest/campaign/transactions';
import { NativeController } from '../../ingest/controller/native/controller';
import { type Metadata, openMetadata } from '../../ingest/storage/metadata';
import { PostgresLedger } from '../../ingest/storage/metadata/ledger';
import { NativeIngestWorker } from '../../ingest/worker/native';
import { sharedServers } from './native';
import { freshDatabase, privateDir, uniqueName } from './servers';

/** Campaigns without Temporal: the example planned, registered and loaded on the run's shared servers. */

const EXAMPLES = join(__dirname, '..', '..', 'examples');

// biome-ignore lint/suspicious/noExplicitAny: tests change inputs at will
export type Input = any;

/** The example's input with its definitions inline, for a database of its own. */
export async function exampleInput(): Promise<Input> {
  const input = JSON.parse(await readFile(join(EXAMPLES, 'test101', 'campaign.json'), 'utf8'));
  const database = uniqueName('plan');
  input.database = { database, num_stripes: 85, num_sub_stripes: 12, overlap: 0.01667 };
  for (const table of input.tables) {
    const own = JSON.parse(await readFile(join(EXAMPLES, 'test101', table.definition.$ref), 'utf8'));
    table.definition = { ...own, database };
  }
  return input;
}

/** The example with its regular table alone: one unit, nine rows. */
export async function filterInput(): Promise<Input> {
  const input = await exampleInput();
  return { ...input, tables: [input.tables[2]] };
}

/** A plan that is registered. */
export interface Registered {
  database: string;
  planId: string;
}

/** Faults that a planning fails with, as `path: message`; none when it succeeds. */
export async function faultsIn(planning: Promise<unknown>): Promise<string[]> {
  const error = await planning.then(
    () => ({ details: { faults: [] } }),
    (e) => e,
  );
  if (!error.details?.faults) throw error;
  return error.details.faults.map((f: { path: string; message: string }) => `${f.path}: ${f.message}`);
}

/** Controller, ledger and one worker over a metadata database of their own. */
export class Campaigns {
  static async open(): Promise<Campaigns> {
    const metadata = openMetadata(await freshDatabase());
    await metadata.migrate();
    const servers = await sharedServers();
    const [first] = servers.workers;
    if (!first) throw new Error('no worker');
    const folder = privateDir('sources');
    await mkdir(folder, { recursive: true });
    const sources = { roots: { examples: EXAMPLES, own: folder }, stallSeconds: 5 };
    const controller = new NativeController({ target: 'local', servers: { ...servers, workers: [first] }, metadata });
    const worker = new NativeIngestWorker({ name: first.name, mysql: first.mysql, metadata, sources, connections: 2 });
    return new Campaigns(metadata, controller, worker, sources, folder);
  }

  readonly ledger: PostgresLedger;
  readonly services;

  private constructor(
    readonly metadata: Metadata,
    readonly controller: NativeController,
    readonly worker: NativeIngestWorker,
    sources: { roots: Record<string, string>; stallSeconds: number },
    /** Source root `own`, for files that tests write. */
    readonly folder: string,
  ) {
    this.ledger = new PostgresLedger(metadata);
    const { ledger } = this;
    this.services = { defaultTarget: 'local', targets: ['local'], sources, ledger, controller: () => controller };
  }

  async register(input: Input, key: string = uniqueName('key')): Promise<Registered> {
    const { planId, database } = await planCampaign(input, key, this.services);
    await registerCatalog(this, planId);
    return { database, planId };
  }

  /** An attempt of the campaign whose workflow id is the database's name. */
  attempt({ database, planId }: Registered, seq = 0, attempt = 1) {
    return { workflowId: database, firstRunId: 'run', database, planId, seq, attempt };
  }

  /** Begins a planned super-transaction and places its units. */
  async begin(plan: Registered, seq = 0, attempt = 1): Promise<number> {
    const id = await begin(this, this.attempt(plan, seq, attempt));
    await place(this, plan.planId, seq, id);
    return id;
  }

  /** Loads and commits everything that is planned, in one super-transaction; returns its id. */
  async load(plan: Registered): Promise<number> {
    const { worker, ledger } = this;
    const transactionId = await this.begin(plan);
    const batches = await ledger.nextBatches(plan.planId, 0, 1000, { units: 1000, bytes: 1e12 });
    for (const { units } of batches) {
      const batch = { planId: plan.planId, transactionId, worker: worker.name, units, attempts: 1 };
      const { held } = await loadBatch(batch, { worker, ledger });
      if (held.length > 0) throw new Error(`held: ${JSON.stringify(held)}`);
    }
    await commit(this, plan.planId, transactionId);
    return transactionId;
  }

  /** A catalog that is loaded and published. */
  async published(input: Input): Promise<Registered> {
    const plan = await this.register(input);
    await this.load(plan);
    await this.controller.publish(plan.database);
    return plan;
  }

  /** Table names and rows, counted by a scan. */
  async rows(database: string): Promise<[string, number][]> {
    return (await this.controller.countRows(database)).map(({ table, rows }) => [table, rows]);
  }

  /** Faults of an input as `path: message`. */
  async faultsOf(input: Input): Promise<string[]> {
    return faultsIn(planCampaign(input, 'k', this.services));
  }

  async close(): Promise<void> {
    await this.worker.close();
    await this.controller.close();
    await this.metadata.close();
  }
}
