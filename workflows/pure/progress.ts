import type { LedgerReport } from '../../activities/campaign';
import type { CampaignProgress, CampaignTableProgress, RepublishProgress } from '../../api/campaign/progress';
import type { PlanSummary, UnitState } from '../../ingest/campaign/ledger';
import type { CampaignSettings } from '../../ingest/campaign/settings';

/** Progress of a campaign that has just begun. */
export function initialProgress(workflowId: string): CampaignProgress {
  return {
    phase: 'claiming',
    workflowId,
    target: '',
    database: '',
    planId: null,
    totals: { transactions: 0, units: 0, contributions: 0, bytes: 0, alreadyCommitted: 0 },
    tables: [],
    transactions: { planned: 0, committed: 0, aborted: 0, open: 0 },
    held: [],
    heldTotal: 0,
    published: false,
    finished: null,
    republishes: [],
  };
}

export function withSettings(progress: CampaignProgress, { target, database }: CampaignSettings): CampaignProgress {
  return { ...progress, target, database };
}

export function withPlan(progress: CampaignProgress, plan: PlanSummary): CampaignProgress {
  const { planId, transactions, units, contributions, bytes, alreadyCommitted } = plan;
  return {
    ...progress,
    planId,
    totals: { transactions, units, contributions, bytes, alreadyCommitted },
    transactions: { ...progress.transactions, planned: transactions },
    tables: plan.tables.map(({ table, kind, units }) => ({
      table,
      kind,
      units,
      unitsDone: 0,
      unitsHeld: 0,
      rows: 0,
      bytes: 0,
    })),
  };
}

/** Folds what the ledger says into the progress. */
export function withLedger(progress: CampaignProgress, { tables, held, transactions }: LedgerReport): CampaignProgress {
  const byName = new Map(tables.map((table) => [table.table, table]));
  const now = progress.tables.map((table) => withTable(table, byName.get(table.table)));
  return {
    ...progress,
    totals: { ...progress.totals, units: now.reduce((total, { units }) => total + units, 0) },
    tables: now,
    held: held.units,
    heldTotal: held.total,
    transactions: { ...progress.transactions, ...transactions },
  };
}

function withTable(table: CampaignTableProgress, now?: LedgerReport['tables'][number]): CampaignTableProgress {
  if (!now) return table;
  const { byState, rows, bytes } = now;
  return {
    ...table,
    units: sum(byState, ['planned', 'loaded', 'committed', 'held', 'skipped']),
    unitsDone: sum(byState, ['loaded', 'committed']),
    unitsHeld: byState.held,
    rows,
    bytes,
  };
}

/** What the progress says of the whole catalog, put aside while a republish shows its own. */
export type CatalogProgress = Pick<CampaignProgress, 'planId' | 'totals' | 'tables' | 'transactions'>;

export function catalogProgress({ planId, totals, tables, transactions }: CampaignProgress): CatalogProgress {
  return { planId, totals, tables, transactions };
}

/** The catalog's progress after a republish: its tables in the place of those that it replaced, without those that it removed. */
export function withRepublished(
  now: CampaignProgress,
  before: CatalogProgress,
  { replaced, removed }: Pick<RepublishProgress, 'replaced' | 'removed'>,
): CampaignProgress {
  const gone = new Set([...removed, ...replaced.map(({ table }) => table)]);
  return { ...now, ...before, tables: [...before.tables.filter(({ table }) => !gone.has(table)), ...now.tables] };
}

/** Units that are neither committed nor skipped; 0 when the catalog may be published. */
export function unfinished({ tables }: LedgerReport): number {
  return tables.reduce((total, { byState }) => total + sum(byState, ['planned', 'loaded', 'held']), 0);
}

function sum(byState: Record<UnitState, number>, states: readonly UnitState[]): number {
  return states.reduce((total, state) => total + byState[state], 0);
}
