import { createHash } from 'node:crypto';
import { parseColumnType } from '../../core/columns';
import { IngestError } from '../../core/errors';
import { MAX_IDENTIFIER, PUBLISH_SCHEMA, partitionName, TRANSACTION_COLUMN } from '../../core/names';
import type { StepHook } from '../../core/steps';
import type { TableDescriptor } from '../../core/tables';
import { whileBusy } from './again';
import { type DataConnection, quoteId, quoteTable } from './connection';
import { tableBody } from './create-tables';
import { definitionOf } from './definition';
import { scanRows } from './scan';

/** Points of finishing one final table; each is announced before the change that it names. */
export const FINISH_TABLE_STEPS = [
  'publish.table.create',
  'publish.table.twin',
  'publish.table.exchange',
  'publish.table.copy',
  'publish.table.rename',
  'publish.table.drop',
] as const;

/** Seconds for which a change is tried again while somebody reads the table. */
const BUSY_SECONDS = 30;

/** How a final table came to have no partitions: it was so already, was made, or its rows were moved or copied. */
export type Finish = 'already' | 'created' | 'renamed' | 'copied';

export interface FinishOptions {
  steps: StepHook;
  /** Asked before every change; throws when somebody else may be at work. */
  check: () => Promise<void>;
}

/** Where the rows wait, and where the partitioned table goes. The same after a restart. */
export function publishNames(database: string, table: string): { twin: string; old: string } {
  const hash = createHash('sha256').update(`${database}.${table}`).digest('hex').slice(0, 20);
  const name = (what: string) => `${what}_${hash}_${table}`.slice(0, MAX_IDENTIFIER);
  return { twin: name('twin'), old: name('old') };
}

/**
 * Takes the partitions off a final table: a twin without partitions gets the rows, and both change places by one RENAME.
 * With one partition that holds rows they are exchanged for the empty twin (no row moves), else copied and counted.
 *
 * Every step looks before it acts, so it may be killed at any point and repeated. What is found says how far it came: as long
 * as the partitioned table has rows, they are all there, and a twin is an unfinished copy; when it has none, the twin's are
 * the table's. A table that does not exist is made.
 */
export async function finishTable(
  connection: DataConnection,
  database: string,
  name: string,
  table: TableDescriptor,
  { steps, check }: FinishOptions,
): Promise<Finish> {
  const { twin, old } = publishNames(database, name);
  const final = quoteTable(database, name);
  const twinTable = quoteTable(PUBLISH_SCHEMA, twin);
  const oldTable = quoteTable(PUBLISH_SCHEMA, old);
  const change = async (step: (typeof FINISH_TABLE_STEPS)[number], sql: string) => {
    await steps(step, { database, table: name });
    await check();
    await whileBusy(BUSY_SECONDS, () => connection.run(`${step} ${database}.${name}`, sql));
  };
  const dropOld = async () => {
    if ((await partitions(connection, PUBLISH_SCHEMA, old)) !== undefined) {
      await change('publish.table.drop', `DROP TABLE IF EXISTS ${oldTable} NOWAIT`);
    }
  };

  const found = await partitions(connection, database, name);
  if (found === undefined) {
    const left = await partitions(connection, PUBLISH_SCHEMA, old);
    if (left === undefined) {
      await change('publish.table.create', `CREATE TABLE IF NOT EXISTS ${final} ${tableBody(table)}`);
      return 'created';
    }
    // MariaDB undoes a half-done RENAME when it restarts; should it ever not, the twin takes the name.
    await change('publish.table.rename', `RENAME TABLE ${twinTable} TO ${final}`);
    await dropOld();
    return 'renamed';
  }
  if (found.length === 0) {
    await dropOld();
    return 'already';
  }

  const filled = await filledPartitions(connection, database, name, found);
  let finish: Finish = 'renamed';
  const twinIsThere = (await partitions(connection, PUBLISH_SCHEMA, twin)) !== undefined;
  const hasTheRows = twinIsThere && filled.length === 0 && (await twinHolds(connection, twin, database, name, found));
  if (!hasTheRows) {
    if (twinIsThere) await change('publish.table.twin', `DROP TABLE IF EXISTS ${twinTable} NOWAIT`);
    await change('publish.table.twin', `CREATE TABLE ${twinTable} ${await definitionOf(connection, database, name)}`);
  }

  const [only, ...others] = filled;
  if (only !== undefined && others.length === 0) {
    const sql = `ALTER TABLE ${final} NOWAIT EXCHANGE PARTITION ${quoteId(only)} WITH TABLE ${twinTable}`;
    await change('publish.table.exchange', sql);
  } else if (only !== undefined) {
    const columns = table.columns.filter((c) => !isGenerated(c.type)).map((c) => quoteId(c.name));
    const list = columns.join(', ');
    // Values were judged when they were loaded; here they are taken as they are.
    await connection.run('take values as they are', "SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO'");
    await change('publish.table.copy', `INSERT INTO ${twinTable} (${list}) SELECT ${list} FROM ${final}`);
    await connection.run('judge values again', 'SET SESSION sql_mode = DEFAULT');
    await compare(connection, database, name, twin);
    finish = 'copied';
  }
  await dropOld();
  await change('publish.table.rename', `RENAME TABLE ${final} NOWAIT TO ${oldTable}, ${twinTable} TO ${final}`);
  await change('publish.table.drop', `DROP TABLE IF EXISTS ${oldTable} NOWAIT`);
  return finish;
}

/** Partitions of a table; [] when it has none, undefined when there is no such table. */
async function partitions(connection: DataConnection, schema: string, name: string): Promise<string[] | undefined> {
  const rows = await connection.rows<{ name: string | null }>(
    `read partitions of ${schema}.${name}`,
    'SELECT PARTITION_NAME AS name FROM information_schema.PARTITIONS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?',
    [schema, name],
  );
  if (rows.length === 0) return undefined;
  return rows.flatMap((row) => (row.name === null ? [] : [row.name]));
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
