import { createHash } from 'node:crypto';
import { parseColumnType } from '../../core/columns';
import { IngestError } from '../../core/errors';
import { MAX_IDENTIFIER, PUBLISH_SCHEMA, partitionName, TRANSACTION_COLUMN } from '../../core/names';
import type { StepHook } from '../../core/steps';
import type { TableDescriptor } from '../../core/tables';
import { whileBusy } from './again';
import { type DataConnection, mysqlErrno, quoteId, quoteTable, USUAL_SQL_MODE } from './connection';
import { tableBody } from './create-tables';
import { definitionOf } from './definition';
import { partitionNames } from './partitions';
import { scanRows } from './scan';

/** Points of finishing one final table; each is announced before the change that it names. */
export const FINISH_TABLE_STEPS = [
  'publish.table.create',
  'publish.table.twin',
  'publish.table.exchange',
  'publish.table.copy',
  'publish.table.full',
  'publish.table.empty',
  'publish.table.drop',
  'publish.table.rename',
] as const;

/** Seconds for which a change is tried again while somebody reads the table. */
const BUSY_SECONDS = 30;

/** How a final table came to have no partitions: it was so already, was made, or its rows were moved or copied. */
export type Finish = 'already' | 'created' | 'renamed' | 'copied';

export interface FinishOptions {
  steps: StepHook;
  /** Asked before every attempt at a change; throws when somebody else may be at work. */
  check: () => Promise<void>;
}

/** Where the rows wait: in the twin until it has them all, then under the other name. The same after a restart. */
export function publishNames(database: string, table: string): { twin: string; full: string } {
  const hash = createHash('sha256').update(`${database}.${table}`).digest('hex').slice(0, 20);
  const name = (what: string) => `${what}_${hash}_${table}`.slice(0, MAX_IDENTIFIER);
  return { twin: name('twin'), full: name('full') };
}

/**
 * Takes the partitions off a final table: a twin without partitions gets the rows, and takes the table's place. With one
 * partition that holds rows they are exchanged for the empty twin (no row moves), else copied and counted.
 *
 * Every step looks before it acts, so it may be killed at any point and repeated. What is found says how far it came: a `full`
 * table is the table, whatever is left of the old one; without it, as long as the partitioned table has rows they are all there
 * and a twin is an unfinished copy, and when it has none the twin's are the table's. A table that does not exist is made.
 *
 * Only tables without partitions are renamed: a server killed while it renames a partitioned one can leave its definition and
 * its files under different names (MariaDB 10.11, 2 of some 100 kills), and nothing under SQL puts that right.
 */
export async function finishTable(
  connection: DataConnection,
  database: string,
  name: string,
  table: TableDescriptor,
  { steps, check }: FinishOptions,
): Promise<Finish> {
  const names = publishNames(database, name);
  const final = quoteTable(database, name);
  const twin = quoteTable(PUBLISH_SCHEMA, names.twin);
  const full = quoteTable(PUBLISH_SCHEMA, names.full);
  const change = async (step: (typeof FINISH_TABLE_STEPS)[number], sql: string) => {
    await steps(step, { database, table: name });
    await whileBusy(BUSY_SECONDS, async () => {
      await check();
      await connection.run(`${step} ${database}.${name}`, sql);
    });
  };
  const replace = async () => {
    await change('publish.table.drop', `DROP TABLE IF EXISTS ${final} NOWAIT`);
    await change('publish.table.rename', `RENAME TABLE ${full} NOWAIT TO ${final}`);
  };

  const found = await partitionNames(connection, database, name);
  if (await exists(connection, PUBLISH_SCHEMA, names.full)) {
    if (found !== undefined) await checkFull(connection, names.full, database, name, found);
    await replace();
    return 'renamed';
  }
  if (found === undefined) {
    await change('publish.table.create', `CREATE TABLE IF NOT EXISTS ${final} ${tableBody(table)}`);
    return 'created';
  }
  if (found.length === 0) return 'already';

  const filled = await filledPartitions(connection, database, name, found);
  const twinIsThere = await exists(connection, PUBLISH_SCHEMA, names.twin);
  if (!(twinIsThere && filled.length === 0 && (await twinHolds(connection, names.twin, database, name, found)))) {
    if (twinIsThere) await change('publish.table.twin', `DROP TABLE IF EXISTS ${twin} NOWAIT`);
    await change('publish.table.twin', `CREATE TABLE ${twin} ${await definitionOf(connection, database, name)}`);
  }
  const [only, ...others] = filled;
  const copied = others.length > 0;
  if (copied) {
    const columns = table.columns.filter((c) => !isGenerated(c.type)).map((c) => quoteId(c.name));
    const list = columns.join(', ');
    // Values were judged when they were loaded; here they are taken as they are.
    await connection.run('take values as they are', "SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO'");
    await change('publish.table.copy', `INSERT INTO ${twin} (${list}) SELECT ${list} FROM ${final}`);
    await connection.run('judge values again', `SET SESSION sql_mode = ${USUAL_SQL_MODE}`);
    await compare(connection, database, name, names.twin);
  } else if (only !== undefined) {
    const exchange = `EXCHANGE PARTITION ${quoteId(only)} WITH TABLE ${twin}`;
    await change('publish.table.exchange', `ALTER TABLE ${final} NOWAIT ${exchange}`);
  }
  await change('publish.table.full', `RENAME TABLE ${twin} NOWAIT TO ${full}`);
  // A server killed while it drops a partitioned table can leave files behind: let them be empty ones.
  if (copied) await change('publish.table.empty', `ALTER TABLE ${final} NOWAIT TRUNCATE PARTITION ALL`);
  await replace();
  return copied ? 'copied' : 'renamed';
}

/** Whether a table is there, readable or not. */
async function exists(connection: DataConnection, schema: string, name: string): Promise<boolean> {
  const rows = await connection.rows(
    `look for ${schema}.${name}`,
    'SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?',
    [schema, name],
  );
  return rows.length > 0;
}

/** Those that hold rows, by reading them: the number in the header may be wrong after a crash. */
async function filledPartitions(
  connection: DataConnection,
  database: string,
  name: string,
  all: string[],
): Promise<string[]> {
  const filled: string[] = [];
  for (let i = 0; i < all.length; i += 100) {
    const some = all.slice(i, i + 100);
    const sql = some
      .map((part) => `(SELECT ? AS part FROM ${quoteTable(database, name)} PARTITION (${quoteId(part)}) LIMIT 1)`)
      .join(' UNION ALL ');
    const rows = await connection.rows<{ part: string }>(`look into partitions of ${database}.${name}`, sql, some);
    filled.push(...rows.map((row) => row.part));
  }
  return filled;
}

/** MariaDB's errors about a table of which a part is missing: it was killed while it dropped the table. */
const TORN = [1017, 1033, 1105, 1146];

/** Before the old table is dropped for a `full` one that was found: it must not hold rows that the other cannot have. */
async function checkFull(
  connection: DataConnection,
  full: string,
  database: string,
  name: string,
  parts: string[],
): Promise<void> {
  try {
    if (parts.length > 0 && (await filledPartitions(connection, database, name, parts)).length === 0) return;
    if (parts.length === 0 && (await scanRows(connection, database, name)) === 0) return;
  } catch (error) {
    if (TORN.includes(mysqlErrno(error) ?? 0)) return;
    throw error;
  }
  if (parts.length > 0 && (await twinHolds(connection, full, database, name, parts))) return;
  throw new IngestError(
    'INTERNAL',
    `both ${database}.${name} and ${PUBLISH_SCHEMA}.${full} hold rows: compare them, drop one`,
  );
}

/** True when the twin of an emptied table has rows. They must have come from one of its partitions. */
async function twinHolds(
  connection: DataConnection,
  twin: string,
  database: string,
  name: string,
  parts: string[],
): Promise<boolean> {
  const sql = `SELECT ${quoteId(TRANSACTION_COLUMN)} AS id FROM ${quoteTable(PUBLISH_SCHEMA, twin)} LIMIT 1`;
  const [row] = await connection.rows<{ id: number }>('look into the twin', sql);
  if (row === undefined) return false;
  if (parts.includes(partitionName(row.id))) return true;
  throw new IngestError(
    'INTERNAL',
    `${PUBLISH_SCHEMA}.${twin} holds rows of super-transaction ${row.id}, which ${database}.${name} never had: look at it, then drop it`,
  );
}

async function compare(connection: DataConnection, database: string, name: string, twin: string): Promise<void> {
  const there = await scanRows(connection, database, name);
  const here = await scanRows(connection, PUBLISH_SCHEMA, twin);
  if (there === here) return;
  throw new IngestError('INTERNAL', `the copy of ${database}.${name} has ${here} rows instead of ${there}`);
}

function isGenerated(type: string): boolean {
  const read = parseColumnType(type);
  return typeof read !== 'string' && read.generated;
}
