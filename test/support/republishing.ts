import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { finishRepublish, openRepublish } from '../../ingest/campaign/carry-out';
import { readSettings } from '../../ingest/campaign/plan';
import { registerCatalog } from '../../ingest/campaign/register';
import { planRepublish } from '../../ingest/campaign/republish';
import { type Campaigns, exampleInput, filterInput, type Input, type Registered } from './planning';
import { uniqueName } from './servers';

/** Republishing a catalog of regular tables: Filter with nine rows and Band with two, whose files a test may replace. */

const ROWS = { Filter: 9, Band: 2 };

/** A table like Filter with so many rows. */
async function regularTable(campaigns: Campaigns, name: string, rows: number): Promise<Input> {
  const file = `${uniqueName(name)}.csv`;
  const lines = Array.from({ length: rows }, (_, i) => `${i}\t${name.slice(0, 1)}\t0\t0\n`);
  await writeFile(join(campaigns.folder, file), lines.join(''));
  const [{ definition }] = (await filterInput()).tables;
  const { database, ...rest } = definition;
  return { definition: { ...rest, table: name }, contributions: [{ files: [{ url: `root://own/${file}` }] }] };
}

/** A published catalog, and a claim on it by the campaign of its name. */
export class Republishing {
  private constructor(
    readonly campaigns: Campaigns,
    readonly input: Input,
    readonly database: string,
  ) {}

  static async open(campaigns: Campaigns): Promise<Republishing> {
    const input = await exampleInput();
    input.tables = await Promise.all(Object.entries(ROWS).map(([name, rows]) => regularTable(campaigns, name, rows)));
    const { database } = await campaigns.published(input);
    const republishing = new Republishing(campaigns, input, database);
    await campaigns.ledger.claim(republishing.claim, async () => true);
    return republishing;
  }

  get claim() {
    return { target: 'local', database: this.database, workflowId: this.database, firstRunId: 'run' };
  }

  table(name: string, rows: number): Promise<Input> {
    return regularTable(this.campaigns, name, rows);
  }

  /** A request that is planned. */
  async planned(request: Input): Promise<Registered> {
    const settings = await readSettings(this.input, this.campaigns.services);
    const full = { adminKey: `\${env:K}`, ...request };
    const { plan } = await planRepublish(full, settings, uniqueName('key'), this.campaigns.services);
    return { planId: plan.planId, database: this.database };
  }

  /** One whose tables are registered in the unpublished database. */
  async registered(request: Input): Promise<Registered> {
    const plan = await this.planned(request);
    await openRepublish(this.campaigns, plan.planId);
    await registerCatalog(this.campaigns, plan.planId);
    return plan;
  }

  /** One whose rows are committed. */
  async loaded(request: Input): Promise<Registered> {
    const plan = await this.registered(request);
    await this.campaigns.load(plan);
    return plan;
  }

  async done(request: Input): Promise<Registered> {
    const plan = await this.loaded(request);
    await finishRepublish(this.campaigns, plan.planId);
    return plan;
  }

  /** Rows by table; `published` as well. */
  async state() {
    const { isPublished } = await this.campaigns.controller.database(this.database);
    return { isPublished, rows: Object.fromEntries(await this.campaigns.rows(this.database)) };
  }

  /** What the ledger counts as committed: tables and URLs of their files' provenance. */
  async ledger() {
    const committed = await this.campaigns.ledger.committedUnits('local', this.database);
    return [...committed.values()].map(({ table }) => table).sort();
  }
}
