import type { Controller, TableDescriptor } from '../controller/controller';
import { IngestError } from '../core/errors';
import { DUMMY_CHUNK } from '../core/names';
import { describeDatabase } from './describe-database';
import { type CampaignLedger, shownName, type TableInUse } from './ledger';

interface Services {
  controller: Controller;
  ledger: CampaignLedger;
}

/**
 * Registers the plan's database and tables, directors first as the plan orders them. What is there already and equal stays. Next
 * versions of published tables are registered as such; the database of a republish must be there, and unpublished.
 * A plan without files for chunks gets the dummy chunk allocated, since Qserv publishes no database without a chunk
 * (docs/contract/controller.md §4.3). UNKNOWN_TABLE when a table was deleted whose committed units the plan counts on.
 */
export async function registerCatalog({ controller, ledger }: Services, planId: string): Promise<void> {
  const { databaseDefinition, tables, summary, republish } = await ledger.plan(planId);
  const { name } = databaseDefinition;
  const there = await createTimes(controller, name);
  const committed = (await ledger.tablesInUse(summary.target, name)).filter((t) => t.committed);
  requireSame(name, committed, there);
  if (republish === undefined) await controller.registerDatabase(databaseDefinition);
  const created = new Map<string, number>();
  for (const table of tables) {
    const replaces = republish?.replaces[table.name];
    const { createTime } = await controller.registerTable(name, table, replaces === undefined ? {} : { replaces });
    created.set(table.name, createTime);
  }
  await ledger.noteRegistered(planId, created);
  const fillsChunks = summary.tables.some(({ kind, units }) => kind !== 'regular' && units > 0);
  if (!fillsChunks && (await controller.chunks(name)).length === 0) {
    await controller.allocateChunks({ database: name }, [DUMMY_CHUNK]);
  }
}

/**
 * Throws UNKNOWN_TABLE when a table of the plan is no longer the one that was registered for it: rows that the ledger counts as
 * committed went with it. The next version of a published table is the same under either name.
 */
export async function checkTables({ controller, ledger }: Services, planId: string): Promise<void> {
  const plan = await ledger.plan(planId);
  const { database } = plan.summary;
  const there = await createTimes(controller, database);
  const registered = [...(await ledger.registered(planId))].map(([table, created]) => {
    const shown = shownName(plan, table);
    return { table: isThere({ table, created }, there) ? table : shown, created };
  });
  requireSame(database, registered, there);
}

/** True when the table that was created then is there under its name. */
export function isThere(
  { table, created }: Pick<TableInUse, 'table' | 'created'>,
  there: Map<string, number>,
): boolean {
  return created === null ? there.has(table) : there.get(table) === created;
}

function requireSame(
  database: string,
  tables: Pick<TableInUse, 'table' | 'created'>[],
  there: Map<string, number>,
): void {
  const gone = tables.filter((table) => !isThere(table, there)).map(({ table }) => table);
  if (gone.length === 0) return;
  const message =
    `somebody deleted ${gone.join(', ')} of database ${database} while this campaign ran, and the rows with it; ` +
    'start the campaign again, it loads what is missing';
  throw new IngestError('UNKNOWN_TABLE', message, { database, tables: gone });
}

/** Tables of a database and when they were created; none where the database is not there. */
async function createTimes(controller: Controller, database: string): Promise<Map<string, number>> {
  return createTimesOf((await describeDatabase(controller, database))?.tables ?? []);
}

/** When each of these tables was created. */
export function createTimesOf(tables: TableDescriptor[]): Map<string, number> {
  return new Map(tables.map(({ definition, createTime }) => [definition.name, createTime]));
}
