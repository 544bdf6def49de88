import type { RepublishRequest } from '../../../api/campaign/republish';
import type { Controller, DatabaseDescriptor, TableDescriptor } from '../../controller/controller';
import { replacementName, sameName, tableNameFault } from '../../core/names';
import { kindOf, type TableDefinition } from '../../core/tables';
import { describeDatabase } from '../describe-database';
import type { Republish } from '../ledger';
import {
  type Catalog,
  type CatalogTable,
  checkDefinition,
  deleteCommand,
  directorsFirst,
  knownTables,
  qservPath,
  rankOf,
  readTables,
  type TableReading,
} from './catalog';
import type { Faults } from './faults';
import { type Referrer, referrersOf } from './referrers';

export interface RepublishCatalog extends Catalog {
  registered: DatabaseDescriptor;
  republish: Republish;
}

/**
 * Reads a request's definitions and holds them against the published database as it will be. Of the tables that it returns, those
 * of `replace` have a `version`. Faults are added; undefined when the database itself cannot be republished.
 */
export async function readRepublishCatalog(
  request: RepublishRequest,
  database: string,
  controller: Controller,
  reading: Omit<TableReading, 'base' | 'database'> & { base: string | undefined },
): Promise<RepublishCatalog | undefined> {
  const { faults } = reading;
  const registered = await describeDatabase(controller, database);
  if (!registered?.isPublished) {
    const remedy = 'a republish changes a published database; load and publish it first';
    faults.add(
      '(input)',
      registered ? `'${database}' is not published: ${remedy}` : `no database '${database}': ${remedy}`,
    );
    return undefined;
  }
  const ofDatabase = { ...reading, database };
  const added = await readTables(request.add, ['add'], 0, ofDatabase);
  const replacing = await readTables(request.replace, ['replace'], request.add.length, ofDatabase);
  const tables = [...added, ...replacing];
  const complete = tables.length === request.add.length + request.replace.length;

  const twins = namedTwice(tables, request.remove, faults);
  const once = (list: CatalogTable[]) => list.filter((table) => !twins.has(table.path));
  for (const table of once(added)) checkAdded(table, registered, faults);
  const { replaceTables } = controller.capabilities;
  const going = replaceTables ? request.remove : [...request.remove, ...replacing.map((t) => t.definition.name)];
  for (const table of once(replacing)) {
    const old = checkReplacing(table, registered, faults);
    if (old !== undefined) await checkReferrers(table, old, { registered, controller, going }, faults);
  }
  for (const [i, name] of request.remove.entries()) {
    await checkRemoved(name, `remove[${i}]`, registered, controller, request.remove, faults);
  }

  const own = [...untouched(registered, replacing, request.remove), ...once(tables).map((table) => table.definition)];
  const known = await knownTables(database, tables, own, controller);
  for (const { definition, path } of once(tables)) {
    const others = own.filter((other) => other.name !== definition.name);
    checkDefinition(definition, `${path}.definition`, known, others, complete, faults);
  }
  const { numStripes, numSubStripes, overlap } = await controller.family(registered.family);
  const leaving = tablesByRank(registered, going);
  return {
    database: { name: database, numStripes, numSubStripes, overlap },
    tables: directorsFirst([...added, ...(replaceTables ? withVersions(replacing, registered, faults) : replacing)]),
    registered,
    republish: replaceTables
      ? { replaces: nextVersions(replacing), removes: leaving.map(({ definition: { name } }) => name) }
      : {
          replaces: {},
          removes: [],
          makesRoom: leaving.map(({ definition: { name }, createTime }) => ({ table: name, created: createTime })),
        },
  };
}

function nextVersions(replacing: CatalogTable[]): Republish['replaces'] {
  return Object.fromEntries(replacing.map(({ definition: { name } }) => [replacementName(name), name]));
}

/** Those that are named, dependents before their directors. */
function tablesByRank({ tables }: DatabaseDescriptor, names: string[]): TableDescriptor[] {
  const named = tables.filter(({ definition: { name } }) => names.includes(name));
  return named.sort((a, b) => rankOf(b.definition) - rankOf(a.definition));
}

/** Tables of the database that are after the republish what they were before. */
function untouched({ tables }: DatabaseDescriptor, replacing: CatalogTable[], removed: string[]): TableDefinition[] {
  const changed = new Set([...replacing.map((table) => table.definition.name), ...removed]);
  return tables.map((t) => t.definition).filter(({ name }) => !changed.has(name));
}

/** A table belongs into one list, once. Returns the paths of those that were named before. */
function namedTwice(tables: CatalogTable[], removed: string[], faults: Faults): Set<string> {
  const named = [
    ...tables.map(({ definition: { name }, path }) => ({ name, path, at: `${path}.definition.table` })),
    ...removed.map((name, i) => ({ name, path: `remove[${i}]`, at: `remove[${i}]` })),
  ];
  const twins = new Set<string>();
  for (const [i, { name, path, at }] of named.entries()) {
    const earlier = named.slice(0, i).find((other) => sameName(other.name, name));
    if (earlier === undefined) continue;
    faults.add(at, `'${name}' is named by ${earlier.path} already; name each table once, in one of the lists`);
    twins.add(path);
  }
  return twins;
}

function checkAdded(
  { definition, path }: CatalogTable,
  { name: database, tables }: DatabaseDescriptor,
  faults: Faults,
) {
  const { name } = definition;
  const there = tables.find((t) => t.definition.name === name);
  if (there === undefined) return;
  const remedy = there.isPublished
    ? `is published already; name it under replace`
    : `is left from something that was not published; \`${deleteCommand(database, name)}\` first`;
  faults.add(`${path}.definition.table`, `'${name}' ${remedy}`);
}

/** The table that is replaced; a fault when it cannot be. */
function checkReplacing(
  { definition, path }: CatalogTable,
  registered: DatabaseDescriptor,
  faults: Faults,
): TableDefinition | undefined {
  const { name, kind } = definition;
  const old = published(registered, name, `${path}.definition.table`, 'to replace; name it under add', faults);
  if (old === undefined || old.kind === kind) return old;
  faults.add(
    `${path}.definition`,
    `'${name}' is a ${old.kind} table and cannot become a ${kind} one; remove it, and add it in a second republish`,
  );
  return undefined;
}

interface Standing {
  registered: DatabaseDescriptor;
  controller: Controller;
  /** Tables that are gone when the next versions come. */
  going: string[];
}

/** Tables that stay must find the director that they refer to, and a target that deletes it first must be able to. */
async function checkReferrers(
  { definition, path }: CatalogTable,
  old: TableDefinition,
  { registered, controller, going }: Standing,
  faults: Faults,
): Promise<void> {
  const { name } = definition;
  if (old.kind !== 'director' || definition.kind !== 'director') return;
  const sameKey = old.directorKey === definition.directorKey;
  if (sameKey && controller.capabilities.replaceTables) return;
  const referrers = await referrersOf(controller, { database: registered.name, table: name });
  const remaining = referrers.filter((referrer) => !isRemoved(referrer, registered, going));
  if (remaining.length === 0) return;
  if (sameKey) {
    faults.add(
      `${path}.definition.table`,
      `${list(remaining)} refer to '${name}', which this target must delete before it takes the next version; replace or remove them too`,
    );
    return;
  }
  faults.add(
    `${path}.definition.${qservPath('directorKey')}`,
    `${list(remaining)} refer to '${name}' by its column '${old.directorKey}'; keep it as the key`,
  );
}

async function checkRemoved(
  name: string,
  path: string,
  registered: DatabaseDescriptor,
  controller: Controller,
  removed: string[],
  faults: Faults,
): Promise<void> {
  if (published(registered, name, path, 'to remove; leave it out', faults) === undefined) return;
  const referrers = await referrersOf(controller, { database: registered.name, table: name });
  const remaining = referrers.filter((referrer) => !isRemoved(referrer, registered, removed));
  if (remaining.length === 0) return;
  faults.add(path, `${list(remaining)} refer to '${name}'; remove them too, or replace them in an earlier republish`);
}

/** The published table of that name; a fault when there is none. */
function published(
  { name: database, tables }: DatabaseDescriptor,
  name: string,
  path: string,
  wanted: string,
  faults: Faults,
): TableDefinition | undefined {
  const there = tables.find((t) => t.definition.name === name);
  if (there?.isPublished) return there.definition;
  const near = tables.find((t) => sameName(t.definition.name, name))?.definition.name ?? '';
  if (there !== undefined) {
    faults.add(path, `'${name}' is not published; \`${deleteCommand(database, name)}\` first, then add it`);
  } else if (near !== '') faults.add(path, `there is no table '${name}'; did you mean '${near}'?`);
  else faults.add(path, `there is no table '${name}' ${wanted}`);
  return undefined;
}

function isRemoved(referrer: Referrer, { name }: DatabaseDescriptor, removed: string[]): boolean {
  return referrer.database === name && removed.includes(referrer.table);
}

function list(referrers: Referrer[]): string {
  return referrers.map(({ database, table }) => `${database}.${table}`).join(', ');
}

/** Names their next versions, and sees that these names are free. */
function withVersions(tables: CatalogTable[], registered: DatabaseDescriptor, faults: Faults): CatalogTable[] {
  const taken = new Map(registered.tables.map((t) => [t.definition.name.toLowerCase(), t.definition.name]));
  return tables.map((table) => {
    const { name } = table.definition;
    const version = replacementName(name);
    const path = `${table.path}.definition.table`;
    const holder = taken.get(version);
    const long = tableNameFault(registered.name, version, kindOf(table.definition).partitioned);
    if (holder !== undefined) {
      faults.add(
        path,
        `the next version of '${name}' would be called ${version}, as is ${holder}; replace '${name}' on its own`,
      );
    } else if (long !== undefined) faults.add(path, `the next version of '${name}' cannot be named: ${long}`);
    taken.set(version, `that of '${name}'`);
    return { ...table, version };
  });
}
