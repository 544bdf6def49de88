import { getExternalWorkflowHandle, setCurrentDetails } from '@temporalio/workflow';
import type { BatchResult } from '../ingest/campaign/load-batch';
import { newsSignal } from './messages';

/** How often, per page of batches, the campaign is told that the ledger has news. */
const NEWS_PER_PAGE = 10;

/** Keeps a super-transaction's current details and tells its campaign, now and then, to look at the ledger. */
export class TransactionReport {
  private readonly tables = new Map<string, { units: number; rows: number; held: number }>();
  private done = 0;
  private every = 1;

  constructor(
    private readonly campaign: string,
    private readonly transactionId: number,
  ) {}

  /** A page of so many batches begins. */
  expect(batches: number): void {
    this.every = Math.ceil(batches / NEWS_PER_PAGE);
  }

  async add({ loaded, held }: BatchResult): Promise<void> {
    for (const { table, rows } of loaded) this.count(table, 1, rows, 0);
    for (const { table } of held) this.count(table, 0, 0, 1);
    this.show();
    this.done++;
    if (this.done % this.every === 0) await getExternalWorkflowHandle(this.campaign).signal(newsSignal, []);
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
