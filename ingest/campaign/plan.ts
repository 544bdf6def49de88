import { type Campaign, checkCampaignInput, parseCampaignInput } from '../../api/campaign/input';
import type { Controller } from '../controller/controller';
import { invalidInput } from '../core/errors';
import type { SourceRules } from '../source';
import type { CampaignLedger, PlanSummary } from './ledger';
import { readCatalog, readDatabase } from './planning/catalog';
import { type DraftPlan, draft, storePlan } from './planning/draft';
import { Faults } from './planning/faults';
import { bytesPerTransaction, checkReadable } from './planning/limits';
import { type PlanOptions, teller } from './planning/progress';
import { findStanding, withoutStanding } from './planning/standing';
import { draftUnits } from './planning/table-files';
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
  const { $schema, tables, requestId, owner = '', ...settings } = campaign;
  return { ...settings, target, database: database?.name ?? '', owner };
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
  const tell = teller(onProgress);

  tell('definitions');
  const controller = faults.any ? undefined : services.controller?.(target);
  const catalog = await readCatalog(campaign, { sources: services.sources, controller }, faults, signal);
  if (catalog === undefined) throw faults.error();

  const drafts = await draftUnits(catalog, { base: campaign.base, rules: services.sources, faults, signal, tell });
  checkReadable(drafts, controller?.capabilities, faults);
  const standing = services.ledger && (await findStanding(services.ledger, target, catalog, controller));
  const wanted = standing && !campaign.adopt ? withoutStanding(drafts, standing, catalog, faults) : drafts;
  faults.check();
  const transactionBytes = bytesPerTransaction(campaign.transactionBytes, controller?.capabilities);
  const { plan, units } = draft({
    campaign: { ...campaign, transactionBytes },
    target,
    key,
    catalog,
    units: wanted,
    alreadyCommitted: drafts.length - wanted.length,
  });
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
  return storePlan(await draftPlan(input, key, services, options), services.ledger, options);
}

function targetOf(campaign: Campaign, { defaultTarget, targets }: PlanServices, faults: Faults): string {
  const target = campaign.target ?? defaultTarget;
  if (!targets.includes(target)) {
    faults.add('target', `there is no target '${target}'; the configuration has ${targets.join(', ')}`);
  }
  return target;
}
