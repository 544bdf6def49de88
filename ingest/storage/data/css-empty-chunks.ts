import { CSS_SCHEMA, emptyChunksTable } from '../../core/names';
import { type DataServer, quoteTable, type Statements } from './connection';
import { ensureCssSchema } from './master-schemas';
import { isAbsent } from './scan';

/** Empty-chunk lists, docs/contract/storage.md §4: chunks that queries of a database need not be sent to. */

/** Chunks that are written by one statement. */
const BATCH = 5000;

const tableOf = (database: string) => quoteTable(CSS_SCHEMA, emptyChunksTable(database));

/** Whether the database has a list, be it an empty one. */
export async function hasEmptyChunks(master: Statements, database: string): Promise<boolean> {
  try {
    await master.rows(`look for empty chunks of ${database}`, `SELECT 1 FROM ${tableOf(database)} LIMIT 1`);
    return true;
  } catch (error) {
    if (isAbsent(error)) return false;
    throw error;
  }
}

/**
 * Makes the list what it should be; only what differs is written, in one transaction: readers see the old list or the new one, and
 * so does whoever comes after a crash.
 */
export async function writeEmptyChunks(master: DataServer, database: string, chunks: number[]): Promise<void> {
  const table = tableOf(database);
  await ensureCssSchema(master);
  await master.run(
    `make the list of empty chunks of ${database}`,
    `CREATE TABLE IF NOT EXISTS ${table} (chunkId INT NOT NULL PRIMARY KEY) ENGINE=InnoDB`,
  );
  await master.connection(`write empty chunks of ${database}`, async (connection) => {
    await connection.run('begin', 'START TRANSACTION');
    const rows = await connection.rows<{ chunkId: number }>('read the list', `SELECT chunkId FROM ${table}`);
    const had = new Set(rows.map((row) => row.chunkId));
    const wanted = new Set(chunks);
    for (const some of batches([...had].filter((chunk) => !wanted.has(chunk)))) {
      const list = some.map(() => '?').join(', ');
      await connection.run('take chunks off the list', `DELETE FROM ${table} WHERE chunkId IN (${list})`, some);
    }
    for (const some of batches(chunks.filter((chunk) => !had.has(chunk)))) {
      const list = some.map(() => '(?)').join(', ');
      await connection.run('put chunks on the list', `INSERT INTO ${table} (chunkId) VALUES ${list}`, some);
    }
    await connection.run('commit', 'COMMIT');
  });
}

/** Drops the list; none is success. */
export async function dropEmptyChunks(master: Statements, database: string): Promise<void> {
  await master.run(`drop the list of empty chunks of ${database}`, `DROP TABLE IF EXISTS ${tableOf(database)}`);
}

function batches(chunks: number[]): number[][] {
  const count = Math.ceil(chunks.length / BATCH);
  return Array.from({ length: count }, (_, i) => chunks.slice(i * BATCH, (i + 1) * BATCH));
}
