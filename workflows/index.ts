export { deleteCatalog } from './delete-catalog';
export { ingestCampaign } from './ingest-campaign';
export { ingestTransaction } from './ingest-transaction';
