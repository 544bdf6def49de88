import type { Stack } from '../../dev/stack';
import { DataServer } from '../../ingest/storage/data/connection';
import { databaseFacts, type TableFacts } from './checksum';

/** All that a catalog is on its servers, told without its database's name, so that two can be compared. */
export interface CatalogFacts {
  /** Final tables; equal ones of several workers are told apart by number. */
  tables: Record<string, TableFacts>;
  shells: Record<string, TableFacts>;
  /** Director indexes and row counters. */
  meta: Record<string, TableFacts>;
  css: Record<string, string>;
}

/** Which worker holds a chunk is a matter of load, so it does not count. */
export async function catalogFacts(stack: Stack, database: string): Promise<CatalogFacts> {
  const tables: Record<string, TableFacts> = {};
  for (const { mysql } of stack.workers.values()) {
    await onServer(mysql, async (server) => {
      for (const [table, found] of Object.entries(await databaseFacts(server, database))) {
        let key = table;
        for (let i = 2; key in tables; i++) key = `${table} (${i})`;
        tables[key] = found;
      }
    });
  }
  return onServer(stack.master.mysql, async (master) => {
    const meta = Object.entries(await databaseFacts(master, 'qservMeta'))
      .filter(([name]) => name.startsWith(`${database}__`))
      .map(([name, found]) => [name.slice(database.length), found] as const);
    const css = await master.rows<{ kvKey: string; kvVal: string }>(
      'read CSS',
      "SELECT kvKey, kvVal FROM qservCssData.kvData WHERE CONCAT(kvKey, '/') LIKE CONCAT('/DBS/', ?, '/%') ORDER BY kvKey",
      [database.replaceAll('_', '\\_')],
    );
    return {
      tables,
      shells: await databaseFacts(master, database),
      meta: Object.fromEntries(meta),
      css: Object.fromEntries(
        css.map(({ kvKey, kvVal }) => [
          kvKey.slice(`/DBS/${database}`.length),
          kvVal.replaceAll(`"${database}"`, '"…"'),
        ]),
      ),
    };
  });
}

/** Tables that were left on the way, in the schemas for that, on any server. */
export async function leftovers(stack: Stack): Promise<string[]> {
  const found: string[] = [];
  const servers = [...stack.workers, ['master', stack.master] as const];
  for (const [name, { mysql }] of servers) {
    await onServer(mysql, async (server) => {
      const rows = await server.rows<{ name: string }>(
        'list leftovers',
        "SELECT CONCAT(TABLE_SCHEMA, '.', TABLE_NAME) AS name FROM information_schema.TABLES WHERE TABLE_SCHEMA LIKE 'qserv_ingest%'",
      );
      found.push(...rows.map((row) => `${name}: ${row.name}`));
    });
  }
  return found;
}

async function onServer<T>(mysql: Stack['master']['mysql'], work: (server: DataServer) => Promise<T>): Promise<T> {
  const server = new DataServer('reader', mysql);
  try {
    return await work(server);
  } finally {
    await server.close();
  }
}
