import type { IngestConfig } from '../../core/ingest-config';
import { ingestConfigOf, setIngestConfig } from '../../storage/metadata/ingest-config';
import type { NativeContext } from './context';

export async function ingestConfig(context: NativeContext, database: string): Promise<IngestConfig> {
  await context.requireDatabase(database);
  return context.metadata.run((sql) => ingestConfigOf(sql, database));
}

export async function changeIngestConfig(context: NativeContext, database: string, changes: IngestConfig) {
  await context.requireDatabase(database);
  await context.metadata.run((sql) => setIngestConfig(sql, database, changes));
}
