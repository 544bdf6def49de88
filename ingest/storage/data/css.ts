import type { FamilyDescriptor } from '../../controller/controller';
import { IngestError } from '../../core/errors';
import type { ColumnDefinition, TableDescriptor } from '../../core/tables';
import type { DataServer } from './connection';
import {
  type CssStatus,
  databaseKey,
  PARTITIONING_PREFIX,
  partitioningText,
  type SharedScan,
  schemaText,
  sharedScanText,
  tableEntry,
  tableKey,
} from './css-entries';
import { CssReader, type CssStore, changeCss, PACKED, pack, unpack } from './css-store';

export type { CssStatus, SharedScan } from './css-entries';

/**
 * Makes the database known to Qserv's query front end. Its partitioning is that of the first of `siblings` (databases of the family,
 * published ones first) that is known there, else a new one: the front end joins tables of databases with one partitioning only, so
 * one that is unpublished just now counts too. What is there already and whole stays as it is.
 */
export async function writeCssDatabase(
  master: DataServer,
  database: string,
  family: FamilyDescriptor,
  siblings: string[],
): Promise<void> {
  await changeCss(master, async (store) => {
    // Two databases of a family that come at the same time must not both find no sibling.
    await store.lock(PARTITIONING_LOCK);
    const key = databaseKey(database);
    const packed = `${key}/${PACKED}`;
    if (partitioningId(await store.get(packed)) === undefined) {
      await store.set(packed, (await fromSibling(store, siblings)) ?? (await withNewPartitioning(store, family)));
    }
    if ((await store.get(key)) !== 'READY') await store.set(key, 'READY');
  });
}

/** Locked by whoever chooses a partitioning. A key that nothing hangs below, so that other changes go on. */
const PARTITIONING_LOCK = '/css_meta/version';

const partitioningId = (text: string | undefined) => unpack(text).partitioningId;

async function fromSibling(store: CssStore, siblings: string[]): Promise<string | undefined> {
  for (const sibling of siblings) {
    const text = await store.get(`${databaseKey(sibling)}/${PACKED}`);
    const { releaseStatus = 'RELEASED', storageClass = 'L2' } = unpack(text);
    const id = partitioningId(text);
    if (id !== undefined) return pack({ partitioningId: id, releaseStatus, storageClass });
  }
  return undefined;
}

async function withNewPartitioning(store: CssStore, family: FamilyDescriptor): Promise<string> {
  const key = await store.next(PARTITIONING_PREFIX);
  await store.set(`${key}/${PACKED}`, partitioningText(family));
  const id = key.slice(PARTITIONING_PREFIX.length);
  return pack({ partitioningId: id, releaseStatus: 'RELEASED', storageClass: 'L2' });
}

/**
 * Writes tables under their names with this status, in one step for readers. An entry that says the same already stays (so does its
 * shared-scan rating); any other, half ones and those with another status included, is written anew.
 */
export async function writeCssTables(
  master: DataServer,
  database: string,
  family: FamilyDescriptor,
  tables: TableDescriptor[],
  status: CssStatus = 'READY',
): Promise<void> {
  if (tables.length === 0) return;
  await changeCss(master, async (store) => {
    for (const table of tables) await writeTable(store, database, family, table, status);
  });
}

/**
 * Writes a table anew from nothing, out of sight, in one step for readers. All its keys get other ids (`kvId`), the table's own one too:
 * by it a reader tells that another version came, also an equal one. Its shared-scan rating stays.
 */
export async function rewriteCssTable(
  master: DataServer,
  database: string,
  family: FamilyDescriptor,
  table: TableDescriptor,
): Promise<void> {
  await changeCss(master, async (store) => {
    const key = tableKey(database, table.definition.name);
    const entry = tableEntry(database, table, family);
    if ([...entry.keys()].some(isScan)) {
      const scan = [...(await store.tree(`${key}/sharedScan`))].map(([name, value]) => [
        name.slice(key.length + 1),
        value,
      ]);
      for (const [name = '', value = ''] of scan) entry.set(name, value);
    }
    await store.remove(key);
    for (const [name, value] of entry) await store.set(`${key}/${name}`, value);
    await store.set(key, 'DO_NOT_USE');
  });
}

const isScan = (name: string) => name.startsWith('sharedScan/');

async function writeTable(
  store: CssStore,
  database: string,
  family: FamilyDescriptor,
  table: TableDescriptor,
  status: CssStatus,
): Promise<void> {
  const key = tableKey(database, table.definition.name);
  const entry = tableEntry(database, table, family);
  const there = await store.tree(key);
  const isWhole = saysAll(there, key, entry);
  if (!isWhole) {
    await store.remove(key);
    for (const [name, value] of entry) await store.set(`${key}/${name}`, value);
  }
  if (!isWhole || there.get(key) !== status) await store.set(key, status);
}

/** Whether what is below a table's key is this entry and nothing else, whatever its shared-scan rating. */
function saysAll(there: Map<string, string>, key: string, entry: Map<string, string>): boolean {
  const isRating = (name: string) => name.startsWith('sharedScan/');
  const names = [...entry.keys()];
  const belongs = (name: string) =>
    names.some((one) => one === name || one.startsWith(`${name}/`) || (isRating(one) && isRating(name)));
  const found = [...there.keys()].filter((one) => one !== key).map((one) => one.slice(key.length + 1));
  if (!found.every(belongs)) return false;
  return [...entry].every(([name, value]) => {
    const text = there.get(`${key}/${name}`);
    return text === value || (text !== undefined && isRating(name));
  });
}

/** ILLEGAL_STATE when the table is not known there; `details.missing`: its 'database', or the 'table'. */
export async function requireCssTable(master: DataServer, database: string, table: string): Promise<void> {
  const reader = new CssReader(master);
  const known = async (key: string) => (await reader.get(key)) !== undefined;
  if (!(await known(databaseKey(database)))) throw notThere(database, table, 'ILLEGAL_STATE', 'database');
  if (!(await known(tableKey(database, table)))) throw notThere(database, table);
}

/** Writes the columns of a table; again is success. */
export async function writeCssSchema(
  master: DataServer,
  database: string,
  table: string,
  columns: ColumnDefinition[],
): Promise<void> {
  await changeCss(master, (store) => store.set(`${tableKey(database, table)}/schema`, schemaText(columns)));
}

/** Takes a table out of sight of queries, or back. A table that is not known there is out of sight; showing it is ILLEGAL_STATE. */
export async function setCssStatus(
  master: DataServer,
  database: string,
  table: string,
  status: CssStatus,
): Promise<void> {
  await changeCss(master, async (store) => {
    const key = tableKey(database, table);
    const found = await store.get(key);
    if (found === status) return;
    if (found !== undefined) await store.set(key, status);
    else if (status === 'READY') throw notThere(database, table);
  });
}

/** Status texts of the database's tables as queries find them, by table. */
export async function cssStatuses(master: DataServer, database: string): Promise<Map<string, string>> {
  const prefix = `${databaseKey(database)}/TABLES/`;
  const tree = await new CssReader(master).tree(prefix.slice(0, -1));
  const tables = [...tree].filter(([key]) => key.length > prefix.length && !key.slice(prefix.length).includes('/'));
  return new Map(tables.map(([key, status]) => [key.slice(prefix.length), status]));
}

/** Forgets a table; one that is not known is success. */
export async function removeCssTable(master: DataServer, database: string, table: string): Promise<void> {
  await changeCss(master, (store) => store.remove(tableKey(database, table)));
}

/** Forgets a database with its tables; one that is not known is success. The family's partitioning stays. */
export async function removeCssDatabase(master: DataServer, database: string): Promise<void> {
  await changeCss(master, (store) => store.remove(databaseKey(database)));
}

/** Shared-scan ratings of all tables that have one, by database and table. */
export async function readSharedScans(
  master: DataServer,
): Promise<{ database: string; table: string; scan: SharedScan }[]> {
  const keys = await new CssReader(master).matching('/DBS/%/TABLES/%/sharedScan/%');
  const found = new Map<string, { database: string; table: string; values: Record<string, string> }>();
  for (const [key, value] of keys) {
    const [, , database = '', , table = '', , name = ''] = key.split('/');
    const one = found.get(`${database}/${table}`) ?? { database, table, values: {} };
    found.set(`${database}/${table}`, one);
    one.values = name === PACKED ? { ...unpack(value), ...one.values } : { ...one.values, [name]: value };
  }
  return [...found.values()].map(({ database, table, values }) => {
    const scan = { lockInMem: Number(values.lockInMem ?? 0) !== 0, scanRating: Number(values.scanRating ?? 0) };
    return { database, table, scan };
  });
}

/** Writes a table's shared-scan rating. UNKNOWN_TABLE when the table is not known there. */
export async function writeSharedScan(
  master: DataServer,
  database: string,
  table: string,
  scan: SharedScan,
): Promise<void> {
  await changeCss(master, async (store) => {
    const key = tableKey(database, table);
    if ((await store.get(key)) === undefined) throw notThere(database, table, 'UNKNOWN_TABLE');
    const text = sharedScanText(scan);
    const there = await store.tree(`${key}/sharedScan`);
    if (there.size === 2 && there.get(`${key}/sharedScan/${PACKED}`) === text) return;
    // Keys of their own would win over the packed ones.
    await store.remove(`${key}/sharedScan`);
    await store.set(`${key}/sharedScan/${PACKED}`, text);
  });
}

function notThere(
  database: string,
  table: string,
  code: 'ILLEGAL_STATE' | 'UNKNOWN_TABLE' = 'ILLEGAL_STATE',
  missing: 'database' | 'table' = 'table',
): IngestError {
  const what = missing === 'table' ? `table '${database}.${table}'` : `database '${database}'`;
  return new IngestError(code, `${what} is not in Qserv's CSS metadata`, { database, table, missing });
}
