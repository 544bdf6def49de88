import type { UnitState } from '../../../campaign/ledger';
import type { ErrorCode } from '../../../core/errors';
import type { Queryable, Transaction } from '../open';
import { shownTable } from './plans';

/**
 * Units belong to a planned super-transaction (`seq`) by their plan, or because a retry moved placements of theirs there; then
 * they are units of both.
 */
function unitsOf(sql: Queryable, planId: string, seq: number) {
  return sql`
    SELECT u.unit, u.tbl, u.chunk, u.overlap, u.every_worker, u.fingerprint FROM campaign.unit u
    WHERE u.plan_id = ${planId} AND u.seq = ${seq}
    UNION
    SELECT u.unit, u.tbl, u.chunk, u.overlap, u.every_worker, u.fingerprint
    FROM campaign.placement p JOIN campaign.unit u USING (plan_id, unit)
    WHERE p.plan_id = ${planId} AND p.seq = ${seq}`;
}

export async function findChunks(
  sql: Queryable,
  planId: string,
  seq: number,
): Promise<{ chunks: number[]; regular: boolean }> {
  const rows = await sql<{ chunk: number; every_worker: boolean }[]>`
    SELECT DISTINCT chunk, every_worker FROM (${unitsOf(sql, planId, seq)}) AS units ORDER BY chunk`;
  return {
    chunks: rows.filter((row) => !row.every_worker).map((row) => row.chunk),
    regular: rows.some((row) => row.every_worker),
  };
}

/** See CampaignLedger.place. What an earlier campaign committed on a worker, with an equal fingerprint, is committed at once. */
export async function placeUnits(
  tx: Transaction,
  planId: string,
  seq: number,
  transactionId: number,
  chunkWorkers: Map<number, string[]>,
  allWorkers: string[],
): Promise<void> {
  const pairs = [...chunkWorkers].flatMap(([chunk, workers]) => workers.map((worker) => ({ chunk, worker })));
  await tx`
    INSERT INTO campaign.transaction (plan_id, seq, transaction_id) VALUES (${planId}, ${seq}, ${transactionId})
    ON CONFLICT DO NOTHING`;
  await tx`
    CREATE TEMPORARY TABLE expected ON COMMIT DROP AS
    WITH units AS (${unitsOf(tx, planId, seq)})
    SELECT units.*, w.worker FROM units JOIN unnest(${allWorkers}::text[]) AS w (worker) ON units.every_worker
    UNION ALL
    SELECT units.*, c.worker FROM units
    JOIN unnest(${pairs.map((p) => p.chunk)}::bigint[], ${pairs.map((p) => p.worker)}::text[]) AS c (chunk, worker)
      ON NOT units.every_worker AND c.chunk = units.chunk`;
  await tx`
    DELETE FROM campaign.placement p WHERE plan_id = ${planId} AND seq = ${seq} AND state = 'planned'
      AND NOT EXISTS (SELECT 1 FROM expected e WHERE e.unit = p.unit AND e.worker = p.worker)`;
  await tx`
    INSERT INTO campaign.placement (plan_id, unit, worker, seq, state, transaction_id, rows, bytes)
    SELECT ${planId}, e.unit, e.worker, ${seq}, CASE WHEN c.unit IS NULL THEN 'planned' ELSE 'committed' END, c.transaction_id,
      coalesce(c.rows, 0), coalesce(c.bytes, 0)
    FROM expected e JOIN campaign.plan p ON p.plan_id = ${planId}
    LEFT JOIN campaign.committed c ON c.target = p.target AND c.database = p.database AND c.tbl = e.tbl AND c.chunk = e.chunk
      AND c.overlap = e.overlap AND c.worker = e.worker AND c.fingerprint = e.fingerprint
      AND c.table_created IS NOT DISTINCT FROM (p.registered->>e.tbl)::bigint
    ON CONFLICT DO NOTHING`;
  await tx`
    UPDATE campaign.placement SET transaction_id = ${transactionId}, failures = 0
    WHERE plan_id = ${planId} AND seq = ${seq} AND state = 'planned'`;
}

export interface PlacementRow {
  tbl: string;
  chunk: number;
  overlap: boolean;
  state: UnitState;
  rows: number;
}

export function findPlacements(
  sql: Queryable,
  planId: string,
  transactionId: number,
  worker: string,
): Promise<PlacementRow[]> {
  return sql<PlacementRow[]>`
    SELECT u.tbl, u.chunk, u.overlap, p.state, p.rows FROM campaign.placement p JOIN campaign.unit u USING (plan_id, unit)
    WHERE p.plan_id = ${planId} AND p.transaction_id = ${transactionId} AND p.worker = ${worker} ORDER BY p.unit`;
}

export async function findWorkers(sql: Queryable, planId: string, transactionId: number): Promise<string[]> {
  const rows = await sql<{ worker: string }[]>`
    SELECT DISTINCT worker FROM campaign.placement
    WHERE plan_id = ${planId} AND transaction_id = ${transactionId} ORDER BY worker`;
  return rows.map((row) => row.worker);
}

/** `tbl` as people know it. */
export interface PlannedRow {
  unit: number;
  worker: string;
  tbl: string;
  chunk: number;
  overlap: boolean;
  bytes: number;
  files: number;
}

/** Placed units that are still planned: at most `perWorker` for each worker, in unit order. */
export function findPlanned(sql: Queryable, planId: string, seq: number, perWorker: number): Promise<PlannedRow[]> {
  return sql<PlannedRow[]>`
    SELECT unit, worker, tbl, chunk, overlap, bytes, files FROM (
      SELECT p.unit, p.worker, ${shownTable(sql)} AS tbl, u.chunk, u.overlap, u.bytes, jsonb_array_length(u.sources) AS files,
        row_number() OVER (PARTITION BY p.worker ORDER BY p.unit) AS position
      FROM campaign.placement p JOIN campaign.unit u USING (plan_id, unit) JOIN campaign.plan plan USING (plan_id)
      WHERE p.plan_id = ${planId} AND p.seq = ${seq} AND p.state = 'planned'
    ) AS planned WHERE position <= ${perWorker} ORDER BY worker, unit`;
}

/** How often loading the unit has failed in this super-transaction; 0 when it is another's by now. */
export async function countFailure(
  sql: Queryable,
  planId: string,
  transactionId: number,
  worker: string,
  unit: number,
): Promise<number> {
  const [row] = await sql<{ failures: number }[]>`
    UPDATE campaign.placement SET failures = failures + 1
    WHERE plan_id = ${planId} AND worker = ${worker} AND unit = ${unit} AND transaction_id = ${transactionId}
    RETURNING failures`;
  return row?.failures ?? 0;
}

export async function holdUnit(
  sql: Queryable,
  planId: string,
  transactionId: number,
  worker: string,
  unit: number,
  code: ErrorCode,
  message: string,
): Promise<void> {
  await sql`
    UPDATE campaign.placement SET state = 'held', error_code = ${code}, error_message = ${message}
    WHERE plan_id = ${planId} AND worker = ${worker} AND unit = ${unit} AND transaction_id = ${transactionId}
      AND state IN ('planned', 'held')`;
}

export async function fenceUnits(sql: Queryable, planId: string, transactionId: number, worker: string): Promise<void> {
  await sql`
    UPDATE campaign.placement SET transaction_id = NULL
    WHERE plan_id = ${planId} AND transaction_id = ${transactionId} AND worker = ${worker} AND state IN ('held', 'skipped')`;
}

/** See CampaignLedger.holdRefused. */
export async function holdRefused(
  sql: Queryable,
  planId: string,
  seq: number,
  table: string,
  failures: Record<string, Record<string, string>>,
): Promise<number> {
  const list = Object.entries(failures).flatMap(([worker, chunks]) =>
    Object.entries(chunks).map(([chunk, message]) => ({ worker, chunk: Number(chunk), message })),
  );
  const held = await sql`
    UPDATE campaign.placement p SET state = 'held', error_code = 'INDEX_FAILED', error_message = f.message
    FROM campaign.unit u, unnest(${list.map((f) => f.worker)}::text[], ${list.map((f) => f.chunk)}::bigint[],
      ${list.map((f) => f.message)}::text[]) AS f (worker, chunk, message)
    WHERE p.plan_id = ${planId} AND p.seq = ${seq} AND p.state = 'planned' AND p.worker = f.worker
      AND u.plan_id = p.plan_id AND u.unit = p.unit AND u.tbl = ${table} AND u.chunk = f.chunk AND NOT u.overlap`;
  return held.count;
}

/** How many were held: units without a worker yet count once. */
export async function holdPlanned(
  tx: Transaction,
  planId: string,
  seq: number,
  code: ErrorCode,
  message: string,
): Promise<number> {
  const placed = await tx`
    UPDATE campaign.placement SET state = 'held', error_code = ${code}, error_message = ${message}
    WHERE plan_id = ${planId} AND seq = ${seq} AND state = 'planned'`;
  const unplaced = await tx`
    INSERT INTO campaign.placement (plan_id, unit, worker, seq, state, error_code, error_message)
    SELECT plan_id, unit, '', seq, 'held', ${code}, ${message} FROM campaign.unit u
    WHERE plan_id = ${planId} AND seq = ${seq}
      AND NOT EXISTS (SELECT 1 FROM campaign.placement p WHERE p.plan_id = u.plan_id AND p.unit = u.unit)`;
  return placed.count + unplaced.count;
}

/** `tbl` as people know it. */
export interface HeldRow {
  unit: number;
  tbl: string;
  chunk: number;
  overlap: boolean;
  worker: string;
  error_code: ErrorCode;
  error_message: string;
}

export function findHeldIn(
  sql: Queryable,
  planId: string,
  transactionId: number,
  worker: string,
  units: number[],
): Promise<HeldRow[]> {
  return sql<HeldRow[]>`
    SELECT p.unit, ${shownTable(sql)} AS tbl, u.chunk, u.overlap, p.worker, p.error_code, p.error_message
    FROM campaign.placement p JOIN campaign.unit u USING (plan_id, unit) JOIN campaign.plan plan USING (plan_id)
    WHERE p.plan_id = ${planId} AND p.transaction_id = ${transactionId} AND p.worker = ${worker}
      AND p.unit = ANY(${units}::int[]) AND p.state = 'held' ORDER BY p.unit`;
}

export function findHeld(sql: Queryable, planId: string, limit: number): Promise<HeldRow[]> {
  return sql<HeldRow[]>`
    SELECT p.unit, ${shownTable(sql)} AS tbl, u.chunk, u.overlap, p.worker, p.error_code, p.error_message
    FROM campaign.placement p JOIN campaign.unit u USING (plan_id, unit) JOIN campaign.plan plan USING (plan_id)
    WHERE p.plan_id = ${planId} AND p.state = 'held' ORDER BY p.unit, p.worker LIMIT ${limit}`;
}

export async function countHeld(sql: Queryable, planId: string): Promise<number> {
  const [row] = await sql<{ n: number }[]>`
    SELECT count(*) AS n FROM campaign.placement WHERE plan_id = ${planId} AND state = 'held'`;
  return row?.n ?? 0;
}

/** The new sequence number that the held units now wait under, or null when none was held. */
export async function moveHeld(tx: Transaction, planId: string): Promise<number | null> {
  await tx`SELECT plan_id FROM campaign.plan WHERE plan_id = ${planId} FOR UPDATE`;
  const moved = await tx<{ seq: number }[]>`
    UPDATE campaign.placement SET state = 'planned', transaction_id = NULL, error_code = NULL, error_message = NULL,
      seq = 1 + greatest((SELECT max(seq) FROM campaign.unit WHERE plan_id = ${planId}),
                         (SELECT max(seq) FROM campaign.placement WHERE plan_id = ${planId}))
    WHERE plan_id = ${planId} AND state = 'held' RETURNING seq`;
  return moved[0]?.seq ?? null;
}

export async function skipHeld(sql: Queryable, planId: string): Promise<number> {
  const skipped = await sql`
    UPDATE campaign.placement SET state = 'skipped' WHERE plan_id = ${planId} AND state = 'held'`;
  return skipped.count;
}

export async function findPendingSequences(sql: Queryable, planId: string): Promise<number[]> {
  const rows = await sql<{ seq: number }[]>`
    SELECT seq FROM campaign.placement WHERE plan_id = ${planId} AND state IN ('planned', 'loaded')
    UNION
    SELECT seq FROM campaign.unit u WHERE plan_id = ${planId}
      AND NOT EXISTS (SELECT 1 FROM campaign.placement p WHERE p.plan_id = u.plan_id AND p.unit = u.unit)
    ORDER BY seq`;
  return rows.map((row) => row.seq);
}
