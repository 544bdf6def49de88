import { emptyChunksTable } from '../../ingest/core/names';
import { type DataServer, quoteId, quoteTable } from '../../ingest/storage/data/connection';
import { CssReader } from '../../ingest/storage/data/css-store';
import { isAbsent } from '../../ingest/storage/data/scan';

/** What Qserv's query front end knows of a database: keys below its own, without its name, and its partitioning's text. */
export async function cssTree(master: DataServer, database: string): Promise<Record<string, string>> {
  const reader = new CssReader(master);
  const key = `/DBS/${database}`;
  const tree: Record<string, string> = {};
  for (const [name, value] of await reader.tree(key)) {
    tree[name.slice(key.length)] = value.replaceAll(`"${database}"`, '"D"');
  }
  const packed = tree['/.packed.json'];
  if (packed !== undefined) {
    const { partitioningId, ...others } = JSON.parse(packed) as Record<string, string>;
    const partitioning = await reader.get(`/PARTITIONING/_${partitioningId}/.packed.json`);
    tree['/.packed.json'] = JSON.stringify({ ...others, partitioning });
  }
  return tree;
}

/** The database's empty-chunk list, ascending; undefined when there is none. */
export async function emptyChunks(master: DataServer, database: string): Promise<number[] | undefined> {
  const table = quoteTable('qservCssData', emptyChunksTable(database));
  try {
    const rows = await master.rows<{ chunkId: number }>('read the list', `SELECT chunkId FROM ${table} ORDER BY 1`);
    return rows.map((row) => row.chunkId);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/**
 * Everything on a server that ingest could leave there: schemas, tables, grants to Qserv, CSS keys, what workers serve. Schemas of our
 * own and of Qserv, which stay once they were made, are left out; their tables are not.
 */
export async function everything(server: DataServer): Promise<string[]> {
  const rows = async (sql: string) =>
    (await server.rows('look around', sql)).map((row) => Object.values(row).join(' '));
  const optional = async (schema: string, table: string, columns: string) => {
    const there = await rows(
      `SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = '${schema}' AND TABLE_NAME = '${table}'`,
    );
    return there.length === 0 ? [] : rows(`SELECT '${table}', ${columns} FROM ${quoteId(schema)}.${quoteId(table)}`);
  };
  const own = "('mysql', 'information_schema', 'performance_schema', 'sys', 'test')";
  return [
    ...(await rows(`SELECT 'schema', SCHEMA_NAME FROM information_schema.SCHEMATA
      WHERE SCHEMA_NAME NOT IN ${own} AND SCHEMA_NAME NOT LIKE 'qserv%'`)),
    ...(await rows(`SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA NOT IN ${own}
      AND TABLE_NAME NOT IN ('kvData', 'Dbs', 'Chunks')`)),
    ...(await rows("SELECT 'grant', Db FROM mysql.db WHERE User = 'qsmaster' AND Db NOT LIKE 'qserv%'")),
    ...(await optional('qservCssData', 'kvData', 'kvKey')).filter((key) => !key.startsWith('kvData /PARTITIONING')),
    ...(await optional('qservw_worker', 'Dbs', 'db')),
    ...(await optional('qservw_worker', 'Chunks', 'db, chunk')),
  ].sort();
}
