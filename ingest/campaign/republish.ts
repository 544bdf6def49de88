import type { Finish } from '../../api/campaign/finishing';
import { parseRepublishRequest } from '../../api/campaign/republish';
import type { Controller } from '../controller/controller';
import { IngestError } from '../core/errors';
import type { SourceRules } from '../source';
import { type CampaignLedger, type PlanSummary, shownName } from './ledger';
import { draft, storePlan } from './planning/draft';
import { Faults } from './planning/faults';
import { bytesPerTransaction, checkReadable } from './planning/limits';
import { type PlanOptions, teller } from './planning/progress';
import { readRepublishCatalog } from './planning/republish-catalog';
import { findStanding } from './planning/standing';
import { draftUnits } from './planning/table-files';
import type { CampaignSettings } from './settings';

export interface RepublishServices {
  sources: SourceRules;
  ledger: CampaignLedger;
  controller: (target: string) => Controller;
}

/** What a republish takes from its campaign. */
export type RepublishedCampaign = Pick<
  CampaignSettings,
  'target' | 'database' | 'base' | 'quality' | 'maxNumWarnings' | 'transactionBytes' | 'finish'
>;

/** A stored plan, and what people want to know of it. Tables have the names that they will have. */
export interface PlannedRepublish {
  plan: PlanSummary;
  adds: string[];
  replaces: string[];
  removes: string[];
  finish: Finish;
}

/**
 * Reads and checks everything that a request names, against the catalog as it will be, and stores the plan. Changes nothing else.
 * `key` makes the plan's id its own: take one for each request. Errors: INVALID_INPUT with every fault by its path; ILLEGAL_STATE
 * when this very plan was carried out already; SOURCE_BROKEN, UNAVAILABLE.
 */
export async function planRepublish(
  input: unknown,
  campaign: RepublishedCampaign,
  key: string,
  services: RepublishServices,
  options: PlanOptions = {},
): Promise<PlannedRepublish> {
  const request = parseRepublishRequest(input);
  const { sources: rules, ledger } = services;
  const { target, database } = campaign;
  const { quality, maxNumWarnings, transactionBytes, base = campaign.base, requestId } = request;
  const { signal, onProgress } = options;
  const faults = new Faults('republish');
  const tell = teller(onProgress);

  tell('definitions');
  const controller = services.controller(target);
  const catalog = await readRepublishCatalog(request, database, controller, { base, rules, faults, signal });
  if (catalog === undefined) throw faults.error();
  const units = await draftUnits(catalog, { base, rules, faults, signal, tell });
  checkReadable(units, controller.capabilities, faults);
  faults.check();

  const { republish } = catalog;
  const { gone } = await findStanding(ledger, target, catalog, controller);
  const drafted = draft({
    campaign: {
      quality: quality ?? campaign.quality,
      maxNumWarnings: maxNumWarnings ?? campaign.maxNumWarnings,
      transactionBytes: bytesPerTransaction(transactionBytes ?? campaign.transactionBytes, controller.capabilities),
      requestId,
    },
    target,
    key,
    catalog,
    units,
    // What an earlier republish left was dropped with its tables.
    alreadyCommitted: 0,
    republish,
  });
  const plan = await storePlan({ ...drafted, gone }, ledger, options);
  await requireNew(ledger, plan.planId);
  const tables = plan.tables.map((table) => ({ ...table, table: shownName({ republish }, table.table) }));
  const filled = tables.map(({ table }) => table);
  const deleted = republish.makesRoom?.map(({ table }) => table) ?? [];
  const replaces = [...Object.values(republish.replaces), ...deleted.filter((table) => filled.includes(table))];
  return {
    plan: { ...plan, tables },
    adds: filled.filter((table) => !replaces.includes(table)),
    replaces,
    removes: [...republish.removes, ...deleted.filter((table) => !filled.includes(table))],
    finish: request.finish ?? campaign.finish,
  };
}

/** A plan remembers what was loaded for it; the tables that it was loaded into are gone, or published. */
async function requireNew(ledger: CampaignLedger, planId: string): Promise<void> {
  const state = await ledger.republishState(planId);
  if (state !== 'done' && state !== 'undone') return;
  throw new IngestError('ILLEGAL_STATE', 'this republish was carried out already; send it under another request id', {
    planId,
    state,
  });
}
