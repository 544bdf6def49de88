import { quoteId, quoteTable, type Statements } from './connection';

/** Names of the tables of a schema; none when there is no such schema. */
export async function tableNames(server: Statements, database: string): Promise<string[]> {
  const rows = await server.rows<{ name: string }>(
    `list tables of ${database}`,
    'SELECT TABLE_NAME AS name FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? ORDER BY TABLE_NAME',
    [database],
  );
  return rows.map((row) => row.name);
}

/** Drops tables; one that does not exist is success. */
export async function dropTables(server: Statements, database: string, names: string[]): Promise<void> {
  for (let i = 0; i < names.length; i += 50) {
    const list = names.slice(i, i + 50).map((name) => quoteTable(database, name));
    await server.run(`drop tables of ${database}`, `DROP TABLE IF EXISTS ${list.join(', ')}`);
  }
}

export async function dropSchema(server: Statements, database: string): Promise<void> {
  await server.run(`drop schema ${database}`, `DROP DATABASE IF EXISTS ${quoteId(database)}`);
}
