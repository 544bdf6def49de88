import type { Controller, DatabaseDescriptor, PublishOptions } from '../controller/controller';
import { IngestError } from '../core/errors';
import { isEnded } from '../core/transactions';
import type { CampaignLedger, Plan } from './ledger';
import { checkTables, createTimesOf, isThere } from './register';

interface Services {
  controller: Controller;
  ledger: CampaignLedger;
}

export interface RepublishReport {
  publishTime: number;
  /** Final tables that this call finished by rename and by copy. */
  renamed: number;
  copied: number;
  /** Replaced tables, and for how long readers saw neither version, whichever process did it. */
  replaced: { table: string; gapMs: number }[];
}

/**
 * The first change of a planned republish: notes that it has begun, so that whoever comes after a death here publishes the database
 * again, and unpublishes it. Readers see nothing of that, unless the target must delete tables to make room for others. Safe to
 * repeat. ILLEGAL_STATE when the republish is over.
 */
export async function openRepublish({ controller, ledger }: Services, planId: string): Promise<void> {
  const { republish, summary } = await ledger.plan(planId);
  const { target, database } = summary;
  const state = await ledger.noteRepublish(planId, 'begun');
  if (state === 'done' || state === 'undone') throw isOver(planId, state);
  if (state !== 'begun') return;
  await controller.unpublish(database);
  const there = createTimesOf((await controller.database(database)).tables);
  for (const { table, created } of republish?.makesRoom ?? []) {
    // One of that name that is younger was registered by this republish.
    if (!isThere({ table, created }, there)) continue;
    await controller.deleteTable(database, table);
    await ledger.forget(target, database, table, created);
  }
}

/**
 * Once all its rows are committed: deletes the tables that the republish removes, and publishes the database, which puts next
 * versions into their places. Safe to repeat, also when it was done already. UNKNOWN_TABLE as `checkTables`; ILLEGAL_STATE when the
 * republish was undone; OPEN_TRANSACTIONS before anything is removed; else as Controller.publish.
 */
export async function finishRepublish(
  services: Services,
  planId: string,
  options: PublishOptions = {},
  signal?: AbortSignal,
): Promise<RepublishReport> {
  await checkTables(services, planId);
  return completeRepublish(services, planId, options, async () => signal?.throwIfAborted());
}

/** As `finishRepublish`, with whatever tables are there. `may` is asked before each change, and throws where it must not be made. */
export async function completeRepublish(
  { controller, ledger }: Services,
  planId: string,
  options: PublishOptions,
  may: () => Promise<unknown>,
): Promise<RepublishReport> {
  const plan = await ledger.plan(planId);
  const { target, database } = plan.summary;
  const finished = { renamed: 0, copied: 0 };
  const state = await ledger.noteRepublish(planId, 'finishing');
  if (state === 'undone') throw isOver(planId, state);
  if (state === 'finishing') {
    const going = await remaining(controller, plan);
    // Publishing would refuse, and what was removed by then does not come back.
    if (going.length > 0) await requireNoneOpen(controller, database);
    for (const table of going) {
      await may();
      await controller.unpublish(database);
      await controller.deleteTable(database, table);
      await ledger.forget(target, database, table);
    }
    await may();
    const { renamed, copied } = await controller.publish(database, options);
    Object.assign(finished, { renamed, copied });
    await ledger.replaced(planId);
  }
  const descriptor = await controller.database(database);
  return { publishTime: descriptor.publishTime, ...finished, replaced: gaps(plan, descriptor) };
}

async function requireNoneOpen(controller: Controller, database: string): Promise<void> {
  const open = (await controller.transactions({ database })).filter(({ state }) => !isEnded(state));
  if (open.length === 0) return;
  const names = open.map(({ id, state }) => `${id} (${state})`).join(', ');
  const message = `database has uncommitted transactions: ${names}; commit or abort them`;
  throw new IngestError('OPEN_TRANSACTIONS', message, { database, transactions: open.map(({ id }) => id) });
}

/** Tables that are to be removed and are still there. */
async function remaining(controller: Controller, { republish, summary }: Omit<Plan, 'units'>): Promise<string[]> {
  const { tables } = await controller.database(summary.database);
  return (republish?.removes ?? []).filter((name) => tables.some((t) => t.definition.name === name));
}

/** The tables that a republish which is done replaced, and for how long readers saw neither version. */
export async function replacedBy(
  { controller, ledger }: Services,
  planId: string,
): Promise<RepublishReport['replaced']> {
  const plan = await ledger.plan(planId);
  return gaps(plan, await controller.database(plan.summary.database));
}

function gaps({ republish }: Omit<Plan, 'units'>, { tables }: DatabaseDescriptor): RepublishReport['replaced'] {
  return Object.values(republish?.replaces ?? {}).flatMap((name) => {
    const { replaced } = tables.find((t) => t.definition.name === name) ?? {};
    return replaced?.shown ? [{ table: name, gapMs: replaced.shown - replaced.hidden }] : [];
  });
}

function isOver(planId: string, state: string): IngestError {
  return new IngestError('ILLEGAL_STATE', `the republish of plan ${planId} is over: ${state}`, { planId, state });
}
