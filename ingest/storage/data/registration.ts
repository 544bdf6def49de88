import { MAX_IDENTIFIER } from '../../core/names';
import type { Statements } from './connection';
import { mysqlErrno, quoteId } from './connection';

/** What Qserv's own servers know of a database (docs/contract/storage.md §1 and §6). */

/** The czar's and the workers' account. */
const QSERV_ACCOUNT = "'qsmaster'@'localhost'";

/**
 * Lets Qserv read the database. The account exists on every Qserv server; where it does not, it is made locked, so that
 * publishing works on a plain MariaDB and nobody can log in by it before an administrator says so.
 */
export async function grantToQserv(server: Statements, database: string): Promise<void> {
  await server.run('look for the account of Qserv', `CREATE USER IF NOT EXISTS ${QSERV_ACCOUNT} ACCOUNT LOCK`);
  await server.run(`grant ${database} to Qserv`, `GRANT ALL ON ${grantedSchema(database)}.* TO ${QSERV_ACCOUNT}`);
}

/**
 * A schema as GRANT and REVOKE name it. There `_` stands for any character, so that a catalog `my_ql` would open the schema `mysql`:
 * hence the backslashes, as many as MariaDB's 64 characters leave room for.
 */
function grantedSchema(database: string): string {
  let room = MAX_IDENTIFIER - database.length;
  return quoteId(database.replaceAll('_', () => (room-- > 0 ? '\\_' : '_')));
}

/** Makes a worker serve the database. */
export async function enableDatabase(server: Statements, database: string): Promise<void> {
  await createWorkerSchema(server);
  await server.run(`enable ${database}`, 'REPLACE INTO qservw_worker.Dbs VALUES (?)', [database]);
}

/** Makes a worker serve these chunks of the database, and no others. */
export async function setChunks(server: Statements, database: string, chunks: number[]): Promise<void> {
  const known = await server.rows<{ chunk: number }>(
    `read chunks of ${database}`,
    'SELECT chunk FROM qservw_worker.Chunks WHERE db = ?',
    [database],
  );
  const wanted = new Set(chunks);
  const had = new Set(known.map((row) => row.chunk));
  const added = chunks.filter((chunk) => !had.has(chunk));
  const gone = [...had].filter((chunk) => !wanted.has(chunk));
  for (let i = 0; i < added.length; i += 1000) {
    const some = added.slice(i, i + 1000);
    await server.run(
      `add chunks of ${database}`,
      `INSERT IGNORE INTO qservw_worker.Chunks (db, chunk) VALUES ${some.map(() => '(?, ?)').join(', ')}`,
      some.flatMap((chunk) => [database, chunk]),
    );
  }
  for (const chunk of gone) {
    await server.run(`drop a chunk of ${database}`, 'DELETE FROM qservw_worker.Chunks WHERE db = ? AND chunk = ?', [
      database,
      chunk,
    ]);
  }
}

/** Makes a worker forget the database. */
export async function disableDatabase(server: Statements, database: string): Promise<void> {
  await createWorkerSchema(server);
  await server.run(`forget chunks of ${database}`, 'DELETE FROM qservw_worker.Chunks WHERE db = ?', [database]);
  await server.run(`disable ${database}`, 'DELETE FROM qservw_worker.Dbs WHERE db = ?', [database]);
}

/** Preinstalled by Qserv (lsst/qserv python/lsst/qserv/schema/migrations/worker); a plain MariaDB has it not. */
async function createWorkerSchema(server: Statements): Promise<void> {
  await server.run('make qservw_worker', 'CREATE DATABASE IF NOT EXISTS qservw_worker');
  await server.run(
    'make qservw_worker.Dbs',
    'CREATE TABLE IF NOT EXISTS qservw_worker.Dbs (db CHAR(200) NOT NULL PRIMARY KEY) ENGINE=InnoDB',
  );
  await server.run(
    'make qservw_worker.Chunks',
    `CREATE TABLE IF NOT EXISTS qservw_worker.Chunks
      (db CHAR(200) NOT NULL, chunk INT UNSIGNED NOT NULL, UNIQUE KEY (db, chunk)) ENGINE=InnoDB`,
  );
}

/** Takes Qserv's rights on a database back, which would outlive it; none is success. */
export async function forgetGrant(server: Statements, database: string): Promise<void> {
  // Without backslashes as well: so lsst/qserv grants.
  for (const schema of new Set([grantedSchema(database), quoteId(database)])) {
    try {
      await server.run(`take ${database} back from Qserv`, `REVOKE ALL ON ${schema}.* FROM ${QSERV_ACCOUNT}`);
    } catch (error) {
      if (!NO_GRANT.has(mysqlErrno(error) ?? 0)) throw error;
    }
  }
}

/** MariaDB's answers when there is no such grant or account. */
const NO_GRANT = new Set([1141, 1269]);
