import type { Controller, DatabaseDescriptor, TableDescriptor } from '../controller/controller';
import { completeRepublish } from './carry-out';
import { describeDatabase } from './describe-database';
import type { CampaignLedger, Plan } from './ledger';
import { createTimesOf, isThere } from './register';

interface Services {
  controller: Controller;
  ledger: CampaignLedger;
}

export interface RepublishEnd {
  /** False: undone, readers never saw anything of it. True: there was no way back, so it was brought to its end. */
  completed: boolean;
  /** What was done, a line each. */
  lines: string[];
}

/**
 * Undoes or completes a republish of which no super-transaction is open. `may` is asked before each change, and throws where it
 * must not be made.
 */
export async function endRepublish(
  services: Services,
  planId: string,
  may: () => Promise<unknown>,
): Promise<RepublishEnd> {
  const { controller, ledger } = services;
  const plan = await ledger.plan(planId);
  const state = await ledger.republishState(planId);
  if (state === 'done' || state === 'undone') return { completed: state === 'done', lines: [] };
  const { database } = plan.summary;
  const there = await describeDatabase(controller, database);
  const registered = await ledger.registered(planId);
  if (state === 'finishing' && there !== undefined && isUnderWay(plan, registered, there)) {
    await completeRepublish(services, planId, {}, may);
    return { completed: true, lines: [`completed the republish of ${database}, which readers could see already`] };
  }
  const lines = there === undefined ? [] : await dropTables(services, plan, registered, there, may);
  if (there?.isPublished === false) {
    await may();
    await controller.publish(database);
    const times = createTimesOf(there.tables);
    const gone = plan.republish?.makesRoom?.filter((table) => !isThere(table, times));
    const without = gone?.map(({ table }) => table).join(', ');
    lines.push(
      `published ${database} again, ${without ? `without ${without}, which had been deleted first` : 'as it was'}`,
    );
  }
  await ledger.noteRepublish(planId, 'undone');
  return { completed: false, lines };
}

/** Readers may have seen some of it: a table was removed, a next version began to take its place, an added table was published. */
function isUnderWay(
  { tables, republish }: Omit<Plan, 'units'>,
  registered: Map<string, number>,
  { tables: there }: DatabaseDescriptor,
): boolean {
  const found = (name: string) => there.find((t) => t.definition.name === name);
  if (republish?.removes.some((name) => found(name) === undefined)) return true;
  return tables.some(({ name }) => {
    const replaces = republish?.replaces[name];
    const last = found(replaces ?? name);
    const isLast = last !== undefined && last.createTime === registered.get(name);
    return (isLast && (replaces !== undefined || last.isPublished)) || found(name)?.replaced !== undefined;
  });
}

/** Deletes the plan's unpublished tables, dependents before their directors. */
async function dropTables(
  { controller, ledger }: Services,
  { tables, republish, summary: { target, database } }: Omit<Plan, 'units'>,
  registered: Map<string, number>,
  { tables: there }: DatabaseDescriptor,
  may: () => Promise<unknown>,
): Promise<string[]> {
  const lines: string[] = [];
  for (const { name } of [...tables].reverse()) {
    const replaces = republish?.replaces[name];
    const table = there.find((t) => t.definition.name === name);
    if (table === undefined || !isOurs(table, replaces, registered.get(name))) continue;
    await may();
    await controller.deleteTable(database, name);
    await ledger.forget(target, database, name, table.createTime);
    lines.push(replaces === undefined ? `dropped table ${name}` : `dropped the next version of ${replaces}`);
  }
  return lines;
}

/** Registering may have ended before anybody noted when the tables were made. */
function isOurs(table: TableDescriptor, replaces: string | undefined, created: number | undefined): boolean {
  if (table.isPublished || table.replaces !== replaces) return false;
  return created === undefined || table.createTime === created;
}
