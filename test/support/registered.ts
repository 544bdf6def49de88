import { CATALOG_TABLES, newCatalog } from '../../ingest/controller/contract';
import type { Controller } from '../../ingest/controller/controller';
import { chunkTable } from '../../ingest/core/names';
import { DataServer, type MysqlAccess, quoteTable } from '../../ingest/storage/data/connection';
import { partitionClause } from '../../ingest/storage/data/definition';
import { databaseFacts, type TableFacts } from './checksum';

/** Registers a catalog of its own with tables Object, Source and Filter; returns its name. */
export async function registerCatalog(controller: Controller): Promise<string> {
  const definition = newCatalog();
  await controller.registerDatabase(definition);
  for (const table of Object.values(CATALOG_TABLES)) await controller.registerTable(definition.name, table);
  return definition.name;
}

/**
 * Puts rows into a super-transaction's partition of a final table, as a load leaves them; makes both when they are new. `like` is the
 * catalog's table that this one is like, where it has another name.
 */
export async function putRows(
  server: DataServer,
  database: string,
  table: string,
  chunk: number,
  overlap: boolean,
  transactionId: number,
  rows: number,
  like = table,
): Promise<void> {
  const name = chunk === 0 ? table : chunkTable(table, chunk, overlap);
  const final = quoteTable(database, name);
  if (chunk !== 0) {
    const prototype = quoteTable(database, table);
    await server.run('make a chunk table', `CREATE TABLE IF NOT EXISTS ${final} LIKE ${prototype}`);
  }
  await server.run(
    'add a partition',
    `ALTER TABLE ${final} ADD PARTITION IF NOT EXISTS (${partitionClause(transactionId)})`,
  );
  const columns = {
    Object: 'objectId, ra, decl, chunkId, subChunkId',
    Source: 'sourceId, objectId',
    Filter: 'filterName',
  };
  const values = { Object: `seq, seq / 7, -seq, ${chunk}, 1`, Source: 'seq, seq * 3', Filter: 'seq % 100' };
  const of = like as keyof typeof columns;
  await server.run(
    'put rows',
    `INSERT INTO ${final} (qserv_trans_id, ${columns[of]}) SELECT ${transactionId}, ${values[of]} FROM ${quoteTable(database, `seq_1_to_${rows}`)}`,
  );
}

/** Registers a catalog with so many rows of these tables in chunk 7480, on `server`; published unless told otherwise. */
export async function loadedCatalog(
  controller: Controller,
  workers: ReadonlyMap<string, DataServer>,
  { tables = ['Object'], rows = 50, publish = true } = {},
): Promise<{ database: string; worker: string; server: DataServer }> {
  const database = await registerCatalog(controller);
  const { id } = await controller.beginTransaction(database, {});
  const [place] = await controller.allocateChunks({ database }, [7480]);
  const worker = place?.worker as string;
  const server = workers.get(worker) as DataServer;
  for (const table of tables) await putRows(server, database, table, 7480, false, id, rows);
  await controller.endTransaction(id, 'commit');
  if (publish) await controller.publish(database);
  return { database, worker, server };
}

/** Every final table of a catalog on a server: its rows, and its partitions ([] when it has none). */
export async function contents(
  server: DataServer,
  database: string,
): Promise<Record<string, TableFacts & { partitions: string[] }>> {
  const found: Record<string, TableFacts & { partitions: string[] }> = {};
  for (const [name, facts] of Object.entries(await databaseFacts(server, database))) {
    const partitions = await server.rows<{ name: string | null }>(
      'list partitions',
      'SELECT PARTITION_NAME AS name FROM information_schema.PARTITIONS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?',
      [database, name],
    );
    found[name] = { ...facts, partitions: partitions.flatMap((p) => (p.name === null ? [] : [p.name])) };
  }
  return found;
}

/** Rows and checksums alone. */
export function facts(found: Record<string, TableFacts>): Record<string, TableFacts> {
  return Object.fromEntries(Object.entries(found).map(([name, { rows, checksum }]) => [name, { rows, checksum }]));
}

/** A server of a test's own pool. */
export function dataServer(name: string, access: MysqlAccess): DataServer {
  return new DataServer(name, access, { connections: 2 });
}
