import type { ContributionGroup } from '../../../api/campaign/contributions';
import { inputFaults, pathText } from '../../../api/campaign/faults';
import type { Campaign, CampaignTable } from '../../../api/campaign/input';
import { databaseDefinition } from '../../../api/qserv/database';
import { QSERV_FIELDS, registerTable, toTableDefinition } from '../../../api/qserv/table';
import type { Controller, DatabaseDefinition, DatabaseDescriptor } from '../../controller/controller';
import type { Dialect } from '../../core/dialect';
import type { InputFault } from '../../core/errors';
import { geometryFault } from '../../core/geometry';
import { databaseNameFault, sameName } from '../../core/names';
import { definitionDifferences, type KnownTables, kindOf, type TableDefinition, tableFaults } from '../../core/tables';
import { type SourceRules, shownUrl } from '../../source';
import { describeDatabase } from '../describe-database';
import type { TableFinishing } from '../ledger';
import { defaultDialect } from './dialects';
import type { Faults } from './faults';
import { finishingFaults } from './finishing';
import { readDefinition } from './references';
import { checkRegistered } from './registered';

/** A table of the input. */
export interface CatalogTable {
  /** Counts the input's tables. */
  index: number;
  /** Where the input has it, as in `tables[1]`. */
  path: string;
  definition: TableDefinition;
  /** The name under which it is loaded, where that is not its own: the next version of a published table. */
  version?: string;
  /** Of its files, unless a group of them says otherwise. */
  dialect: Dialect;
  contributions: ContributionGroup[];
  finishing: TableFinishing;
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
  const read = await readAt('database', campaign.database, campaign.base, rules, faults, signal);
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
  const reading = { base: campaign.base, database: database?.name, rules: sources, faults, signal };
  const tables = await readTables(campaign.tables, ['tables'], 0, reading);
  if (database === undefined) return undefined;
  const registered = controller && (await checkRegistered(database, campaign.adopt, controller, faults));
  const complete = tables.length === campaign.tables.length;
  const definitions = [...tables.map((t) => t.definition), ...(registered?.tables ?? []).map((t) => t.definition)];
  const known = await knownTables(database.name, tables, definitions, controller);
  for (const table of tables) checkTable(table, tables, known, registered, complete, faults);
  return { database, tables: directorsFirst(tables), ...(registered ? { registered } : {}) };
}

/** What tables of an input are read with. `database`: theirs, unless that is at fault itself. */
export interface TableReading {
  base: string | undefined;
  database: string | undefined;
  rules: SourceRules;
  faults: Faults;
  signal?: AbortSignal;
}

/** Reads the definitions of a list of tables that stands at `path`; `first` is the index of its first. Those at fault are left out. */
export async function readTables(
  given: CampaignTable[],
  path: PropertyKey[],
  first: number,
  reading: TableReading,
): Promise<CatalogTable[]> {
  const tables: CatalogTable[] = [];
  for (const [i, table] of given.entries()) {
    const read = await readTable(table, [...path, i], first + i, reading);
    if (read !== undefined) tables.push(read);
  }
  return tables;
}

async function readAt(
  path: string,
  definition: Record<string, unknown>,
  base: string | undefined,
  rules: SourceRules,
  faults: Faults,
  signal?: AbortSignal,
) {
  try {
    return await readDefinition(definition, base, rules, signal);
  } catch (error) {
    faults.take(typeof definition.$ref === 'string' ? `${path}.$ref` : path, error);
    return undefined;
  }
}

async function readTable(
  given: CampaignTable,
  at: PropertyKey[],
  index: number,
  { base, database, rules, faults, signal }: TableReading,
): Promise<CatalogTable | undefined> {
  const path = `${pathText(at)}.definition`;
  const read = await readAt(path, given.definition, base, rules, faults, signal);
  if (read === undefined) return undefined;
  // Without a database of its own it belongs to the campaign's; a database at fault is reported once, where it stands.
  const parsed = registerTable.safeParse({ ...read.value, database: read.value.database ?? database ?? '' });
  if (!parsed.success) {
    faults.addAll(located(inputFaults(parsed.error.issues, [...at, 'definition']), read.url));
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
  const { contributions, indexes, scanRating } = given;
  const finishing = { indexes, ...(scanRating === undefined ? {} : { scanRating }) };
  const definition = toTableDefinition(parsed.data);
  faults.addAll(finishingFaults(definition, finishing, pathText(at)));
  return { index, path: pathText(at), definition, dialect, contributions, finishing };
}

/** Faults of a definition in another file say which. */
function located(faults: InputFault[], url: string | undefined): InputFault[] {
  return url === undefined
    ? faults
    : faults.map(({ path, message }) => ({ path, message: `${message} (in ${shownUrl(url)})` }));
}

/**
 * What the rules of kinds may ask: the database's own tables, as they are to be, and other databases that directors of the new
 * tables are in.
 */
export async function knownTables(
  database: string,
  tables: CatalogTable[],
  own: TableDefinition[],
  controller: Controller | undefined,
): Promise<KnownTables> {
  const others = new Map<string, TableDefinition[]>([[database, own]]);
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
  const all = (await controller?.databases()) ?? [];
  return {
    database,
    hasDatabase: (name) => others.has(name),
    table: (name, table) => others.get(name)?.find((definition) => definition.name === table),
    elsewhere: all.flatMap((one) =>
      one.name === database ? [] : one.tables.map(({ definition }) => ({ database: one.name, definition })),
    ),
  };
}

function checkTable(
  { index, path: at, definition }: CatalogTable,
  tables: CatalogTable[],
  known: KnownTables,
  registered: DatabaseDescriptor | undefined,
  complete: boolean,
  faults: Faults,
): void {
  const path = `${at}.definition`;
  const twin = tables.find((t) => t.index < index && sameName(t.definition.name, definition.name));
  if (twin !== undefined) {
    faults.add(`${path}.table`, `'${definition.name}' is defined already by ${twin.path}; put its files there`);
    return;
  }
  const there = registered?.tables.find((t) => t.definition.name === definition.name);
  if (there?.isPublished && !registered?.isPublished)
    faults.add(
      `${path}.table`,
      `'${definition.name}' is published already; leave it out, or \`${deleteCommand(known.database, definition.name)}\` first`,
    );
  const differs = there && !there.isPublished ? definitionDifferences(there.definition, definition) : [];
  for (const field of differs) {
    faults.add(
      `${path}.${qservPath(field)}`,
      `'${definition.name}' is registered with another one; \`${deleteCommand(known.database, definition.name)}\` first`,
    );
  }
  const others = [
    ...tables.filter((t) => t.index < index).map((t) => t.definition),
    ...(registered?.tables ?? []).map((t) => t.definition).filter((t) => t.name !== definition.name),
  ];
  checkDefinition(definition, path, known, others, complete, faults);
}

/** Holds a definition at `path` against the rules. `others`: the database's further tables. `complete`: none could not be read. */
export function checkDefinition(
  definition: TableDefinition,
  path: string,
  known: KnownTables,
  others: TableDefinition[],
  complete: boolean,
  faults: Faults,
): void {
  for (const fault of tableFaults(definition, known, others)) {
    // A director whose own definition could not be read is reported there.
    if (!complete && /^director2?$/.test(fault.path)) continue;
    faults.add(`${path}.${qservPath(fault.path)}`, fault.message);
  }
}

/** How people delete a table that is in the way. */
export function deleteCommand(database: string, table: string): string {
  return `campaign delete ${database} --table ${table}`;
}

/** The path of a fault in Qserv's spelling: `directorKey` → `director_key`. */
export function qservPath(path: string): string {
  const [, field = path, rest = ''] = /^([A-Za-z0-9_]+)(.*)$/.exec(path) ?? [];
  return `${QSERV_FIELDS[field] ?? field}${rest}`;
}

const ORDER = { director: 0, dependent: 1, refMatch: 2, regular: 3 };

export function directorsFirst(tables: CatalogTable[]): CatalogTable[] {
  return [...tables].sort((a, b) => rankOf(a.definition) - rankOf(b.definition) || a.index - b.index);
}

/** Tables of a lower rank are there before those of a higher one, and outlive them. */
export function rankOf({ kind }: TableDefinition): number {
  return ORDER[kind];
}
