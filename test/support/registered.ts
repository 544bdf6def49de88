import { CATALOG_TABLES, newCatalog } from '../../ingest/controller/contract';
import type { NativeController } from '../../ingest/controller/native/controller';
import { chunkTable } from '../../ingest/core/names';
import { DataServer, type MysqlAccess, quoteTable } from '../../ingest/storage/data/connection';
import { partitionClause } from '../../ingest/storage/data/definition';

/** Registers a catalog of its own with tables Object, Source and Filter; returns its name. */
export async function registerCatalog(controller: NativeController): Promise<string> {
  const definition = newCatalog();
  await controller.registerDatabase(definition);
  for (const table of Object.values(CATALOG_TABLES)) await controller.registerTable(definition.name, table);
  return definition.name;
}

/** Puts rows into a super-transaction's partition of a final table, as a load leaves them; makes both when they are new. */
export async function putRows(
  server: DataServer,
  database: string,
  table: string,
  chunk: number,
  overlap: boolean,
  transactionId: number,
  rows: number,
): Promise<void> {
  const name = chunk === 0 ? table : chunkTable(table, chunk, overlap);
  const final = quoteTable(database, name);
  if (chunk !== 0) {
    const like = quoteTable(database, table);
    await server.run('make a chunk table', `CREATE TABLE IF NOT EXISTS ${final} LIKE ${like}`);
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
  const of = table as keyof typeof columns;
  await server.run(
    'put rows',
    `INSERT INTO ${final} (qserv_trans_id, ${columns[of]}) SELECT ${transactionId}, ${values[of]} FROM ${quoteTable(database, `seq_1_to_${rows}`)}`,
  );
}

/** Every final table of a catalog on a server: rows by a scan, an order-free checksum of them, and its partitions. */
export async function contents(
  server: DataServer,
  database: string,
): Promise<Record<string, { rows: number; sum: string; partitions: string[] }>> {
  const found: Record<string, { rows: number; sum: string; partitions: string[] }> = {};
  const tables = await server.rows<{ name: string; columns: string }>(
    'list columns',
    `SELECT TABLE_NAME AS name, GROUP_CONCAT(CONCAT('\`', COLUMN_NAME, '\`') ORDER BY ORDINAL_POSITION) AS columns
     FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? GROUP BY TABLE_NAME ORDER BY TABLE_NAME`,
    [database],
  );
  for (const { name, columns } of tables) {
    const [row] = await server.rows<{ total: string; checksum: string }>(
      'sum up',
      `SELECT COALESCE(SUM(1), 0) AS total, COALESCE(SUM(CRC32(CONCAT_WS('|', ${columns}))), 0) AS checksum
       FROM ${quoteTable(database, name)}`,
    );
    const partitions = await server.rows<{ name: string | null }>(
      'list partitions',
      'SELECT PARTITION_NAME AS name FROM information_schema.PARTITIONS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?',
      [database, name],
    );
    found[name] = {
      rows: Number(row?.total),
      sum: String(row?.checksum),
      partitions: partitions.flatMap((p) => (p.name === null ? [] : [p.name])),
    };
  }
  return found;
}

/** A server of a test's own pool. */
export function dataServer(name: string, access: MysqlAccess): DataServer {
  return new DataServer(name, access, { connections: 2 });
}
