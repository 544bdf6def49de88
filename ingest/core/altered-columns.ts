import type { Alteration, ColumnChange } from './alteration';
import type { InputFault } from './errors';
import { sameName, TRANSACTION_COLUMN } from './names';
import { type ColumnDefinition, kindOf, schemaFaults, type TableDefinition, type TableDescriptor } from './tables';

/** A column as MariaDB writes it in SHOW CREATE TABLE: equal ones have equal texts. */
export interface ShownColumn {
  name: string;
  definition: string;
}

export function sameColumns(a: ShownColumn[], b: ShownColumn[]): boolean {
  const text = (columns: ShownColumn[]) => JSON.stringify(columns.map((c) => [c.name, c.definition]));
  return text(a) === text(b);
}

const columnOf = (change: ColumnChange) => (change.kind === 'add' ? change.name : change.column);

/** Faults of a change of this table that can be told before MariaDB is asked. */
export function alterationFaults({ definition }: TableDescriptor, { changes }: Alteration): InputFault[] {
  const keys = [TRANSACTION_COLUMN, ...kindOf(definition).keyColumns(definition)];
  return changes.flatMap((change) => {
    const key = keys.find((name) => change.kind !== 'add' && sameName(name, columnOf(change)));
    if (key === undefined) return [];
    return [{ path: 'spec', message: `column '${key}' is one that Qserv goes by: it stays as it is` }];
  });
}

/**
 * The columns that the record of the table gets: what MariaDB made of the change, in the words of the registration where a column
 * stayed as it was, else in the caller's. The transaction column is the first.
 */
export function recordedColumns(
  { columns: registered }: TableDescriptor,
  { changes }: Alteration,
  before: ShownColumn[],
  after: ShownColumn[],
): ColumnDefinition[] {
  const typeOf = (name: string) => registered.find((column) => sameName(column.name, name))?.type;
  return after.map(({ name, definition }) => {
    const was = before.find((column) => sameName(column.name, name));
    if (was?.definition === definition) return { name, type: typeOf(name) ?? definition };
    const change = changes.findLast((one) => 'name' in one && sameName(one.name, name));
    if (change?.kind === 'add' || change?.kind === 'define') return { name, type: change.type };
    if (change?.kind === 'rename') return { name, type: typeOf(change.column) ?? definition };
    return { name, type: definition };
  });
}

/** Faults of what MariaDB made of a change. `columns` are those of `recordedColumns`. */
export function alteredFaults(
  { definition }: TableDescriptor,
  { changes }: Alteration,
  before: ShownColumn[],
  after: ShownColumn[],
  columns: ColumnDefinition[],
): InputFault[] {
  const faults: InputFault[] = [];
  const fault = (message: string) => faults.push({ path: 'spec', message });
  const [first, ...schema] = columns;
  if (first?.name !== TRANSACTION_COLUMN) fault(`column '${TRANSACTION_COLUMN}' must stay the first one`);
  for (const key of [TRANSACTION_COLUMN, ...kindOf(definition).keyColumns(definition)]) {
    const [was, is] = [before, after].map((all) => all.find(({ name }) => sameName(name, key)));
    if (JSON.stringify(was) !== JSON.stringify(is))
      fault(`column '${key}' is one that Qserv goes by: it stays as it is`);
  }
  // Whether a final table has such a change could not be told.
  if (sameColumns(before, after) && changes.some((c) => 'name' in c && !sameName(c.name, columnOf(c)))) {
    fault('columns that exchange their names are not possible: change them one after the other');
  }
  const altered: TableDefinition = { ...definition, schema };
  const ofTypes = [...schemaFaults(schema), ...kindOf(altered).columnFaults(altered)];
  return [...faults, ...ofTypes.map(({ path, message }) => ({ path: `spec: ${path}`, message }))];
}
