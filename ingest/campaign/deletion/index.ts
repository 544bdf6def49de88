import type { DeletionInput } from '../../../api/campaign/deletion';
import type { Controller } from '../../controller/controller';
import { IngestError, invalidInput } from '../../core/errors';
import { describeDatabase } from '../describe-database';
import { type CampaignLedger, type Claim, holdsClaim } from '../ledger';
import { endDeadTransactions, endLeftovers } from '../transactions';
import { type DeletionPlan, type PlannedTable, planDeletion } from './plan';

export type { DeletionPlan, PlannedTable } from './plan';
export { planDeletion } from './plan';

interface Services {
  controller: Controller;
  ledger: CampaignLedger;
}

export interface OpenServices extends Services {
  /** Asks Temporal whether the holder's chain of runs has ended. */
  isOver(holder: Claim): Promise<boolean>;
  /** NOT_ALLOWED unless the reference leads to the target's administrator's key. */
  checkAdminKey(target: string, reference: string): void;
}

export interface OpenedDeletion extends DeletionPlan {
  /** Super-transactions of campaigns that died which were ended, a line each. */
  ended: string[];
}

/**
 * Claims the database, checks everything that can be refused, and only then ends what dead campaigns left open there. Safe to
 * repeat. Errors: CLAIMED naming the campaign and how to end it, INVALID_INPUT with every fault, NOT_ALLOWED; the claim is kept
 * then, to be given up by the caller.
 */
export async function openDeletion(
  services: OpenServices,
  input: Pick<DeletionInput, 'tables' | 'adminKey'>,
  claim: Claim,
): Promise<OpenedDeletion> {
  const { target, database } = claim;
  await takeClaim(services, claim);
  const allowed = async () => {
    const plan = await foresee(services, claim, input.tables);
    if (plan.published) checkKey(services, claim, input.adminKey);
    return plan;
  };
  const { whole } = await allowed();
  // A republish that died need not be brought to an end for a database that goes.
  const ended = await (whole ? endDeadTransactions : endLeftovers)(services, target, database);
  // What was ended may have taken tables away, put others in their place, or published some.
  return { ...(await allowed()), ended };
}

function checkKey(services: OpenServices, { target, database }: Claim, adminKey: string | undefined): void {
  if (adminKey === undefined) {
    const message = `database '${database}' is published: name the administrator's key as adminKey, as in \${env:ADMIN_KEY}`;
    throw new IngestError('NOT_ALLOWED', message, { database });
  }
  services.checkAdminKey(target, adminKey);
}

async function foresee(
  { controller, ledger }: Services,
  { target, database }: Claim,
  tables: string[] | undefined,
): Promise<DeletionPlan> {
  const all = await controller.databases();
  const found = all.find(({ name }) => name === database);
  if (found === undefined) {
    const message = `there is no database '${database}' on target '${target}'`;
    throw invalidInput('delete', [{ path: 'database', message }]);
  }
  const { plan, faults } = planDeletion(found, tables, await ledger.sizes(target, database), all);
  if (faults.length > 0) throw invalidInput('delete', faults);
  return plan;
}

async function takeClaim({ ledger, isOver }: OpenServices, claim: Claim): Promise<void> {
  try {
    await ledger.claim(claim, isOver);
  } catch (error) {
    if (!(error instanceof IngestError) || error.code !== 'CLAIMED') throw error;
    const { workflowId } = error.details;
    const how = `end it first: campaign close ${workflowId} if it is published, campaign abort ${workflowId} if it is not`;
    throw new IngestError('CLAIMED', `${error.message}; ${how}`, error.details);
  }
}

/**
 * Deletes one table and forgets what was committed into it; the provenance stays. Safe to repeat; does nothing once the claim is
 * another's, or when the table is gone or is a later one of that name: a call that was thought dead must not harm the next campaign.
 */
export async function deletePlannedTable(
  { controller, ledger }: Services,
  claim: Claim,
  { published }: Pick<DeletionPlan, 'published'>,
  { table, created }: PlannedTable,
): Promise<void> {
  const { target, database } = claim;
  if (!(await holdsClaim(ledger, claim))) return;
  const there = (await describeDatabase(controller, database))?.tables.find((t) => t.definition.name === table);
  if (there?.createTime === created) await controller.deleteTable(database, table, { published });
  await forget(ledger, target, database, { table, created });
}

/** Deletes the whole database, else as `deletePlannedTable`. */
export async function deletePlannedDatabase(
  services: Services,
  claim: Claim,
  { published, created, tables }: Pick<DeletionPlan, 'published' | 'created' | 'tables'>,
): Promise<void> {
  const { controller, ledger } = services;
  const { target, database } = claim;
  if (!(await holdsClaim(ledger, claim))) return;
  if ((await describeDatabase(controller, database))?.createTime === created) {
    await controller.deleteDatabase(database, { published });
  }
  for (const table of tables) await forget(ledger, target, database, table);
  // Nobody is to look for a republish in what is gone.
  if ((await describeDatabase(controller, database)) === undefined) await endLeftovers(services, target, database);
}

async function forget(
  ledger: CampaignLedger,
  target: string,
  database: string,
  { table, created }: Pick<PlannedTable, 'table' | 'created'>,
): Promise<void> {
  // Where nobody noted when the table was created, its name must do.
  for (const when of [created, null]) await ledger.forget(target, database, table, when);
}
