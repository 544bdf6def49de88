export { compressionOf } from './compression';
export { isLasting, shownUrl } from './errors';
export { inspectSource } from './inspect';
export { type OpenedSource, openSource, type SourceCounts } from './open';
export { checkReferenceUrl } from './reference-url';
export { resolveSourceUrl, type SourceLocation } from './resolve';
export type { SourceRules } from './rules';
export { urlWithSecrets, withSecrets } from './secrets';
export type { StoredFacts } from './stored';
