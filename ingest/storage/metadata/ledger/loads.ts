import type { TableSize, UnitState } from '../../../campaign/ledger';
import type { ContributionStatus } from '../../../core/contributions';
import { IngestError } from '../../../core/errors';
import type { LoadedContribution, LoadUnit, LoadWarning } from '../../../worker/worker';
import type { Queryable, Transaction } from '../open';
import { json } from './plans';

interface ContributionRow {
  unit: number;
  contribution_id: number;
  url: string;
  status: ContributionStatus;
  sha256: string;
  bytes: number;
  rows: number;
  rows_loaded: number;
  num_warnings: number;
  warnings: LoadWarning[];
  tries: number;
}

/** Recorded loads of this super-transaction on this worker; an empty list is a unit without files' records. */
export async function findLoaded(
  sql: Queryable,
  planId: string,
  transactionId: number,
  worker: string,
  units: number[],
): Promise<Map<number, LoadedContribution[]>> {
  const rows = await sql<ContributionRow[]>`
    SELECT c.unit, c.contribution_id, c.url, c.status, c.sha256, c.bytes, c.rows, c.rows_loaded, c.num_warnings, c.warnings, c.tries
    FROM campaign.placement p JOIN campaign.contribution c USING (plan_id, unit, worker, transaction_id)
    WHERE p.plan_id = ${planId} AND p.transaction_id = ${transactionId} AND p.worker = ${worker}
      AND p.unit = ANY(${units}::int[]) AND p.state IN ('loaded', 'committed') AND c.outcome IN ('loaded', 'committed')
    ORDER BY c.id`;
  const loaded = new Map<number, LoadedContribution[]>();
  for (const row of rows) {
    const list = loaded.get(row.unit) ?? [];
    loaded.set(row.unit, list);
    list.push({
      id: row.contribution_id,
      url: row.url,
      status: row.status,
      bytes: row.bytes,
      rows: row.rows,
      rowsLoaded: row.rows_loaded,
      sha256: row.sha256,
      numWarnings: row.num_warnings,
      warnings: row.warnings,
      tries: row.tries,
    });
  }
  return loaded;
}

/** planned → loaded with provenance. See CampaignLedger.recordLoaded. */
export async function insertLoaded(
  tx: Transaction,
  planId: string,
  transactionId: number,
  worker: string,
  unit: number,
  contributions: LoadedContribution[],
): Promise<void> {
  const [place] = await tx<{ state: UnitState; transaction_id: number | null }[]>`
    SELECT state, transaction_id FROM campaign.placement
    WHERE plan_id = ${planId} AND unit = ${unit} AND worker = ${worker} FOR UPDATE`;
  const { state } = place ?? {};
  const recorded = state === 'loaded' || state === 'committed';
  if (place?.transaction_id !== transactionId || !(recorded || state === 'planned')) {
    throw new IngestError(
      'REVOKED',
      `unit ${unit} on ${worker} is no longer loaded by super-transaction ${transactionId}`,
      { planId, unit, worker, transactionId },
    );
  }
  if (recorded) return;
  const sum = (f: (c: LoadedContribution) => number) => contributions.reduce((total, c) => total + f(c), 0);
  await tx`
    UPDATE campaign.placement SET state = 'loaded', rows = ${sum((c) => c.rowsLoaded)}, bytes = ${sum((c) => c.bytes)},
      error_code = NULL, error_message = NULL
    WHERE plan_id = ${planId} AND unit = ${unit} AND worker = ${worker}`;
  // One statement whatever the number of files: the records travel as one JSON array.
  await tx`
    INSERT INTO campaign.contribution (plan_id, unit, target, database, tbl, chunk, overlap, worker, transaction_id,
      contribution_id, url, status, sha256, bytes, rows, rows_loaded, num_warnings, warnings, tries)
    SELECT u.plan_id, u.unit, p.target, p.database, u.tbl, u.chunk, u.overlap, ${worker}, ${transactionId},
      c.id, c.url, c.status, c.sha256, c.bytes, c.rows, c."rowsLoaded", c."numWarnings", c.warnings, c.tries
    FROM campaign.unit u JOIN campaign.plan p USING (plan_id),
      jsonb_to_recordset(${json(contributions)}::text::jsonb) AS c (id bigint, url text, status text, sha256 text, bytes bigint,
        rows bigint, "rowsLoaded" bigint, "numWarnings" bigint, warnings jsonb, tries int)
    WHERE u.plan_id = ${planId} AND u.unit = ${unit}`;
}

/** loaded → planned for one unit on one worker; the provenance says that it was discarded. */
export async function unloadUnit(tx: Transaction, planId: string, worker: string, unit: LoadUnit): Promise<void> {
  const rows = await tx<{ unit: number }[]>`
    UPDATE campaign.placement p SET state = 'planned', rows = 0, bytes = 0 FROM campaign.unit u
    WHERE p.plan_id = ${planId} AND u.plan_id = p.plan_id AND u.unit = p.unit AND p.worker = ${worker} AND p.state = 'loaded'
      AND p.transaction_id = ${unit.transactionId} AND u.tbl = ${unit.table} AND u.chunk = ${unit.chunk}
      AND u.overlap = ${unit.overlap}
    RETURNING p.unit`;
  for (const row of rows) {
    await tx`
      UPDATE campaign.contribution SET outcome = 'discarded', ended_at = now()
      WHERE plan_id = ${planId} AND unit = ${row.unit} AND worker = ${worker} AND outcome = 'loaded'`;
  }
}

/** See CampaignLedger.settle. */
export async function settleTransaction(
  tx: Transaction,
  planId: string,
  transactionId: number,
  how: 'committed' | 'aborted',
): Promise<boolean> {
  const which = tx`plan_id = ${planId} AND transaction_id = ${transactionId}`;
  if (how === 'committed') {
    await tx`
      INSERT INTO campaign.committed (target, database, tbl, chunk, overlap, worker, fingerprint, plan_id, unit, transaction_id,
        rows, bytes, table_created)
      SELECT plan.target, plan.database, u.tbl, u.chunk, u.overlap, p.worker, u.fingerprint, plan_id, unit, p.transaction_id,
        p.rows, p.bytes, (plan.registered->>u.tbl)::bigint
      FROM campaign.placement p JOIN campaign.unit u USING (plan_id, unit) JOIN campaign.plan plan USING (plan_id)
      WHERE p.plan_id = ${planId} AND p.transaction_id = ${transactionId} AND p.state = 'loaded'
      ON CONFLICT (target, database, tbl, chunk, overlap, worker) DO UPDATE SET fingerprint = excluded.fingerprint,
        plan_id = excluded.plan_id, unit = excluded.unit, transaction_id = excluded.transaction_id,
        rows = excluded.rows, bytes = excluded.bytes, table_created = excluded.table_created`;
    await tx`UPDATE campaign.placement SET state = 'committed' WHERE ${which} AND state = 'loaded'`;
  } else {
    await tx`UPDATE campaign.placement SET state = 'planned', rows = 0, bytes = 0 WHERE ${which} AND state = 'loaded'`;
  }
  // An attempt that comes to record a load from now on is told REVOKED.
  await tx`UPDATE campaign.placement SET transaction_id = NULL WHERE ${which} AND state IN ('planned', 'held')`;
  await tx`UPDATE campaign.contribution SET outcome = ${how}, ended_at = now() WHERE ${which} AND outcome = 'loaded'`;
  const ended = await tx`
    UPDATE campaign.transaction SET outcome = ${how}, ended_at = now() WHERE ${which} AND outcome IS NULL`;
  return ended.count > 0;
}

export async function findUnsettled(
  sql: Queryable,
  target: string,
  database: string,
): Promise<{ planId: string; transactionId: number }[]> {
  const rows = await sql<{ plan_id: string; transaction_id: number }[]>`
    SELECT DISTINCT p.plan_id, p.transaction_id FROM campaign.placement p JOIN campaign.plan USING (plan_id)
    WHERE plan.target = ${target} AND plan.database = ${database} AND p.state = 'loaded' ORDER BY 2`;
  return rows.map((row) => ({ planId: row.plan_id, transactionId: row.transaction_id }));
}

export interface CommittedRow {
  tbl: string;
  chunk: number;
  overlap: boolean;
  fingerprint: string;
  complete: boolean;
  workers: string[];
  created: number | null;
}

/** What stands, by place. `complete`: the plan that committed it has nothing left to do for it on any worker. */
export function findCommitted(sql: Queryable, target: string, database: string): Promise<CommittedRow[]> {
  return sql<CommittedRow[]>`
    SELECT tbl, chunk, overlap, max(fingerprint) AS fingerprint, bool_or(NOT EXISTS (
      SELECT 1 FROM campaign.placement p WHERE p.plan_id = c.plan_id AND p.unit = c.unit AND p.state <> 'committed'
    )) AS complete, array_agg(worker ORDER BY worker) AS workers, min(table_created) AS created
    FROM campaign.committed c WHERE target = ${target} AND database = ${database} GROUP BY tbl, chunk, overlap`;
}

/** See CampaignLedger.sizes. */
export function findSizes(sql: Queryable, target: string, database: string): Promise<TableSize[]> {
  return sql<TableSize[]>`
    SELECT tbl AS "table", created, sum(rows)::bigint AS rows, sum(bytes)::bigint AS bytes FROM (
      SELECT tbl, table_created AS created, max(rows) AS rows, max(bytes) AS bytes FROM campaign.committed
      WHERE target = ${target} AND database = ${database} GROUP BY tbl, table_created, chunk, overlap
    ) AS place GROUP BY tbl, created ORDER BY tbl, created`;
}

export async function deleteCommitted(
  sql: Queryable,
  target: string,
  database: string,
  table?: string,
  created?: number | null,
): Promise<void> {
  await sql`
    DELETE FROM campaign.committed WHERE target = ${target} AND database = ${database}
      ${table === undefined ? sql`` : sql`AND tbl = ${table}`}
      ${created === undefined ? sql`` : sql`AND table_created IS NOT DISTINCT FROM ${created}`}`;
}
