import type { Controller } from '../controller/controller';
import { DUMMY_CHUNK } from '../core/names';
import type { CampaignLedger } from './ledger';

/**
 * Registers the plan's database and tables, directors first as the plan orders them. What is there already and equal stays.
 * A plan without files for chunks gets the dummy chunk allocated, since Qserv publishes no database without a chunk
 * (docs/contract/controller.md §4.3).
 */
export async function registerCatalog(
  { controller, ledger }: { controller: Controller; ledger: CampaignLedger },
  planId: string,
): Promise<void> {
  const { databaseDefinition, tables, summary } = await ledger.plan(planId);
  const { name } = databaseDefinition;
  await controller.registerDatabase(databaseDefinition);
  for (const table of tables) await controller.registerTable(name, table);
  const fillsChunks = summary.tables.some(({ kind, units }) => kind !== 'regular' && units > 0);
  if (!fillsChunks && (await controller.chunks(name)).length === 0) {
    await controller.allocateChunks({ database: name }, [DUMMY_CHUNK]);
  }
}
