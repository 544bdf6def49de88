import { IngestError } from '../../core/errors';
import { MIGRATIONS } from './migrations';
import type { Metadata } from './open';

export interface Migration {
  /** 1, 2, 3, … without gaps. */
  number: number;
  name: string;
  /** SQL, several statements at once; runs in one transaction together with the note that it was applied. */
  statements: string;
}

type Records = Pick<Metadata, 'run' | 'transaction'>;

/** Key of the advisory lock under which one process at a time migrates. */
const LOCK = 'qserv-campaigns:migrate';

/**
 * Brings the database up to this program's schema. Any number of processes may call it at once. A database that is newer than
 * the program is refused (INVALID_INPUT): an old program must not write records it does not understand.
 */
export async function migrate(records: Records, migrations: readonly Migration[] = MIGRATIONS): Promise<void> {
  await records.transaction(async (tx) => {
    await tx`SELECT pg_advisory_xact_lock(hashtextextended(${LOCK}, 0))`;
    await tx`CREATE TABLE IF NOT EXISTS public.qserv_campaigns_migration
      (number integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`;
  });
  for (const migration of migrations) await apply(records, migration);
  const [newest] = await records.run(
    (sql) => sql<{ number: number; name: string }[]>`
      SELECT number, name FROM public.qserv_campaigns_migration ORDER BY number DESC LIMIT 1`,
  );
  const known = migrations.at(-1)?.number ?? 0;
  if (newest !== undefined && newest.number > known) {
    throw new IngestError(
      'INVALID_INPUT',
      `the records were migrated to ${newest.number} (${newest.name}), this program knows up to ${known}: upgrade it`,
    );
  }
}

async function apply(records: Records, migration: Migration): Promise<void> {
  await records.transaction(async (tx) => {
    await tx`SELECT pg_advisory_xact_lock(hashtextextended(${LOCK}, 0))`;
    // The row goes in first: whoever comes second stops here instead of in the middle of the statements.
    const rows = await tx`
      INSERT INTO public.qserv_campaigns_migration (number, name) VALUES (${migration.number}, ${migration.name})
      ON CONFLICT DO NOTHING RETURNING number`;
    if (rows.length > 0) await tx.script(migration.statements);
  });
}
