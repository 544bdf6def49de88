export * from './definition';
export { SUB_CHUNK_COLUMN } from './director';
export { chunkTables, finalTables, ownsFinalTable, registrationTables } from './final-tables';
export type { DirectorReference, KnownTables, TableKind } from './kind';
export { DEFAULT_CHARSET, DEFAULT_COLLATION, definitionDifferences, normalDefinition } from './normal';
export { kindOf } from './registry';
export { schemaFaults, tableFaults } from './validate';
