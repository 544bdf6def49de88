import type { Republish, RepublishState } from '../../../campaign/ledger';
import type { Queryable, Transaction } from '../open';

/** See CampaignLedger.noteRepublish. */
export async function advanceRepublish(
  tx: Transaction,
  planId: string,
  state: Exclude<RepublishState, 'done'>,
): Promise<RepublishState> {
  const earlier = { begun: [], finishing: ['begun'], undone: ['begun', 'finishing'] }[state];
  const before = await lockState(tx, planId);
  const may = before === null || earlier.some((s) => s === before);
  if (!may) return before;
  await tx`UPDATE campaign.plan SET republish_state = ${state} WHERE plan_id = ${planId}`;
  return state;
}

async function lockState(tx: Transaction, planId: string): Promise<RepublishState | null> {
  const [row] = await tx<{ republish_state: RepublishState | null }[]>`
    SELECT republish_state FROM campaign.plan WHERE plan_id = ${planId} FOR UPDATE`;
  return row?.republish_state ?? null;
}

export async function findRepublishState(sql: Queryable, planId: string): Promise<RepublishState | null> {
  const [row] = await sql<{ republish_state: RepublishState | null }[]>`
    SELECT republish_state FROM campaign.plan WHERE plan_id = ${planId}`;
  return row?.republish_state ?? null;
}

/** In the order in which they were planned. */
export async function findOpenRepublishes(sql: Queryable, target: string, database: string): Promise<string[]> {
  const rows = await sql<{ plan_id: string }[]>`
    SELECT plan_id FROM campaign.plan WHERE target = ${target} AND database = ${database}
      AND republish_state IN ('begun', 'finishing') ORDER BY created_at, plan_id`;
  return rows.map((row) => row.plan_id);
}

interface DoneRow {
  target: string;
  database: string;
  republish: Republish | null;
  registered: Record<string, number> | null;
}

/** See CampaignLedger.replaced. What was done once is not done again: another version may stand in the place by then. */
export async function replaceCommitted(tx: Transaction, planId: string): Promise<void> {
  if ((await lockState(tx, planId)) === 'done') return;
  const [plan] = await tx<DoneRow[]>`
    SELECT target, database, republish, registered FROM campaign.plan WHERE plan_id = ${planId}`;
  const { replaces, removes } = plan?.republish ?? { replaces: {}, removes: [] };
  const inDatabase = tx`target = ${plan?.target ?? ''} AND database = ${plan?.database ?? ''}`;
  for (const [version, table] of Object.entries(replaces)) {
    const created = plan?.registered?.[version] ?? null;
    await tx`
      DELETE FROM campaign.committed WHERE ${inDatabase} AND tbl = ${table} AND table_created IS DISTINCT FROM ${created}::bigint`;
    await tx`UPDATE campaign.committed SET tbl = ${table} WHERE ${inDatabase} AND tbl = ${version} AND plan_id = ${planId}`;
    await tx`UPDATE campaign.contribution SET tbl = ${table} WHERE plan_id = ${planId} AND tbl = ${version}`;
  }
  await tx`DELETE FROM campaign.committed WHERE ${inDatabase} AND tbl = ANY(${removes}::text[])`;
  await tx`UPDATE campaign.plan SET republish_state = 'done' WHERE plan_id = ${planId}`;
}
