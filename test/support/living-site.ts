import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import type { CampaignInput } from '../../api/campaign/input';
import {
  type CampaignPhase,
  type CampaignProgress,
  isRepublishOver,
  type RepublishProgress,
} from '../../api/campaign/progress';
import type { RepublishInput } from '../../api/campaign/republish';
import type { MariaDbServer } from '../../dev/mariadb';
import type { Stack } from '../../dev/stack';
import { DataServer } from '../../ingest/storage/data/connection';
import { CampaignStack } from './campaign-stack';
import { CatalogReader } from './catalog-reader';
import type { TableFacts } from './checksum';
import { type LivingCatalog, writeLivingCatalog } from './living-catalog';
import { privateDir } from './servers';

/** Waits of campaigns that are in a hurry. */
const FAST = { heartbeatSeconds: 6, retryMaximumSeconds: 1, progressSeconds: 0.2 };

/** What every request to republish the living catalog needs. */
export const ADMIN = { adminKey: `\${env:QSERV_ADMIN_AUTH_KEY}`, base: 'root://generated/' };

type RepublishRequest = Omit<RepublishInput, 'adminKey'> & { adminKey?: string };

/** A stack whose campaigns publish the living catalog, each as a database of its own, and change it. Stop it. */
export class LivingSite {
  /** The MariaDB servers as those who read the catalogs have them. */
  readonly master: DataServer;
  readonly workers: ReadonlyMap<string, DataServer>;

  private constructor(
    private readonly campaigns: CampaignStack,
    readonly catalog: LivingCatalog,
    private readonly dir: string,
  ) {
    const reader = (name: string, { mysql }: MariaDbServer) => new DataServer(name, mysql, { connections: 4 });
    this.master = reader('master', this.stack.master);
    this.workers = new Map([...this.stack.workers].map(([name, server]) => [name, reader(name, server)]));
  }

  static async start(): Promise<LivingSite> {
    const dir = privateDir('catalog');
    const catalog = writeLivingCatalog(dir);
    return new LivingSite(await CampaignStack.start({ generated: dir }), catalog, dir);
  }

  get stack(): Stack {
    return this.campaigns.stack;
  }

  async start(database: string, input: CampaignInput): Promise<WorkflowHandle> {
    await this.campaigns.startCampaign(database, { ...input, waits: FAST });
    return this.handle(database);
  }

  /** Starts a campaign and returns when the catalog is published; it stays open. */
  async published(database: string, more: Partial<CampaignInput> = {}): Promise<WorkflowHandle> {
    const handle = await this.start(database, this.catalog.campaign(database, more));
    await this.until(database, ['published']);
    return handle;
  }

  handle(database: string): WorkflowHandle {
    return this.campaigns.client.workflow.getHandle(id(database));
  }

  progress(database: string): Promise<CampaignProgress> {
    return this.campaigns.progress(id(database));
  }

  until(database: string, phases: CampaignPhase[]): Promise<CampaignProgress> {
    return this.campaigns.until(id(database), phases);
  }

  /** By update, which is answered early when the campaign begins a new run; then its own word counts. */
  async republish(database: string, request: RepublishRequest): Promise<RepublishProgress> {
    const args: [unknown] = [{ ...ADMIN, ...request }];
    const answer = await this.handle(database).executeUpdate<RepublishProgress, [unknown]>('republish', { args });
    return isRepublishOver(answer) ? answer : this.outcome(database, answer.requestId);
  }

  /** Waits until the campaign says that the request is over. */
  async outcome(database: string, requestId: string): Promise<RepublishProgress> {
    for (let i = 0; i < 600; i++) {
      const { republishes } = await this.progress(database);
      const entry = republishes.find((one) => one.requestId === requestId);
      if (entry && isRepublishOver(entry)) return entry;
      await sleep(100);
    }
    throw new Error(`republish ${requestId} of ${database} does not end`);
  }

  reader(database: string, table: string): CatalogReader {
    return new CatalogReader(this.master, this.workers, database, table);
  }

  /** Facts of one base table on all workers; fails when it is hidden. */
  async facts(database: string, table: string): Promise<Record<string, TableFacts>> {
    const reading = await this.reader(database, table).read();
    if (reading === undefined || reading.hidden) throw new Error(`${database}.${table} is hidden`);
    return reading.tables;
  }

  /** Gives a chunk's file of a folder a row that cannot be loaded; what is returned mends it. */
  spoil(folder: string, chunk: number | undefined): () => void {
    const file = join(this.dir, folder, `chunk_${chunk}.csv`);
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace(/^\d+,/, 'x,'));
    return () => writeFileSync(file, text);
  }

  async stop(): Promise<void> {
    await Promise.all([this.master, ...this.workers.values()].map((server) => server.close()));
    await this.campaigns.stop();
  }
}

const id = (database: string) => `ingest:local:${database}`;

/** Of all tables together. */
export function rowsOf(tables: Record<string, TableFacts>): number {
  return Object.values(tables).reduce((sum, { rows }) => sum + rows, 0);
}
