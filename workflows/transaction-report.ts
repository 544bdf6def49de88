import { getExternalWorkflowHandle, setCurrentDetails } from '@temporalio/workflow';
import type { BatchResult } from '../ingest/campaign/load-batch';
import { newsSignal } from './messages';

/**
 * The campaign is told of news when a tenth of the time since the last run began has passed again, within these bounds
 * (milliseconds): often at first, and no more than a few thousand times in days.
 */
const SOONEST = 1_000;
const LATEST = 60_000;

/** Tells the campaign to look at the ledger, and which super-transactions a cancellation made this one abort. */
export async function tellCampaign(workflowId: string, aborted: number[] = []): Promise<void> {
  await getExternalWorkflowHandle(workflowId).signal(newsSignal, aborted);
}

/** Keeps a super-transaction's current details and tells its campaign, now and then, to look at the ledger. */
export class TransactionReport {
  private readonly tables = new Map<string, { units: number; rows: number; held: number }>();
  private readonly began = Date.now();
  private told = Date.now();

  constructor(
    private readonly campaign: string,
    private readonly transactionId: number,
  ) {}

  async add({ loaded, held }: BatchResult): Promise<void> {
    for (const { table, rows } of loaded) this.count(table, 1, rows, 0);
    for (const { table } of held) this.count(table, 0, 0, 1);
    this.show();
    const now = Date.now();
    if (now - this.told < Math.min(LATEST, Math.max(SOONEST, (now - this.began) / 10))) return;
    this.told = now;
    await tellCampaign(this.campaign);
  }

  private count(table: string, units: number, rows: number, held: number): void {
    const sum = this.tables.get(table) ?? { units: 0, rows: 0, held: 0 };
    this.tables.set(table, { units: sum.units + units, rows: sum.rows + rows, held: sum.held + held });
  }

  private show(): void {
    const rows = [...this.tables].map(([table, s]) => `| ${table} | ${s.units} | ${s.rows} | ${s.held} |`);
    setCurrentDetails(
      [
        `Super-transaction **${this.transactionId}**, as far as this run goes`,
        '',
        '| table | units loaded | rows | held |',
        '|---|--:|--:|--:|',
        ...rows,
      ].join('\n'),
    );
  }
}
