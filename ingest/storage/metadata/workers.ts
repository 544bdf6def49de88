import { IngestError } from '../../core/errors';
import type { Queryable, Transaction } from './open';

export interface WorkerRecord {
  name: string;
  isEnabled: boolean;
  isReadOnly: boolean;
}

/**
 * Makes the records' workers those of a target: missing ones are added, others follow its flags, those it no longer names are
 * disabled. One set of records serves one target, because worker and database names are global to it: INVALID_INPUT for another.
 */
export async function configureWorkers(tx: Transaction, target: string, workers: WorkerRecord[]): Promise<void> {
  await tx`INSERT INTO qserv."QMetadata" (metakey, value) VALUES ('target', ${target}) ON CONFLICT DO NOTHING`;
  const [owner] = await tx<{ value: string }[]>`SELECT value FROM qserv."QMetadata" WHERE metakey = 'target'`;
  if (owner?.value !== target) {
    throw new IngestError(
      'INVALID_INPUT',
      `these records belong to target '${owner?.value}', not to '${target}': give each native target a PostgreSQL database of its own`,
    );
  }
  const names = workers.map((w) => w.name);
  const rows = workers.map((w) => ({ name: w.name, is_enabled: w.isEnabled, is_read_only: w.isReadOnly }));
  await tx`
    INSERT INTO qserv.config_worker ${tx(rows)}
    ON CONFLICT (name) DO UPDATE SET is_enabled = excluded.is_enabled, is_read_only = excluded.is_read_only`;
  await tx`UPDATE qserv.config_worker SET is_enabled = false WHERE name <> ALL (${names}::text[])`;
}

/** Names of enabled, writable workers. */
export async function usableWorkers(sql: Queryable): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    SELECT name FROM qserv.config_worker WHERE is_enabled AND NOT is_read_only ORDER BY name`;
  return rows.map((row) => row.name);
}
