import { GEOMETRY, parseColumnType } from '../columns';
import type { InputFault } from '../errors';
import {
  identifierFault,
  isTooLongWith,
  metaTables,
  sameName,
  shadowsChunksOf,
  TRANSACTION_COLUMN,
  tableNameFault,
} from '../names';
import type { ColumnDefinition, TableDefinition } from './definition';
import type { KnownTables } from './kind';
import { kindOf } from './registry';

/** MariaDB's limit, less the transaction column. */
const MAX_COLUMNS = 4095;

/**
 * All faults of a new table's definition; paths are relative to it (`schema[2].type`). Rules common to all kinds, then those of
 * its kind. `others` are the tables the database has already, without the one itself.
 */
export function tableFaults(definition: TableDefinition, known: KnownTables, others: TableDefinition[]): InputFault[] {
  const kind = kindOf(definition);
  const faults: InputFault[] = [];
  const name = tableNameFault(known.database, definition.name, kind.partitioned);
  if (name !== undefined) {
    const tooLong = isTooLongWith(known.database, definition.name);
    faults.push({ path: 'name', message: name, ...(tooLong ? { rule: 'name.length' } : {}) });
  }
  faults.push(...clashes(definition, others), ...metaClashes(definition, known, others));
  faults.push(...schemaFaults(definition.schema));
  for (const field of ['charset', 'collation'] as const) {
    const value = definition[field];
    if (value !== undefined && !/^[A-Za-z0-9_]+$/.test(value)) {
      faults.push({ path: field, message: `'${value}' is not the name of a MySQL ${field}` });
    }
  }
  return [...faults, ...kind.validate(definition, known)];
}

function clashes(definition: TableDefinition, others: TableDefinition[]): InputFault[] {
  const faults: InputFault[] = [];
  for (const other of others) {
    if (sameName(other.name, definition.name)) {
      faults.push({
        path: 'name',
        message: `'${other.name}' differs in case only; Qserv takes both for the same table`,
      });
    }
    const shadows =
      (kindOf(other).partitioned && shadowsChunksOf(definition.name, other.name)) ||
      (kindOf(definition).partitioned && shadowsChunksOf(other.name, definition.name));
    if (shadows)
      faults.push({ path: 'name', message: `a chunk table would be called as one of table '${other.name}'` });
  }
  return faults;
}

/** One name for two tables' director indexes or row counters on the master: each would take or drop the other's. */
function metaClashes(definition: TableDefinition, known: KnownTables, others: TableDefinition[]): InputFault[] {
  const namesOf = (database: string, { name, kind }: TableDefinition) =>
    metaTables(database, name, kind === 'director');
  const mine = namesOf(known.database, definition);
  const all = [...others.map((other) => ({ database: known.database, definition: other })), ...known.elsewhere];
  return all.flatMap(({ database, definition: other }) => {
    if (database === known.database && sameName(other.name, definition.name)) return [];
    const shared = mine.find((name) => namesOf(database, other).includes(name));
    if (shared === undefined) return [];
    const message = `'${shared}' is what Qserv's director index or row counters of table '${database}.${other.name}' are called too`;
    return [{ path: 'name', message }];
  });
}

/** Faults of a schema alone. */
export function schemaFaults(schema: ColumnDefinition[]): InputFault[] {
  if (schema.length === 0) return [{ path: 'schema', rule: 'schema.empty', message: 'the table schema is empty' }];
  if (schema.length > MAX_COLUMNS) return [{ path: 'schema', message: `more than ${MAX_COLUMNS} columns` }];
  const faults: InputFault[] = [];
  const seen = new Map<string, string>();
  schema.forEach((column, i) => {
    const path = `schema[${i}]`;
    const lower = column.name.toLowerCase();
    const earlier = seen.get(lower);
    const fault = identifierFault(column.name);
    if (fault !== undefined) faults.push({ path: `${path}.name`, message: fault });
    else if (lower === TRANSACTION_COLUMN) {
      const message = `reserved column '${TRANSACTION_COLUMN}' is not allowed`;
      faults.push({ path: `${path}.name`, rule: 'column.reserved', message });
    } else if (earlier !== undefined) {
      faults.push({
        path: `${path}.name`,
        message: `column '${column.name}' is there already${earlier === column.name ? '' : ` as '${earlier}'`}; MySQL ignores case`,
      });
    }
    seen.set(lower, column.name);
    const type = parseColumnType(column.type);
    if (typeof type === 'string') faults.push({ path: `${path}.type`, message: type });
    else if (GEOMETRY.test(type.base)) {
      const message = `the type ${type.base} is not possible: tables are loaded by partitions, which take no geometries`;
      faults.push({ path: `${path}.type`, message });
    }
  });
  return faults;
}
