import type { ContributionFilter } from '../../controller/contributions';
import type { Queryable } from './open';

/** Records of the selected contributions, to be put behind FROM. */
export function selectedContributions(sql: Queryable, filter: ContributionFilter) {
  const limit = filter.maxEntries ?? 0;
  if (limit === 0) return sql`(SELECT * FROM qserv.transaction_contrib WHERE ${matching(sql, filter)})`;
  return sql`(
    SELECT * FROM (
      SELECT *, row_number() OVER (PARTITION BY transaction_id ORDER BY id) AS position
      FROM qserv.transaction_contrib WHERE ${matching(sql, filter)}) AS numbered
    WHERE position <= ${limit}::bigint)`;
}

function matching(sql: Queryable, { transactionIds, table, worker, chunk, statuses, ...least }: ContributionFilter) {
  return sql`transaction_id = ANY (${transactionIds}::bigint[])
    AND (${table ?? null}::text IS NULL OR "table" = ${table ?? null})
    AND (${worker ?? null}::text IS NULL OR worker = ${worker ?? null})
    AND (${chunk ?? null}::bigint IS NULL OR chunk = ${chunk ?? null})
    AND (${statuses ?? null}::text[] IS NULL OR status = ANY (${statuses ?? null}))
    AND num_failed_retries >= ${least.minRetries ?? 0}::bigint AND num_warnings >= ${least.minWarnings ?? 0}::bigint`;
}
