import { IngestError } from '../../ingest/core/errors';
import type { Metadata } from '../../ingest/storage/metadata';
import { PostgresLedger } from '../../ingest/storage/metadata/ledger';
import { note } from './output';

/** The ledger, unless there is none yet, or an older one (nothing is made for asking), or it does not answer. */
export async function readableLedger(metadata: Metadata): Promise<PostgresLedger | undefined> {
  try {
    const [row] = await metadata.run(
      (sql) => sql`
        SELECT EXISTS (SELECT FROM information_schema.columns WHERE table_schema = 'campaign' AND table_name = 'committed'
          AND column_name = 'table_created') AS there`,
    );
    return row?.there ? new PostgresLedger(metadata) : undefined;
  } catch (error) {
    if (!(error instanceof IngestError) || error.code !== 'UNAVAILABLE') throw error;
    note(`what is committed already cannot be told: ${error.message}`);
    return undefined;
  }
}
