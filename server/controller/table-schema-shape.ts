import { typeMismatch } from '../../api/qserv/faults';
import { Refusal } from '../../api/qserv/refusal';
import type { ColumnDefinition } from '../../ingest/core/tables';

/** The columns of a new table, or what Qserv says of something else in their place: docs/contract/controller.md §5.3. */
export function columnsOf(schema: unknown): ColumnDefinition[] | Refusal {
  if (schema === null) return new Refusal('E', 'table schema is empty');
  if (!Array.isArray(schema)) return new Refusal('E', 'table schema is not defined as an array');
  const columns: ColumnDefinition[] = [];
  for (const column of schema as unknown[]) {
    if (typeof column !== 'object' || column === null || Array.isArray(column)) {
      return new Refusal('E', 'columns definitions in table schema are not JSON objects');
    }
    // The transaction column is number 1.
    const number = columns.length + 2;
    const read = { name: '', type: '' };
    for (const attribute of ['name', 'type'] as const) {
      const value = (column as Record<string, unknown>)[attribute];
      if (value === undefined) {
        const tail = `column attribute '${attribute}' is missing in table schema for column number: ${number}`;
        return new Refusal('E', tail);
      }
      if (typeof value !== 'string') {
        const { kind, tail } = typeMismatch('string', value);
        return new Refusal(kind, tail);
      }
      read[attribute] = value;
    }
    columns.push(read);
  }
  return columns;
}
