import type { InputFault } from '../errors';
import { sameName } from '../names';
import type { TableDefinition } from './definition';
import type { DirectorReference, KnownTables } from './kind';

/** Reads `[db.]table`; `database` where it names none. */
export function directorReference(text: string, database: string): { database: string; table: string } {
  const dot = text.indexOf('.');
  return { database: text.slice(0, Math.max(0, dot)) || database, table: text.slice(dot + 1) };
}

/** A fault when the column that a field names is not in the schema. */
export function columnFault(definition: TableDefinition, field: string, column: string): InputFault[] {
  if (definition.schema.some((c) => c.name === column)) return [];
  const near = definition.schema.find((c) => sameName(c.name, column));
  const hint = near === undefined ? '' : `; did you mean '${near.name}'?`;
  return [
    { path: field, rule: 'column.missing', message: `no matching column '${column}' found in the schema${hint}` },
  ];
}

/** Faults of one reference: the director must be registered, and be a director. */
export function referenceFaults(reference: DirectorReference, known: KnownTables): InputFault[] {
  const { field: path, database, table } = reference;
  const fault = (rule: string, message: string) => [{ path, rule: `reference.${rule}`, message }];
  if (!known.hasDatabase(database)) return fault('database', `non-existing database '${database}' referenced`);
  const director = known.table(database, table);
  if (director === undefined) {
    return fault('table', `non-existing director table '${database}.${table}' referenced; register directors first`);
  }
  if (director.kind !== 'director') return fault('kind', `'${database}.${table}' is not a director table`);
  return [];
}
