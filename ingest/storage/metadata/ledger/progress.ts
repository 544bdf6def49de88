import { type TableProgress, UNIT_STATES, type UnitState } from '../../../campaign/ledger';
import type { Queryable } from '../open';
import { shownTable } from './plans';

interface ProgressRow {
  tbl: string;
  state: UnitState;
  units: number;
  rows: number;
  bytes: number;
}

/** Every table of the plan, as people know it, in its order; units without workers yet count once, as planned. */
export async function findProgress(sql: Queryable, planId: string, tables: string[]): Promise<TableProgress[]> {
  const rows = await sql<ProgressRow[]>`
    SELECT ${shownTable(sql)} AS tbl, coalesce(p.state, 'planned') AS state, count(*) AS units,
      coalesce(sum(p.rows), 0)::bigint AS rows, coalesce(sum(p.bytes), 0)::bigint AS bytes
    FROM campaign.unit u JOIN campaign.plan plan USING (plan_id) LEFT JOIN campaign.placement p USING (plan_id, unit)
    WHERE u.plan_id = ${planId} GROUP BY 1, 2`;
  const progress = new Map(tables.map((table) => [table, emptyProgress(table)]));
  for (const row of rows) {
    const entry = progress.get(row.tbl);
    if (entry === undefined) continue;
    entry.byState[row.state] = row.units;
    entry.rows += row.rows;
    entry.bytes += row.bytes;
  }
  return [...progress.values()];
}

function emptyProgress(table: string): TableProgress {
  const byState = Object.fromEntries(UNIT_STATES.map((state) => [state, 0])) as Record<UnitState, number>;
  return { table, byState, rows: 0, bytes: 0 };
}
