export { isDuplicate, metadataError } from './errors';
export { type Metadata, openMetadata, type Queryable, type Transaction } from './open';
