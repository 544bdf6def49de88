import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Plan, PlannedUnit, PlanSummary, Republish, TableFinishing, TableInUse } from '../../../campaign/ledger';
import type { DatabaseDefinition } from '../../../controller/controller';
import { IngestError } from '../../../core/errors';
import type { TableDefinition } from '../../../core/tables';
import type { ContributionSource } from '../../../worker/worker';
import type { Queryable, Transaction } from '../open';

interface PlanRow {
  summary: PlanSummary;
  database_definition: DatabaseDefinition;
  tables: TableDefinition[];
  quality: Plan['quality'];
  max_num_warnings: number;
  finishing: Record<string, TableFinishing>;
  republish: Republish | null;
}

interface UnitRow {
  unit: number;
  seq: number;
  tbl: string;
  chunk: number;
  overlap: boolean;
  every_worker: boolean;
  bytes: number;
  sources: ContributionSource[];
  fingerprint: string;
}

/** Characters sent to the server at a time while units are copied in. */
const COPY_CHARACTERS = 256 * 1024;

/** False when the plan was there already. A concurrent insert of the same plan is waited for. */
export async function insertPlan(tx: Transaction, plan: Omit<Plan, 'units'>): Promise<boolean> {
  const { summary, republish } = plan;
  const rows = await tx`
    INSERT INTO campaign.plan (plan_id, target, database, summary, database_definition, tables, quality, max_num_warnings,
      finishing, republish)
    VALUES (${summary.planId}, ${summary.target}, ${summary.database}, ${json(summary)}::text::jsonb,
      ${json(plan.databaseDefinition)}::text::jsonb, ${json(plan.tables)}::text::jsonb, ${plan.quality}, ${plan.maxNumWarnings},
      ${json(plan.finishing)}::text::jsonb, ${republish === undefined ? null : json(republish)}::text::jsonb)
    ON CONFLICT DO NOTHING RETURNING plan_id`;
  return rows.length > 0;
}

/** Streams units into the plan by COPY; memory does not grow with their number. */
export async function copyUnits(
  tx: Transaction,
  planId: string,
  units: Iterable<PlannedUnit> | AsyncIterable<PlannedUnit>,
): Promise<void> {
  const target = await tx`
    COPY campaign.unit (plan_id, unit, seq, tbl, chunk, overlap, every_worker, bytes, sources, fingerprint)
    FROM STDIN`.writable();
  await pipeline(Readable.from(copyLines(planId, units)), target);
}

async function* copyLines(planId: string, units: Iterable<PlannedUnit> | AsyncIterable<PlannedUnit>) {
  let text = '';
  for await (const u of units) {
    const fields = [planId, u.unit, u.transactionSeq, u.table, u.chunk, u.overlap, u.everyWorker, u.bytes];
    text += `${[...fields, json(u.sources), u.fingerprint].map(copyField).join('\t')}\n`;
    if (text.length >= COPY_CHARACTERS) {
      yield text;
      text = '';
    }
  }
  if (text !== '') yield text;
}

/** COPY's text format, https://www.postgresql.org/docs/current/sql-copy.html#id-1.9.3.55.9.2. */
function copyField(value: string | number | boolean): string {
  return String(value).replace(/[\\\t\n\r]/g, (c) => ({ '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' })[c] ?? c);
}

export async function findPlan(sql: Queryable, planId: string): Promise<Omit<Plan, 'units'>> {
  const [row] = await sql<PlanRow[]>`
    SELECT summary, database_definition, tables, quality, max_num_warnings, finishing, republish
    FROM campaign.plan WHERE plan_id = ${planId}`;
  if (row === undefined) throw new IngestError('INTERNAL', `there is no plan ${planId}`, { planId });
  return {
    summary: row.summary,
    databaseDefinition: row.database_definition,
    tables: row.tables,
    quality: row.quality,
    maxNumWarnings: row.max_num_warnings,
    finishing: row.finishing,
    ...(row.republish === null ? {} : { republish: row.republish }),
  };
}

export async function findPlans(sql: Queryable, target: string, database: string): Promise<string[]> {
  const rows = await sql<{ plan_id: string }[]>`
    SELECT plan_id FROM campaign.plan WHERE target = ${target} AND database = ${database}`;
  return rows.map((row) => row.plan_id);
}

/** When the plan's tables were registered; the first word counts. */
export async function updateRegistered(
  sql: Queryable,
  planId: string,
  registered: Record<string, number>,
): Promise<void> {
  await sql`
    UPDATE campaign.plan SET registered = ${json(registered)}::text::jsonb
    WHERE plan_id = ${planId} AND registered IS NULL`;
}

export async function findRegistered(sql: Queryable, planId: string): Promise<Record<string, number>> {
  const [row] = await sql<{ registered: Record<string, number> | null }[]>`
    SELECT registered FROM campaign.plan WHERE plan_id = ${planId}`;
  return row?.registered ?? {};
}

/** See CampaignLedger.tablesInUse. */
export function findTablesInUse(sql: Queryable, target: string, database: string): Promise<TableInUse[]> {
  return sql<TableInUse[]>`
    SELECT tbl AS "table", created, bool_or(committed) AS committed FROM (
      SELECT DISTINCT tbl, table_created AS created, true AS committed FROM campaign.committed
      WHERE target = ${target} AND database = ${database}
      UNION ALL
      SELECT totals->>'table', (registered->>(totals->>'table'))::bigint, false
      FROM campaign.plan, jsonb_array_elements(summary->'tables') AS totals
      WHERE target = ${target} AND database = ${database} AND registered IS NOT NULL AND (totals->>'units')::bigint > 0
    ) AS used GROUP BY tbl, created ORDER BY tbl, created`;
}

/** In ascending order of their numbers. */
export async function findUnits(sql: Queryable, planId: string, units: number[]): Promise<PlannedUnit[]> {
  const rows = await sql<UnitRow[]>`
    SELECT unit, seq, tbl, chunk, overlap, every_worker, bytes, sources, fingerprint
    FROM campaign.unit WHERE plan_id = ${planId} AND unit = ANY(${units}::int[]) ORDER BY unit`;
  return rows.map((row) => ({
    unit: row.unit,
    transactionSeq: row.seq,
    table: row.tbl,
    chunk: row.chunk,
    overlap: row.overlap,
    everyWorker: row.every_worker,
    bytes: row.bytes,
    sources: row.sources,
    fingerprint: row.fingerprint,
  }));
}

/** A unit's table (`u.tbl`) under the name that it has for people, see `shownName`; `plan` is its plan. */
export function shownTable(sql: Queryable) {
  return sql`coalesce(plan.republish->'replaces'->>u.tbl, u.tbl)`;
}

export function json(value: unknown): string {
  return JSON.stringify(value);
}
