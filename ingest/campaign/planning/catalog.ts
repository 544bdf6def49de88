import { inputFaults } from '../../../api/campaign/faults';
import type { Campaign } from '../../../api/campaign/input';
import { databaseDefinition } from '../../../api/qserv/database';
import { QSERV_FIELDS, registerTable, toTableDefinition } from '../../../api/qserv/table';
import type { Controller, DatabaseDefinition, DatabaseDescriptor } from '../../controller/controller';
import type { Dialect } from '../../core/dialect';
import { IngestError, type InputFault } from '../../core/errors';
import { geometryFault } from '../../core/geometry';
import { databaseNameFault, sameName } from '../../core/names';
import { definitionDifferences, type KnownTables, kindOf, type TableDefinition, tableFaults } from '../../core/tables';
import { type SourceRules, shownUrl } from '../../source';
import { defaultDialect } from './dialects';
import type { Faults } from './faults';
import { readDefinition } from './references';

/** A table of the input; `index` is its place in `tables`. */
export interface CatalogTable {
  index: number;
  definition: TableDefinition;
  /** Of its files, unless a group of them says otherwise. */
  dialect: Dialect;
}

export interface Catalog {
  database: DatabaseDefinition;
  /** Directors first, else in the input's order. */
  tables: CatalogTable[];
  /** The database as it is registered now, if it is. */
  registered?: DatabaseDescriptor;
}

export interface CatalogServices {
  sources: SourceRules;
  /** Without it nothing is compared with what is registered. */
  controller?: Controller;
}

/** The database that an input names. Faults are added; undefined then. */
export async function readDatabase(
  campaign: Campaign,
  rules: SourceRules,
  faults: Faults,
  signal?: AbortSignal,
): Promise<DatabaseDefinition | undefined> {
  const read = await readAt('database', campaign.database, campaign, rules, faults, signal);
  if (read === undefined) return undefined;
  const parsed = databaseDefinition.safeParse(read.value);
  if (!parsed.success) {
    faults.addAll(located(inputFaults(parsed.error.issues, ['database']), read.url));
    return undefined;
  }
  const { name, numStripes, numSubStripes } = parsed.data;
  const nameFault = databaseNameFault(name);
  const geometry = geometryFault(numStripes, numSubStripes);
  if (nameFault !== undefined) faults.add('database.database', nameFault);
  if (geometry !== undefined) faults.add('database.num_stripes', geometry);
  return nameFault === undefined && geometry === undefined ? parsed.data : undefined;
}

/** Reads and checks all definitions, against each other and against what is registered. Faults are added; undefined then. */
export async function readCatalog(
  campaign: Campaign,
  { sources, controller }: CatalogServices,
  faults: Faults,
  signal?: AbortSignal,
): Promise<Catalog | undefined> {
  const database = await readDatabase(campaign, sources, faults, signal);
  const tables: CatalogTable[] = [];
  for (const index of campaign.tables.keys()) {
    const table = await readTable(campaign, index, database?.name, sources, faults, signal);
    if (table !== undefined) tables.push(table);
  }
  if (database === undefined) return undefined;
  const registered = controller && (await checkRegistered(database, controller, faults));
  const complete = tables.length === campaign.tables.length;
  const known = await knownTables(database.name, tables, registered, controller);
  for (const table of tables) checkTable(table, tables, known, registered, complete, faults);
  return { database, tables: directorsFirst(tables), ...(registered ? { registered } : {}) };
}

async function readAt(
  path: string,
  definition: Record<string, unknown>,
  campaign: Campaign,
  rules: SourceRules,
  faults: Faults,
  signal?: AbortSignal,
) {
  try {
    return await readDefinition(definition, campaign.base, rules, signal);
  } catch (error) {
    faults.take(typeof definition.$ref === 'string' ? `${path}.$ref` : path, error);
    return undefined;
  }
}

async function readTable(
  campaign: Campaign,
  index: number,
  database: string | undefined,
  rules: SourceRules,
  faults: Faults,
  signal?: AbortSignal,
): Promise<CatalogTable | undefined> {
  const definition = campaign.tables[index]?.definition ?? {};
  const path = `tables[${index}].definition`;
  const read = await readAt(path, definition, campaign, rules, faults, signal);
  if (read === undefined) return undefined;
  // Without a database of its own it belongs to the campaign's; a database at fault is reported once, where it stands.
  const parsed = registerTable.safeParse({ ...read.value, database: read.value.database ?? database ?? '' });
  if (!parsed.success) {
    faults.addAll(located(inputFaults(parsed.error.issues, ['tables', index, 'definition']), read.url));
    return undefined;
  }
  if (database !== undefined && parsed.data.database !== database) {
    faults.add(
      `${path}.database`,
      `is '${parsed.data.database}', but the campaign's database is '${database}'; remove it`,
    );
  }
  const { dialect, faults: dialectFaults } = defaultDialect(read.value, path);
  faults.addAll(located(dialectFaults, read.url));
  return { index, definition: toTableDefinition(parsed.data), dialect };
}

/** Faults of a definition in another file say which. */
function located(faults: InputFault[], url: string | undefined): InputFault[] {
  return url === undefined
    ? faults
    : faults.map(({ path, message }) => ({ path, message: `${message} (in ${shownUrl(url)})` }));
}

async function describeDatabase(controller: Controller, name: string): Promise<DatabaseDescriptor | undefined> {
  try {
    return await controller.database(name);
  } catch (error) {
    if (error instanceof IngestError && error.code === 'UNKNOWN_DATABASE') return undefined;
    throw error;
  }
}

/** Holds the database against what is registered under its name; returns that, if there is anything. */
async function checkRegistered(
  database: DatabaseDefinition,
  controller: Controller,
  faults: Faults,
): Promise<DatabaseDescriptor | undefined> {
  const twin = (await controller.databases()).find((d) => d.name !== database.name && sameName(d.name, database.name));
  if (twin !== undefined) faults.add('database.database', `'${twin.name}' is there, which differs in case only`);
  const registered = await describeDatabase(controller, database.name);
  if (registered === undefined) return undefined;
  if (registered.isPublished) {
    faults.add('database.database', `'${database.name}' is published already; choose another name, or delete it first`);
  }
  const { numStripes, numSubStripes } = await controller.family(registered.family);
  if (numStripes !== database.numStripes || numSubStripes !== database.numSubStripes) {
    const there = `${numStripes} stripes with ${numSubStripes} sub-stripes each`;
    faults.add('database.num_stripes', `'${database.name}' is registered with ${there}; delete it first`);
  }
  return registered;
}

/** What the rules of kinds may ask: the campaign's own tables, those registered, and other databases that directors are in. */
async function knownTables(
  database: string,
  tables: CatalogTable[],
  registered: DatabaseDescriptor | undefined,
  controller: Controller | undefined,
): Promise<KnownTables> {
  const others = new Map<string, TableDefinition[]>();
  const own = [...tables.map((t) => t.definition), ...(registered?.tables ?? []).map((t) => t.definition)];
  others.set(database, own);
  for (const { definition } of tables) {
    for (const reference of kindOf(definition).directors(definition as never, database)) {
      if (others.has(reference.database)) continue;
      const found = controller && (await describeDatabase(controller, reference.database));
      if (found)
        others.set(
          reference.database,
          found.tables.map((t) => t.definition),
        );
    }
  }
  return {
    database,
    hasDatabase: (name) => others.has(name),
    table: (name, table) => others.get(name)?.find((definition) => definition.name === table),
  };
}

function checkTable(
  { index, definition }: CatalogTable,
  tables: CatalogTable[],
  known: KnownTables,
  registered: DatabaseDescriptor | undefined,
  complete: boolean,
  faults: Faults,
): void {
  const path = `tables[${index}].definition`;
  const twin = tables.find((t) => t.index < index && sameName(t.definition.name, definition.name));
  if (twin !== undefined) {
    faults.add(
      `${path}.table`,
      `'${definition.name}' is defined already by tables[${twin.index}]; put its files there`,
    );
    return;
  }
  const there = registered?.tables.find((t) => t.definition.name === definition.name);
  if (there?.isPublished && !registered?.isPublished)
    faults.add(`${path}.table`, `'${definition.name}' is published already; leave it out or delete it first`);
  const differs = there && !there.isPublished ? definitionDifferences(there.definition, definition) : [];
  for (const field of differs) {
    faults.add(
      `${path}.${qservPath(field)}`,
      `'${definition.name}' is registered with another one; delete the table first`,
    );
  }
  const others = [
    ...tables.filter((t) => t.index < index).map((t) => t.definition),
    ...(registered?.tables ?? []).map((t) => t.definition).filter((t) => t.name !== definition.name),
  ];
  for (const fault of tableFaults(definition, known, others)) {
    // A director whose own definition could not be read is reported there.
    if (!complete && /^director2?$/.test(fault.path)) continue;
    faults.add(`${path}.${qservPath(fault.path)}`, fault.message);
  }
}

/** The path of a fault in Qserv's spelling: `directorKey` → `director_key`. */
function qservPath(path: string): string {
  const [, field = path, rest = ''] = /^([A-Za-z0-9_]+)(.*)$/.exec(path) ?? [];
  return `${QSERV_FIELDS[field] ?? field}${rest}`;
}

const ORDER = { director: 0, dependent: 1, refMatch: 2, regular: 3 };

function directorsFirst(tables: CatalogTable[]): CatalogTable[] {
  return [...tables].sort((a, b) => ORDER[a.definition.kind] - ORDER[b.definition.kind] || a.index - b.index);
}
