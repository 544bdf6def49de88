import { chunkTable, DUMMY_CHUNK, parseFinalTable } from '../names';
import type { TableDefinition } from './definition';
import { kindOf } from './registry';

/** Tables that every worker has from registration on: the table or prototype, and the dummy chunk's two. */
export function registrationTables(definition: TableDefinition): string[] {
  return kindOf(definition).partitioned
    ? [definition.name, ...chunkTables(definition, DUMMY_CHUNK)]
    : [definition.name];
}

/** Final tables of a chunk; none for a regular table. */
export function chunkTables(definition: TableDefinition, chunk: number): string[] {
  return kindOf(definition).partitioned
    ? [chunkTable(definition.name, chunk, false), chunkTable(definition.name, chunk, true)]
    : [];
}

/** Every final table on a worker that has these chunks. */
export function finalTables(definition: TableDefinition, chunks: number[]): string[] {
  const all = [...registrationTables(definition), ...chunks.flatMap((chunk) => chunkTables(definition, chunk))];
  return [...new Set(all)];
}

/** Whether a table of the database's schema on a worker is one of this table's. */
export function ownsFinalTable(definition: TableDefinition, name: string): boolean {
  if (name === definition.name) return true;
  return kindOf(definition).partitioned && parseFinalTable(name).table === definition.name;
}
