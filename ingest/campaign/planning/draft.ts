import type { Campaign } from '../../../api/campaign/input';
import type { CampaignLedger, Plan, PlannedUnit, PlanSummary, Republish, TableInUse, TableTotals } from '../ledger';
import type { Catalog, CatalogTable } from './catalog';
import type { PlanOptions } from './progress';
import { cutTransactions, type DraftUnit, digest, digestOfUnits, plannedUnits } from './units';

/** A plan that is not stored yet. */
export interface DraftPlan {
  plan: Omit<Plan, 'units'>;
  /** Makes the units anew with each call, one at a time. */
  units(): Iterable<PlannedUnit>;
  /** Tables whose committed units are gone with them. */
  gone: TableInUse[];
}

export interface DraftRequest {
  campaign: Pick<Campaign, 'quality' | 'maxNumWarnings' | 'requestId'> & { transactionBytes: number };
  target: string;
  /** Makes the plan's id its own. */
  key: string;
  catalog: Pick<Catalog, 'database' | 'tables'>;
  units: DraftUnit[];
  alreadyCommitted: number;
  republish?: Republish;
}

export function draft(request: DraftRequest): Omit<DraftPlan, 'gone'> {
  const { campaign, target, key, catalog, units, alreadyCommitted, republish } = request;
  const transactions = cutTransactions(
    units.map((unit) => unit.bytes),
    campaign.transactionBytes,
  );
  const tables = catalog.tables.map(({ definition, version = definition.name }) => ({ ...definition, name: version }));
  const finishing = Object.fromEntries(catalog.tables.map((table) => [table.definition.name, table.finishing]));
  const { quality, maxNumWarnings } = campaign;
  const fingerprint = digest([
    1,
    target,
    catalog.database,
    tables,
    quality,
    maxNumWarnings,
    digestOfUnits(units, transactions),
    finishing,
    republish,
  ]);
  const totals = totalsOf(catalog.tables, units);
  const sum = (field: 'units' | 'contributions' | 'bytes') => totals.reduce((total, table) => total + table[field], 0);
  const summary: PlanSummary = {
    planId: digest([key, fingerprint]).slice(0, 20),
    target,
    database: catalog.database.name,
    fingerprint,
    transactions: (transactions.at(-1) ?? -1) + 1,
    units: sum('units'),
    contributions: sum('contributions'),
    bytes: sum('bytes'),
    tables: totals,
    alreadyCommitted,
    ...(campaign.requestId === undefined ? {} : { requestId: campaign.requestId }),
  };
  const plan = {
    summary,
    databaseDefinition: catalog.database,
    tables,
    quality,
    maxNumWarnings,
    finishing,
    ...(republish === undefined ? {} : { republish }),
  };
  return { plan, units: () => plannedUnits(units, transactions) };
}

/** Stores the plan in the ledger, which forgets what was committed into tables that are gone. */
export async function storePlan(
  { plan, units, gone }: DraftPlan,
  ledger: CampaignLedger,
  { onProgress }: PlanOptions,
): Promise<PlanSummary> {
  const { contributions, bytes, target, database } = plan.summary;
  for (const { table, created } of gone) await ledger.forget(target, database, table, created);
  onProgress?.({ step: 'storing', files: contributions, bytes });
  await ledger.savePlan(plan, units());
  return plan.summary;
}

function totalsOf(tables: CatalogTable[], units: DraftUnit[]): TableTotals[] {
  const totals = new Map(
    tables.map((table) => {
      const { name, kind } = table.definition;
      return [table.index, { table: table.version ?? name, kind, units: 0, contributions: 0, bytes: 0 }];
    }),
  );
  for (const unit of units) {
    const entry = totals.get(unit.table.index);
    if (entry === undefined) continue;
    entry.units++;
    entry.contributions += unit.files.length;
    entry.bytes += unit.bytes;
  }
  return [...totals.values()];
}
