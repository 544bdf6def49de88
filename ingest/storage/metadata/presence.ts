import type { Queryable } from './open';

/** Says that the ingest worker of this name is there now. */
export async function announce(sql: Queryable, worker: string): Promise<void> {
  await sql`
    INSERT INTO campaign.ingest_worker (name, seen_at) VALUES (${worker}, now())
    ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at`;
}

/** Says that it leaves, so that nobody waits for it. */
export async function leave(sql: Queryable, worker: string): Promise<void> {
  await sql`DELETE FROM campaign.ingest_worker WHERE name = ${worker}`;
}

/** Whether the ingest worker has announced itself within so many seconds, by the database's clock. */
export async function isPresent(sql: Queryable, worker: string, seconds: number): Promise<boolean> {
  const rows = await sql`
    SELECT 1 FROM campaign.ingest_worker WHERE name = ${worker} AND seen_at > now() - make_interval(secs => ${seconds})`;
  return rows.length > 0;
}
