import { getIngestConfig, setIngestConfig as setEndpoint } from '../../../api/qserv/controller/ingest-config';
import type { IngestConfig } from '../../core/ingest-config';
import type { RemoteContext } from './context';

export async function ingestConfig(context: RemoteContext, name: string): Promise<IngestConfig> {
  const { config } = await context.call(getIngestConfig, { query: { database: name } });
  const { database, ...known } = config;
  return known;
}

export async function setIngestConfig(context: RemoteContext, database: string, changes: IngestConfig): Promise<void> {
  const proxy = changes.CURLOPT_PROXY === undefined ? [] : [changes.CURLOPT_PROXY];
  await context.call(setEndpoint, { body: { database, ...changes } }, { secrets: proxy });
}
