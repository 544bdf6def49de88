export * from './definition';
export { chunkTables, finalTables, registrationTables } from './final-tables';
export type { DirectorReference, KnownTables, TableKind } from './kind';
export { kindOf } from './registry';
export { DEFAULT_CHARSET, DEFAULT_COLLATION, schemaFaults, tableFaults } from './validate';
