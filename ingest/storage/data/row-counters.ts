import { createHash } from 'node:crypto';
import { META_SCHEMA, rowCountersTable, TRANSACTION_COLUMN } from '../../core/names';
import { DDL_BUSY_SECONDS, whileBusy } from './again';
import { type DataServer, MYSQL, mysqlErrno, quoteId, quoteTable, type Statements } from './connection';
import { ensureMetaSchema } from './master-schemas';

/** Points of giving Qserv a table's counters; each is announced before the change that it names. */
export const DEPLOY_COUNTERS_STEPS = ['counters.build', 'counters.rename', 'counters.drop'] as const;

/**
 * Rows of a final table by super-transaction, by a real scan (see `scanRows`; an index on the column would be another header to
 * trust). An empty table, and one without the column, have those of "super-transaction" 0.
 */
export async function countByTransaction(
  server: Statements,
  database: string,
  name: string,
): Promise<Map<number, number>> {
  const doing = `count the rows of ${database}.${name}`;
  const from = `FROM ${quoteTable(database, name)} USE INDEX ()`;
  const column = quoteId(TRANSACTION_COLUMN);
  try {
    const rows = await server.rows<{ id: number; n: string | number }>(
      doing,
      `SELECT ${column} AS id, SUM(1) AS n ${from} GROUP BY ${column} ORDER BY NULL`,
    );
    if (rows.length === 0) return new Map([[0, 0]]);
    return new Map(rows.map(({ id, n }) => [id, Number(n)]));
  } catch (error) {
    if (mysqlErrno(error) !== MYSQL.NO_SUCH_COLUMN) throw error;
    const [row] = await server.rows<{ n: string | number | null }>(doing, `SELECT SUM(1) AS n ${from}`);
    return new Map([[0, Number(row?.n ?? 0)]]);
  }
}

/** Tables of one's own beside the deployed one. No catalog's name begins with "qserv", so no index or counters are called so. */
function besides(database: string, table: string): { next: string; last: string } {
  const hash = createHash('sha256').update(`${database}.${table}`).digest('hex').slice(0, 20);
  return { next: `qserv_ingest_rows_next_${hash}`, last: `qserv_ingest_rows_last_${hash}` };
}

/** Rows sent with one statement. */
const AT_ONCE = 5_000;

/**
 * Gives Qserv the rows by chunk (docs/contract/storage.md §4): the table is built beside the old one and takes its place by one
 * RENAME, so that who reads it finds all of the old or all of the new counters. May be killed anywhere and repeated.
 */
export async function deployCounters(
  master: DataServer,
  database: string,
  table: string,
  rows: Map<number, number>,
  announce: (step: (typeof DEPLOY_COUNTERS_STEPS)[number]) => Promise<void>,
): Promise<void> {
  const names = besides(database, table);
  const [next, last] = [quoteTable(META_SCHEMA, names.next), quoteTable(META_SCHEMA, names.last)];
  const deployed = quoteTable(META_SCHEMA, rowCountersTable(database, table));
  const doing = `deploy the row counters of ${database}.${table}`;
  const ddl = (sql: string) => whileBusy(DDL_BUSY_SECONDS, () => master.run(doing, sql));

  await announce('counters.build');
  await ensureMetaSchema(master);
  await ddl(`DROP TABLE IF EXISTS ${next}, ${last} NOWAIT`);
  await ddl(
    `CREATE TABLE ${next} (chunk INT UNSIGNED NOT NULL, num_rows BIGINT UNSIGNED DEFAULT 0, UNIQUE KEY (chunk)) ENGINE=InnoDB`,
  );
  const entries = [...rows];
  for (let i = 0; i < entries.length; i += AT_ONCE) {
    const some = entries.slice(i, i + AT_ONCE);
    await master.run(doing, `INSERT INTO ${next} VALUES ${some.map(() => '(?, ?)').join(', ')}`, some.flat());
  }
  await announce('counters.rename');
  const there = await isDeployed(master, database, table);
  const away = there ? `${deployed} NOWAIT TO ${last}, ` : '';
  await ddl(`RENAME TABLE ${away}${next} NOWAIT TO ${deployed}`);
  await announce('counters.drop');
  await ddl(`DROP TABLE IF EXISTS ${last} NOWAIT`);
}

async function isDeployed(master: Statements, database: string, table: string): Promise<boolean> {
  const rows = await master.rows(
    `look for the row counters of ${database}.${table}`,
    'SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?',
    [META_SCHEMA, rowCountersTable(database, table)],
  );
  return rows.length > 0;
}

/** Takes a table's counters from Qserv, which then counts rows itself. None there, and no schema of them, is success. */
export async function dropDeployedCounters(master: Statements, database: string, table: string): Promise<void> {
  const { next, last } = besides(database, table);
  const names = [rowCountersTable(database, table), next, last].map((name) => quoteTable(META_SCHEMA, name));
  await whileBusy(DDL_BUSY_SECONDS, () =>
    master.run(`drop the row counters of ${database}.${table}`, `DROP TABLE IF EXISTS ${names.join(', ')} NOWAIT`),
  );
}
