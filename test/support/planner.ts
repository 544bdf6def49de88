import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type PlanServices, planCampaign } from '../../ingest/campaign/plan';
import { IngestError } from '../../ingest/core/errors';
import { type Metadata, openMetadata } from '../../ingest/storage/metadata';
import { PostgresLedger } from '../../ingest/storage/metadata/ledger';
import type { Input } from './planning';
import { freshDatabase, privateDir } from './servers';

const EXAMPLES = join(__dirname, '..', '..', 'examples');

/** Planning alone: inputs over a copy of the examples that a test may change, plans in a database of its own. */
export class Planner {
  private constructor(
    private readonly metadata: Metadata,
    readonly ledger: PostgresLedger,
    /** The copy of the examples; source root `examples`. */
    readonly folder: string,
    readonly services: PlanServices & { ledger: PostgresLedger },
  ) {}

  static async open(): Promise<Planner> {
    const metadata = openMetadata(await freshDatabase());
    await metadata.migrate();
    const ledger = new PostgresLedger(metadata);
    const folder = privateDir('plan');
    await cp(EXAMPLES, folder, { recursive: true });
    const sources = { roots: { examples: folder }, stallSeconds: 5 };
    return new Planner(metadata, ledger, folder, {
      defaultTarget: 'local',
      targets: ['local', 'other'],
      sources,
      ledger,
    });
  }

  close(): Promise<void> {
    return this.metadata.close();
  }

  async example(): Promise<Input> {
    return JSON.parse(await readFile(join(EXAMPLES, 'test101', 'campaign.json'), 'utf8'));
  }

  async definition(table: string): Promise<Input> {
    return JSON.parse(await readFile(join(EXAMPLES, 'test101', `table_${table}.json`), 'utf8'));
  }

  /** Faults of the example with a change, as `path: message`. Throws if something was stored. */
  async faultsOf(change: (input: Input) => unknown): Promise<string[]> {
    const input = await this.example();
    await change(input);
    const before = await this.countPlans();
    const error = await planCampaign(input, 'k', this.services).then(
      () => undefined,
      (e: unknown) => e,
    );
    if ((await this.countPlans()) !== before) throw new Error('a plan was stored');
    if (!(error instanceof IngestError)) throw error ?? new Error('the input was accepted');
    if (error.code !== 'INVALID_INPUT') throw error;
    return (error.details.faults as { path: string; message: string }[]).map((f) => `${f.path}: ${f.message}`);
  }

  async countPlans(): Promise<number> {
    const [row] = await this.metadata.run((sql) => sql<{ n: number }[]>`SELECT count(*) AS n FROM campaign.plan`);
    return row?.n ?? 0;
  }
}
