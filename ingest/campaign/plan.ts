import { type Campaign, checkCampaignInput, parseCampaignInput } from '../../api/campaign/input';
import type { Controller } from '../controller/controller';
import { invalidInput } from '../core/errors';
import { ChunkGeometry } from '../core/geometry';
import { type SourceRules, shownUrl } from '../source';
import type { CampaignLedger, Plan, PlannedUnit, PlanSummary, TableInUse, TableTotals } from './ledger';
import { type Catalog, type CatalogTable, readCatalog, readDatabase } from './planning/catalog';
import { Faults } from './planning/faults';
import { listFiles, type PlannedFile } from './planning/files';
import { inspectFiles } from './planning/inspect';
import { findStanding, withoutStanding } from './planning/standing';
import { cutTransactions, type DraftUnit, digest, digestOfUnits, groupUnits, plannedUnits } from './planning/units';
import type { CampaignSettings } from './settings';

export interface PlanServices {
  defaultTarget: string;
  /** Names of all targets. */
  targets: string[];
  sources: SourceRules;
  /** Without it (a dry run without databases) nothing counts as committed already. */
  ledger?: CampaignLedger;
  /** Without it nothing is compared with what is registered. */
  controller?: (target: string) => Controller;
}

export interface PlanProgress {
  step: 'definitions' | 'files' | 'grouping' | 'storing';
  files: number;
  bytes: number;
}

export interface PlanOptions {
  signal?: AbortSignal;
  /** Called often; must be cheap. */
  onProgress?: (progress: PlanProgress) => void;
}

/** A plan that is not stored yet. */
export interface DraftPlan {
  plan: Omit<Plan, 'units'>;
  /** Makes the units anew with each call, one at a time. */
  units(): Iterable<PlannedUnit>;
  /** Tables whose committed units are gone with them. */
  gone: TableInUse[];
}

/**
 * Checks an input's form and reads what the workflow must know of it. Errors: INVALID_INPUT with every fault by its path,
 * SOURCE_BROKEN while the database's definition cannot be read.
 */
export async function readSettings(
  input: unknown,
  services: PlanServices,
  signal?: AbortSignal,
): Promise<CampaignSettings> {
  const campaign = parseCampaignInput(input);
  const faults = new Faults();
  const target = targetOf(campaign, services, faults);
  const database = await readDatabase(campaign, services.sources, faults, signal);
  faults.check();
  const { owner = '', keepOpen, onFailure, rollback, batch, parallel, attempts, waits } = campaign;
  const name = database?.name ?? '';
  return { target, database: name, owner, keepOpen, onFailure, rollback, batch, parallel, attempts, waits };
}

/**
 * Reads and checks everything that an input names, and groups its files into load units and super-transactions. Changes
 * nothing. `key` makes the plan's id its own: the same files planned for two campaigns are two plans.
 * Errors: INVALID_INPUT with every fault by its path; SOURCE_BROKEN, UNAVAILABLE.
 */
export async function draftPlan(
  input: unknown,
  key: string,
  services: PlanServices,
  { signal, onProgress }: PlanOptions = {},
): Promise<DraftPlan> {
  const checked = checkCampaignInput(input);
  if (checked.campaign === undefined) throw invalidInput('the campaign input is not valid', checked.faults);
  const { campaign } = checked;
  const faults = new Faults();
  const target = targetOf(campaign, services, faults);
  const progress: PlanProgress = { step: 'definitions', files: 0, bytes: 0 };
  const tell = (step: PlanProgress['step']) => onProgress?.(Object.assign(progress, { step }));

  tell('definitions');
  const controller = faults.any ? undefined : services.controller?.(target);
  const catalog = await readCatalog(campaign, { sources: services.sources, controller }, faults, signal);
  if (catalog === undefined) throw faults.error();

  const drafts: DraftUnit[] = [];
  const geometry = new ChunkGeometry(catalog.database.numStripes, catalog.database.numSubStripes);
  for (const table of catalog.tables) {
    const files = await tableFiles(campaign, table, geometry, services.sources, faults, signal, (file) => {
      progress.files++;
      progress.bytes += file.bytes ?? 0;
      tell('files');
    });
    tell('grouping');
    for (const unit of await groupUnits(table, files)) drafts.push(unit);
  }

  const standing = services.ledger && (await findStanding(services.ledger, target, catalog, controller));
  const wanted = standing ? withoutStanding(drafts, standing, catalog, faults) : drafts;
  faults.check();
  const { plan, units } = draft(campaign, target, key, catalog, wanted, drafts.length - wanted.length);
  return { plan, units, gone: standing?.gone ?? [] };
}

/**
 * As `draftPlan`, and stores the plan in the ledger, which forgets what was committed into tables that are gone. The same input under the same key again gives the same plan, unless its
 * files have changed in between.
 */
export async function planCampaign(
  input: unknown,
  key: string,
  services: PlanServices & { ledger: CampaignLedger },
  options: PlanOptions = {},
): Promise<PlanSummary> {
  const { plan, units, gone } = await draftPlan(input, key, services, options);
  const { contributions, bytes, target, database } = plan.summary;
  for (const { table, created } of gone) await services.ledger.forget(target, database, table, created);
  options.onProgress?.({ step: 'storing', files: contributions, bytes });
  await services.ledger.savePlan(plan, units());
  return plan.summary;
}

function targetOf(campaign: Campaign, { defaultTarget, targets }: PlanServices, faults: Faults): string {
  const target = campaign.target ?? defaultTarget;
  if (!targets.includes(target)) {
    faults.add('target', `there is no target '${target}'; the configuration has ${targets.join(', ')}`);
  }
  return target;
}

/** All files of a table that are there, with their facts. */
async function tableFiles(
  campaign: Campaign,
  table: CatalogTable,
  geometry: ChunkGeometry,
  rules: SourceRules,
  faults: Faults,
  signal: AbortSignal | undefined,
  seen: (file: PlannedFile) => void,
): Promise<PlannedFile[]> {
  const files: PlannedFile[] = [];
  const urls = new Map<string, string>();
  const groups = campaign.tables[table.index]?.contributions ?? [];
  for (const [j, group] of groups.entries()) {
    const path = `tables[${table.index}].contributions[${j}]`;
    const listed = listFiles(group, path, { base: campaign.base, table, geometry, rules, faults });
    await inspectFiles(
      listed,
      table,
      rules,
      faults,
      (file) => {
        const earlier = urls.get(file.url);
        if (earlier !== undefined)
          faults.add(file.path, `${shownUrl(file.url)} is named already by ${earlier}; its rows would be loaded twice`);
        urls.set(file.url, file.path);
        files.push(file);
        seen(file);
      },
      signal,
    );
  }
  return files;
}

function draft(
  campaign: Campaign,
  target: string,
  key: string,
  catalog: Catalog,
  units: DraftUnit[],
  alreadyCommitted: number,
): Omit<DraftPlan, 'gone'> {
  const transactions = cutTransactions(
    units.map((unit) => unit.bytes),
    campaign.transactionBytes,
  );
  const tables = catalog.tables.map(({ definition }) => definition);
  const { quality, maxNumWarnings } = campaign;
  const fingerprint = digest([
    1,
    target,
    catalog.database,
    tables,
    quality,
    maxNumWarnings,
    digestOfUnits(units, transactions),
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
  const plan = { summary, databaseDefinition: catalog.database, tables, quality, maxNumWarnings };
  return { plan, units: () => plannedUnits(units, transactions) };
}

function totalsOf(tables: CatalogTable[], units: DraftUnit[]): TableTotals[] {
  const totals = new Map(
    tables.map((table) => {
      const { name, kind } = table.definition;
      return [table.index, { table: name, kind, units: 0, contributions: 0, bytes: 0 }];
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
