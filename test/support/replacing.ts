import { CATALOG_TABLES } from '../../ingest/controller/contract';
import type { NativeController } from '../../ingest/controller/native/controller';
import { PUBLISH_SCHEMA, replacementName } from '../../ingest/core/names';
import type { TableDefinition } from '../../ingest/core/tables';
import type { DataServer } from '../../ingest/storage/data/connection';
import { tableNames } from '../../ingest/storage/data/drop-tables';
import { putRows, registerCatalog } from './registered';

/** Published catalogs whose tables get next versions, for tests of replacement. */

export type CatalogTable = 'Object' | 'Source' | 'Filter';

const BY_NAME: Record<string, TableDefinition> = Object.fromEntries(
  Object.values(CATALOG_TABLES).map((definition) => [definition.name, definition]),
);

/** The definition of the next version of a table of the catalog; with a column more, so that shells and CSS metadata change too. */
export function nextDefinition(table: CatalogTable): TableDefinition {
  const definition = BY_NAME[table] as TableDefinition;
  const added = { name: 'added', type: "INT NOT NULL DEFAULT '7'" };
  return { ...definition, name: replacementName(table), schema: [...definition.schema, added] };
}

/** Rows of the tables in one version: chunk (0: a regular table) to number of rows; `overlap` for the director's. */
interface Version {
  chunks: number[];
  rows: number;
}

export interface Place {
  chunk: number;
  worker: string;
}

/** Loads one version of tables in one super-transaction and commits it. `names`: how the tables are called meanwhile. */
export async function loadVersion(
  controller: NativeController,
  workers: Map<string, DataServer>,
  database: string,
  tables: CatalogTable[],
  { chunks, rows }: Version,
  names: (table: CatalogTable) => string = (table) => table,
): Promise<Place[]> {
  const { id } = await controller.beginTransaction(database, {});
  const places = await controller.allocateChunks({ database }, chunks);
  for (const table of tables) {
    const put = (on: DataServer, chunk: number, overlap: boolean, n: number) =>
      putRows(on, database, names(table), chunk, overlap, id, n, table);
    if (table === 'Filter') for (const worker of workers.values()) await put(worker, 0, false, rows % 50);
    else {
      for (const { chunk, worker } of places) {
        const on = workers.get(worker) as DataServer;
        await put(on, chunk, false, rows + (chunk % 10));
        if (table === 'Object') await put(on, chunk, true, rows / 10);
      }
    }
  }
  await controller.endTransaction(id, 'commit');
  return places;
}

/** A catalog that was published with rows of all tables, and is unpublished again. */
export async function publishedCatalog(
  controller: NativeController,
  workers: Map<string, DataServer>,
  version: Version,
  metadata: import('../../ingest/storage/metadata').Metadata,
): Promise<string> {
  const database = await registerCatalog(controller);
  await loadVersion(controller, workers, database, ['Object', 'Source', 'Filter'], version);
  await controller.publish(database);
  await metadata.run((sql) => sql`UPDATE qserv.config_database SET is_published = false WHERE database = ${database}`);
  return database;
}

/** Registers and loads the next versions of tables, without publishing. */
export async function loadNext(
  controller: NativeController,
  workers: Map<string, DataServer>,
  database: string,
  tables: CatalogTable[],
  version: Version,
): Promise<void> {
  for (const table of tables) await controller.registerTable(database, nextDefinition(table), { replaces: table });
  await loadVersion(controller, workers, database, tables, version, replacementName);
}

/** Tables that are on a server although nobody has them any more: of next or old versions, or in the middle of a change. */
export async function leftovers(server: DataServer, database: string): Promise<string[]> {
  const names = (await tableNames(server, database)).filter((name) => name.startsWith('next_'));
  return [...names, ...(await tableNames(server, PUBLISH_SCHEMA))];
}
