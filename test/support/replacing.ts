import { createHash } from 'node:crypto';
import { CATALOG_TABLES } from '../../ingest/controller/contract';
import type { NativeController } from '../../ingest/controller/native/controller';
import { CSS_SCHEMA, directorIndexTable, META_SCHEMA, PUBLISH_SCHEMA, replacementName } from '../../ingest/core/names';
import { finalTables, type TableDefinition } from '../../ingest/core/tables';
import { type DataServer, quoteTable } from '../../ingest/storage/data/connection';
import { addIndexPartition, createDirectorIndex } from '../../ingest/storage/data/director-index';
import { tableNames } from '../../ingest/storage/data/drop-tables';
import { ensureMetaSchema } from '../../ingest/storage/data/master-schemas';
import { tableFacts } from './checksum';
import { contents, putRows, registerCatalog } from './registered';

/** Published catalogs whose tables get next versions, for tests of replacement. */

export type CatalogTable = 'Object' | 'Source' | 'Filter';
export const ALL: readonly CatalogTable[] = ['Object', 'Source', 'Filter'];

const BY_NAME: Record<string, TableDefinition> = Object.fromEntries(
  Object.values(CATALOG_TABLES).map((definition) => [definition.name, definition]),
);

/** The next version of a table of the catalog: with a column more, so that shells and CSS metadata change too. */
export function nextDefinition(table: CatalogTable): TableDefinition {
  const definition = BY_NAME[table] as TableDefinition;
  const added = { name: 'added', type: "INT NOT NULL DEFAULT '7'" };
  return { ...definition, name: replacementName(table), schema: [...definition.schema, added] };
}

/** Rows of each chunk table. */
export interface Version {
  chunks: number[];
  rows: number;
}

/** The controller and the servers of its target. */
export interface Stack {
  controller: NativeController;
  master: DataServer;
  workers: Map<string, DataServer>;
}

/** Loads tables in one super-transaction and commits it; `names`: how they are called meanwhile. The director gets its index. */
async function loadVersion(
  { controller, master, workers }: Stack,
  database: string,
  tables: readonly CatalogTable[],
  { chunks, rows }: Version,
  names: (table: CatalogTable) => string = (table) => table,
): Promise<void> {
  const { id } = await controller.beginTransaction(database, {});
  const places = await controller.allocateChunks({ database }, chunks);
  for (const table of tables) {
    const put = (on: DataServer, chunk: number, overlap: boolean, n: number) =>
      putRows(on, database, names(table), chunk, overlap, id, n, table);
    if (table === 'Filter') for (const worker of workers.values()) await put(worker, 0, false, rows % 47);
    else {
      for (const { chunk, worker } of places) {
        const on = workers.get(worker) as DataServer;
        await put(on, chunk, false, rows + (chunk % 10));
        if (table === 'Object') await put(on, chunk, true, rows / 10);
      }
    }
    if (table === 'Object') await fillIndex({ controller, master, workers }, database, names(table), id, rows);
  }
  await controller.endTransaction(id, 'commit');
}

async function fillIndex({ controller, master }: Stack, database: string, name: string, id: number, rows: number) {
  const table = (await controller.database(database)).tables.find((t) => t.definition.name === name);
  if (table === undefined) throw new Error(`${name} is not registered`);
  await ensureMetaSchema(master);
  await createDirectorIndex(master, database, table);
  await addIndexPartition(master, database, name, id);
  const index = quoteTable(META_SCHEMA, directorIndexTable(database, name));
  await master.run('fill', `INSERT INTO ${index} SELECT ${id}, seq, 7480, 1 FROM ${META_SCHEMA}.seq_1_to_${rows}`);
}

/** A catalog that was published with rows of all tables, and is unpublished again. */
export async function publishedCatalog(stack: Stack, version: Version): Promise<string> {
  const database = await registerCatalog(stack.controller);
  await loadVersion(stack, database, ALL, version);
  await stack.controller.publish(database);
  await stack.controller.unpublish(database);
  return database;
}

/** Registers and loads the next versions of tables, without publishing. */
export async function loadNext(stack: Stack, database: string, tables: readonly CatalogTable[], version: Version) {
  for (const table of tables) {
    await stack.controller.registerTable(database, nextDefinition(table), { replaces: table });
  }
  await loadVersion(stack, database, tables, version, replacementName);
}

/** Rows and checksum of every final table, by worker. */
export type Everything = Record<string, Awaited<ReturnType<typeof contents>>>;

export async function everything({ workers }: Stack, database: string): Promise<Everything> {
  const all = await Promise.all([...workers].map(async ([name, on]) => [name, await contents(on, database)] as const));
  return Object.fromEntries(all);
}

/** Those of one table, as if it were called `as`, by worker. */
export function of(all: Everything, table: string, as = table): Everything {
  const own = new RegExp(`^${table}((FullOverlap)?_[0-9]+)?$`);
  const entries = Object.entries(all).map(([worker, tables]) => {
    const mine = Object.entries(tables).filter(([name]) => own.test(name));
    return [worker, Object.fromEntries(mine.map(([name, facts]) => [as + name.slice(table.length), facts]))];
  });
  return Object.fromEntries(entries);
}

/** What a table should look like once its next version, loaded as in `loaded`, has taken its place. */
function inPlace(loaded: Everything, table: CatalogTable): Everything {
  const next = of(loaded, replacementName(table), table);
  return Object.fromEntries(
    Object.entries(next).map(([worker, tables]) => [
      worker,
      Object.fromEntries(Object.entries(tables).map(([name, facts]) => [name, { ...facts, partitions: [] }])),
    ]),
  );
}

/** CSS metadata of a table as queries find it: values and ids by key, relative to the table's own key, which is ''. */
export async function cssOf(master: DataServer, database: string, table: string) {
  const key = `/DBS/${database}/TABLES/${table}`;
  const sql = `SELECT kvKey AS k, kvVal AS v, kvId AS id FROM ${CSS_SCHEMA}.kvData
    WHERE kvKey = ? OR kvKey LIKE CONCAT(?, '/%')`;
  const rows = await master.rows<{ k: string; v: string; id: number }>('css', sql, [key, key]);
  return new Map(rows.map(({ k, v, id }) => [k.slice(key.length), { value: v, id }]));
}

/** Rows of the director index; undefined when there is none. */
export async function indexRows(master: DataServer, database: string, table: string): Promise<number | undefined> {
  const name = directorIndexTable(database, table);
  if (!(await tableNames(master, META_SCHEMA)).includes(name)) return undefined;
  return (await tableFacts(master, META_SCHEMA, name)).rows;
}

/** Tables that are on a server although nobody has them any more: of next or old versions, or in the middle of a change. */
export async function leftovers({ controller, master, workers }: Stack, database: string): Promise<string[]> {
  // PUBLISH_SCHEMA is other catalogs' too: what waits there has a hash of the catalog's and the final table's names.
  const known = await controller.chunks(database).catch(() => []);
  const chunks = [...new Set(known.map(({ chunk }) => chunk))];
  const definitions = ALL.flatMap((table) => [BY_NAME[table] as TableDefinition, nextDefinition(table)]);
  const finals = definitions.flatMap((definition) => finalTables(definition, chunks));
  const hashes = new Set(finals.map((name) => sha256(`${database}.${name}`).slice(0, 20)));
  const found: string[] = [];
  for (const server of [master, ...workers.values()]) {
    for (const [schema, mine] of [
      [database, (name: string) => name.startsWith('next_')],
      [META_SCHEMA, (name: string) => name.startsWith(`${database}__next_`)],
      [PUBLISH_SCHEMA, (name: string) => [...hashes].some((hash) => name.includes(`_${hash}_`))],
    ] as const) {
      found.push(...(await tableNames(server, schema)).filter(mine).map((name) => `${server.name} ${schema}.${name}`));
    }
  }
  return found;
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** Fails unless exactly these tables have their new versions, everywhere, and nothing else has changed. */
export async function expectReplaced(
  stack: Stack,
  database: string,
  loaded: Everything,
  tables: readonly CatalogTable[],
  version: Version,
): Promise<void> {
  const after = await everything(stack, database);
  for (const table of ALL) {
    const expected = tables.includes(table) ? inPlace(loaded, table) : of(loaded, table);
    for (const [worker, found] of Object.entries(of(after, table))) {
      expect(found).toMatchObject(expected[worker] ?? {});
      // Publish makes what is missing of a chunk, empty.
      const made = Object.entries(found).filter(([name]) => expected[worker]?.[name] === undefined);
      expect(made.filter(([, { rows }]) => rows > 0)).toEqual([]);
    }
  }
  for (const [worker, found] of Object.entries(after)) {
    const known = ALL.flatMap((table) => Object.keys(of(after, table)[worker] ?? {}));
    expect(Object.keys(found).sort()).toEqual(known.sort());
  }
  for (const table of tables) {
    const css = await cssOf(stack.master, database, table);
    expect(css.get('')?.value).toBe('READY');
    expect(css.get('/schema')?.value).toContain('`added`');
    const shell = quoteTable(database, table);
    expect(await stack.master.rows('columns', `SHOW COLUMNS FROM ${shell} LIKE 'added'`)).toHaveLength(1);
  }
  if (tables.includes('Object')) expect(await indexRows(stack.master, database, 'Object')).toBe(version.rows);
  const described = (await stack.controller.database(database)).tables;
  expect(described.map((t) => [t.definition.name, t.isPublished, t.replaces])).toEqual(
    [...ALL].sort().map((table) => [table, true, undefined]),
  );
  expect(await leftovers(stack, database)).toEqual([]);
}
