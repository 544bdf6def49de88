import type { DatabaseDescriptor } from '../../controller/controller';
import type { InputFault } from '../../core/errors';
import { kindOf, type TableDescriptor, type TableKindName } from '../../core/tables';
import type { TableSize } from '../ledger';

export interface PlannedTable {
  table: string;
  kind: TableKindName;
  /** Of this table, and no later one of the same name: ms since the epoch. */
  created: number;
  /** See TableSize. */
  rows: number;
  bytes: number;
}

export interface DeletionPlan {
  database: string;
  /** Of this database, and no later one of the same name: ms since the epoch. */
  created: number;
  /** The whole database is to go. */
  whole: boolean;
  /** Readers see some of it: an administrator's key is needed. */
  published: boolean;
  /** Those before the directors that they refer to. */
  tables: PlannedTable[];
}

/**
 * What deleting a database, or some of its tables, takes. The next version of a table that is to go, left over from a republish,
 * goes with it. Faults: names that are not there, directors that tables which stay, of any database in `all`, depend on.
 */
export function planDeletion(
  database: DatabaseDescriptor,
  names: readonly string[] | undefined,
  sizes: readonly TableSize[],
  all: readonly DatabaseDescriptor[] = [],
): { plan: DeletionPlan; faults: InputFault[] } {
  const { tables } = database;
  const goes = ({ definition, replaces }: TableDescriptor) =>
    names === undefined || names.includes(definition.name) || (replaces !== undefined && names.includes(replaces));
  const going = tables.filter(goes);
  const others = all.filter(({ name }) => name !== database.name);
  const staying = [{ ...database, tables: tables.filter((table) => !goes(table)) }, ...others];
  const wanted = names ?? going.map(({ definition }) => definition.name);
  const faults = wanted.flatMap((name, i) => {
    const message = nameFault(database, name) ?? directorFault(database.name, name, staying);
    return message === undefined ? [] : [{ path: names === undefined ? 'database' : `tables[${i}]`, message }];
  });
  const plan = {
    database: database.name,
    created: database.createTime,
    whole: names === undefined,
    published: database.isPublished || going.some((table) => table.isPublished),
    tables: dependentsFirst(database.name, going).map((table) => planned(table, sizes)),
  };
  return { plan, faults };
}

function nameFault({ name: database, tables }: DatabaseDescriptor, name: string): string | undefined {
  if (tables.some(({ definition }) => definition.name === name)) return undefined;
  const there = tables.map(({ definition }) => definition.name).join(', ');
  return `there is no table '${name}' in database '${database}'; it has ${there || 'none'}`;
}

function directorFault(database: string, name: string, staying: readonly DatabaseDescriptor[]): string | undefined {
  const director = { database, table: name };
  const dependents = staying.flatMap(({ name: own, tables }) => {
    const prefix = own === database ? '' : `${own}.`;
    return tables.filter((table) => refersTo(own, table, director)).map((table) => prefix + table.definition.name);
  });
  if (dependents.length === 0) return undefined;
  const elsewhere = dependents.some((dependent) => dependent.includes('.'));
  const remedy = elsewhere ? 'delete these first' : 'name these too, or keep it';
  return `'${name}' is the director of ${dependents.join(', ')}: ${remedy}`;
}

/** True when the table of database `own` refers to that director. */
function refersTo(
  own: string,
  { definition }: TableDescriptor,
  { database, table }: { database: string; table: string },
): boolean {
  return kindOf(definition)
    .directors(definition, own)
    .some((reference) => reference.database === database && reference.table === table);
}

function dependentsFirst(database: string, tables: TableDescriptor[]): TableDescriptor[] {
  const sorted: TableDescriptor[] = [];
  let rest = tables;
  while (rest.length > 0) {
    const needed = (table: TableDescriptor) =>
      rest.some((other) => other !== table && refersTo(database, other, { database, table: table.definition.name }));
    const free = rest.filter((table) => !needed(table));
    // Tables that refer to each other in a circle are left to the controller to refuse.
    if (free.length === 0) return [...sorted, ...rest];
    sorted.push(...free);
    rest = rest.filter((table) => !free.includes(table));
  }
  return sorted;
}

function planned({ definition, createTime }: TableDescriptor, sizes: readonly TableSize[]): PlannedTable {
  const own = sizes.filter(
    ({ table, created }) => table === definition.name && (created === null || created === createTime),
  );
  const sum = (of: 'rows' | 'bytes') => own.reduce((total, size) => total + size[of], 0);
  return { table: definition.name, kind: definition.kind, created: createTime, rows: sum('rows'), bytes: sum('bytes') };
}
