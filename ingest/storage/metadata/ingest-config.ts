import { INGEST_PARAMETERS, type IngestConfig, type IngestParameter } from '../../core/ingest-config';
import type { Queryable } from './open';

/** Where Qserv keeps the parameters, docs/contract/storage.md §5. */
const CATEGORY = 'worker-http-file-reader';

/** Parameters that were ever set for the database; none of one that does not exist. */
export async function ingestConfigOf(sql: Queryable, database: string): Promise<IngestConfig> {
  const rows = await sql<{ param: string; value: string }[]>`
    SELECT param, value FROM qserv.database_ingest WHERE database = ${database} AND category = ${CATEGORY}`;
  const known = rows.filter((row): row is { param: IngestParameter; value: string } =>
    Object.hasOwn(INGEST_PARAMETERS, row.param),
  );
  return Object.fromEntries(
    known.map(({ param, value }) => [param, INGEST_PARAMETERS[param] === 'string' ? value : Number(value)]),
  );
}

/** Sets the given parameters of a database that exists; others stay. */
export async function setIngestConfig(sql: Queryable, database: string, changes: IngestConfig): Promise<void> {
  const given = Object.entries(changes).filter(([, value]) => value !== undefined);
  await sql`
    INSERT INTO qserv.database_ingest (database, category, param, value)
    SELECT ${database}, ${CATEGORY}, param, value
    FROM unnest(${given.map(([param]) => param)}::text[], ${given.map(([, value]) => String(value))}::text[])
      AS given (param, value)
    ON CONFLICT (database, category, param) DO UPDATE SET value = excluded.value`;
}
