import { sharedServers } from '../../../test/support/native';
import { contents, dataServer } from '../../../test/support/registered';
import { type CatalogTable, leftovers, loadNext, publishedCatalog } from '../../../test/support/replacing';
import { freshDatabase } from '../../../test/support/servers';
import { CSS_SCHEMA, replacementName } from '../../core/names';
import { type DataServer, quoteTable } from '../../storage/data/connection';
import { type Metadata, openMetadata } from '../../storage/metadata';
import { NativeController, type NativeServers } from './controller';

jest.setTimeout(60_000);

const CHUNKS = [7480, 7310, 7140];
const OLD = { chunks: CHUNKS, rows: 500 };
const NEW = { chunks: CHUNKS, rows: 800 };

let metadata: Metadata;
let servers: NativeServers;
let controller: NativeController;
let master: DataServer;
const workers = new Map<string, DataServer>();

beforeAll(async () => {
  metadata = openMetadata(await freshDatabase());
  await metadata.migrate();
  servers = await sharedServers();
  controller = new NativeController({ target: 'test', servers, metadata });
  master = dataServer('master', servers.master);
  for (const { name, mysql } of servers.workers) workers.set(name, dataServer(name, mysql));
});

afterAll(async () => {
  await Promise.all([controller, master, ...workers.values()].map((one) => one.close()));
  await metadata.close();
});

/** Rows and checksum of every final table, by worker. */
async function everything(database: string) {
  const all = await Promise.all([...workers].map(async ([name, on]) => [name, await contents(on, database)] as const));
  return Object.fromEntries(all);
}

type Everything = Awaited<ReturnType<typeof everything>>;

/** Those of one table, as if it were called `as`. */
function of(all: Everything, table: string, as = table): Everything {
  const mine = (name: string) => name === table || new RegExp(`^${table}(FullOverlap)?_[0-9]+$`).test(name);
  const entries = Object.entries(all).map(([worker, tables]) => {
    const own = Object.entries(tables).filter(([name]) => mine(name));
    return [worker, Object.fromEntries(own.map(([name, facts]) => [as + name.slice(table.length), facts]))];
  });
  return Object.fromEntries(entries);
}

const css = async (database: string, table: string) => {
  const key = `/DBS/${database}/TABLES/${table}`;
  const sql = `SELECT kvKey AS k, kvVal AS v FROM ${CSS_SCHEMA}.kvData WHERE kvKey = ? OR kvKey LIKE CONCAT(?, '/%')`;
  const rows = await master.rows<{ k: string; v: string }>('css', sql, [key, key]);
  return Object.fromEntries(rows.map(({ k, v }) => [k.slice(key.length), v]));
};

const noLeftovers = async (database: string) => {
  for (const server of [master, ...workers.values()]) {
    expect((await leftovers(server, database)).filter((name) => /Object|Source|Filter|next_/.test(name))).toEqual([]);
  }
};

describe.each<[string, CatalogTable[]]>([
  ['a director with dependents', ['Object']],
  ['a dependent', ['Source']],
  ['a regular table', ['Filter']],
  ['all of them', ['Object', 'Source', 'Filter']],
])('%s', (_, tables) => {
  test('is replaced, and nothing else changes', async () => {
    const database = await publishedCatalog(controller, workers, OLD, metadata);
    const before = await everything(database);
    await loadNext(controller, workers, database, tables, NEW);
    const loaded = await everything(database);
    for (const table of ['Object', 'Source', 'Filter']) expect(of(loaded, table)).toEqual(of(before, table));

    const report = await controller.publish(database);

    expect(report.database.isPublished).toBe(true);
    expect(report.replaced.map(({ table }) => table)).toEqual([...tables].sort());
    for (const { gapMs } of report.replaced) expect(gapMs).toBeGreaterThanOrEqual(0);
    const after = await everything(database);
    for (const table of ['Object', 'Source', 'Filter'] as const) {
      if (!tables.includes(table)) expect(of(after, table)).toEqual(of(before, table));
      else {
        expect(of(after, table)).not.toEqual(of(before, table));
        for (const [worker, found] of Object.entries(of(loaded, replacementName(table), table))) {
          for (const [name, { rows, checksum }] of Object.entries(found)) {
            expect(after[worker]?.[name]).toEqual({ rows, checksum, partitions: [] });
          }
        }
        const known = await css(database, table);
        expect(known['']).toBe('READY');
        expect(known['/schema']).toContain('`added`');
        const columns = await master.rows('columns', `SHOW COLUMNS FROM ${quoteTable(database, table)} LIKE 'added'`);
        expect(columns).toHaveLength(1);
      }
    }
    const { tables: described } = await controller.database(database);
    expect(described.map((t) => t.definition.name)).toEqual(['Filter', 'Object', 'Source']);
    for (const table of described) {
      expect(table).toMatchObject({ isPublished: true });
      expect(table.replaces).toBeUndefined();
      expect(table.replaced !== undefined).toBe(tables.includes(table.definition.name as CatalogTable));
    }
    await noLeftovers(database);
    // Whoever did not hear the answer asks again.
    expect(await controller.publish(database)).toEqual({ ...report, renamed: 0, copied: 0 });
  });
});
