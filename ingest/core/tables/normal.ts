import type { ColumnDefinition, TableDefinition } from './definition';

export const DEFAULT_CHARSET = 'latin1';
export const DEFAULT_COLLATION = 'latin1_general_ci';

/** The definition with defaults filled in, so that two that mean the same are equal. A collation belongs to its charset. */
export function normalDefinition(definition: TableDefinition): TableDefinition {
  const charset = definition.charset || DEFAULT_CHARSET;
  const common = {
    name: definition.name,
    schema: definition.schema.map(({ name, type }) => ({ name, type })),
    charset,
    collation: definition.collation || (charset.toLowerCase() === DEFAULT_CHARSET ? DEFAULT_COLLATION : ''),
  };
  switch (definition.kind) {
    case 'director': {
      const { kind, directorKey, longitudeKey, latitudeKey, uniquePrimaryKey = true } = definition;
      return { ...common, kind, directorKey, longitudeKey, latitudeKey, uniquePrimaryKey };
    }
    case 'dependent': {
      const { kind, director, directorKey, longitudeKey = '', latitudeKey = '' } = definition;
      return { ...common, kind, director, directorKey, longitudeKey, latitudeKey };
    }
    case 'refMatch': {
      const { kind, director, directorKey, director2, directorKey2, flag, angSep } = definition;
      return { ...common, kind, director, directorKey, director2, directorKey2, flag, angSep };
    }
    case 'regular':
      return { ...common, kind: definition.kind };
    default:
      return definition satisfies never;
  }
}

/** Names of the fields in which two definitions differ. */
export function definitionDifferences(a: TableDefinition, b: TableDefinition): string[] {
  const left: Record<string, unknown> = { ...normalDefinition(a) };
  const right: Record<string, unknown> = { ...normalDefinition(b) };
  const text = (value: unknown) => JSON.stringify(value, (_, v: unknown) => (isColumn(v) ? [v.name, v.type] : v)) ?? '';
  return [...new Set([...Object.keys(left), ...Object.keys(right)])].filter(
    (key) => text(left[key]) !== text(right[key]),
  );
}

function isColumn(value: unknown): value is ColumnDefinition {
  return typeof value === 'object' && value !== null && 'name' in value && 'type' in value;
}
