import type { Claim } from '../../../campaign/ledger';
import type { Queryable } from '../open';

interface ClaimRow {
  target: string;
  database: string;
  workflow_id: string;
  first_run_id: string;
}

/** Holder of (target, database), if any. */
export async function findClaim(sql: Queryable, target: string, database: string): Promise<Claim | undefined> {
  const [row] = await sql<ClaimRow[]>`
    SELECT target, database, workflow_id, first_run_id FROM campaign.claim
    WHERE target = ${target} AND database = ${database}`;
  if (row === undefined) return undefined;
  return { target: row.target, database: row.database, workflowId: row.workflow_id, firstRunId: row.first_run_id };
}

/** Takes a claim that nobody holds. False when somebody does. */
export async function insertClaim(sql: Queryable, claim: Claim): Promise<boolean> {
  const rows = await sql`
    INSERT INTO campaign.claim (target, database, workflow_id, first_run_id)
    VALUES (${claim.target}, ${claim.database}, ${claim.workflowId}, ${claim.firstRunId})
    ON CONFLICT DO NOTHING RETURNING target`;
  return rows.length > 0;
}

/** Takes the claim over from this very holder. False when it is no longer the holder. */
export async function replaceClaim(sql: Queryable, holder: Claim, claim: Claim): Promise<boolean> {
  const rows = await sql`
    UPDATE campaign.claim SET workflow_id = ${claim.workflowId}, first_run_id = ${claim.firstRunId}, claimed_at = now()
    WHERE target = ${claim.target} AND database = ${claim.database}
      AND workflow_id = ${holder.workflowId} AND first_run_id = ${holder.firstRunId}
    RETURNING target`;
  return rows.length > 0;
}

export async function deleteClaim(sql: Queryable, claim: Claim): Promise<void> {
  await sql`
    DELETE FROM campaign.claim WHERE target = ${claim.target} AND database = ${claim.database}
      AND workflow_id = ${claim.workflowId} AND first_run_id = ${claim.firstRunId}`;
}
