import { createHash } from 'node:crypto';
import { MAX_IDENTIFIER, PUBLISH_SCHEMA } from '../../core/names';
import { whileBusy } from './again';
import { quoteTable, type Statements } from './connection';
import { createSchema } from './create-tables';
import { dropTables, tableNames } from './drop-tables';

/**
 * Tables of one server taking the place of others, by renaming. Only tables without partitions: of a partitioned one a server that is
 * killed can leave some partitions under each name.
 *
 * What is found says what is to be done, so it may be killed at any point and repeated: as long as the next version is there under
 * its own name, it is to take the place; what was there before waits in PUBLISH_SCHEMA until all is done.
 */

/** A table and the one whose place it takes. */
export interface Succession {
  schema: string;
  /** Name of the next version. */
  next: string;
  /** The name that it is to have. */
  final: string;
  /** Name of the old version while it waits in PUBLISH_SCHEMA to be dropped. */
  old: string;
  /**
   * The next version had this table for certain before anything was renamed: `final` without `next` is the new one. Else it is told from
   * one that only the old version has by the table `old`, which `prepareSuccessions` sees to.
   */
  certain: boolean;
}

/**
 * Renamed together: long enough to save round trips, short enough that one table that is being read holds few others up. (1000 tables
 * take 1.0 to 1.3 s whether 10, 50 or 1000 are renamed together, on one connection or four: MariaDB writes its log of renames to disk.)
 */
const BATCH = 50;

/** Seconds for which renaming is tried again while queries that began before still read one of the tables. */
const BUSY_SECONDS = 30;

/** How all names begin under which tables of an old version wait; the same after a restart. */
function oldPrefix(database: string, table: string): string {
  const hash = createHash('sha256').update(`${database}.${table}`).digest('hex').slice(0, 20);
  return `old_${hash}_`;
}

/** `part` tells the tables of one version apart (`_7480`, `index`); the table's name tells people what it is and may be cut. */
export function oldName(database: string, table: string, part: string): string {
  return `${oldPrefix(database, table)}${part}_${table}`.slice(0, MAX_IDENTIFIER);
}

/** Names of the tables of an old version that wait to be dropped. */
async function oldTables(server: Statements, database: string, table: string): Promise<string[]> {
  const prefix = oldPrefix(database, table);
  return (await tableNames(server, PUBLISH_SCHEMA)).filter((name) => name.startsWith(prefix));
}

/** Drops what waits of an old version. Success when there is nothing. */
export async function dropOldTables(server: Statements, database: string, table: string): Promise<void> {
  await dropTables(server, PUBLISH_SCHEMA, await oldTables(server, database, table));
}

/** What of the tables is there, by schema; PUBLISH_SCHEMA too. */
async function found(
  server: Statements,
  successions: Succession[],
): Promise<(schema: string, name: string) => boolean> {
  const schemas = [...new Set([PUBLISH_SCHEMA, ...successions.map((s) => s.schema)])];
  const lists = await Promise.all(schemas.map((schema) => tableNames(server, schema)));
  const names = new Map(schemas.map((schema, i) => [schema, new Set(lists[i])]));
  return (schema, name) => names.get(schema)?.has(name) ?? false;
}

/**
 * While the old version is still in sight: makes the room in which it will wait, empty of what earlier attempts left there, and marks
 * what could not be told later from what is found alone.
 */
export async function prepareSuccessions(
  server: Statements,
  database: string,
  tables: string[],
  successions: Succession[],
): Promise<void> {
  await createSchema(server, PUBLISH_SCHEMA);
  for (const table of tables) await dropOldTables(server, database, table);
  const has = await found(server, successions);
  for (const { schema, next, final, old, certain } of successions) {
    if (certain || !has(schema, next) || has(schema, final)) continue;
    await server.run(`mark ${schema}.${final}`, `CREATE TABLE ${quoteTable(PUBLISH_SCHEMA, old)} (nothing INT)`);
  }
}

/** One statement that does part of what is left to do. */
export interface RenameBatch {
  /** Final tables that it changes. */
  tables: string[];
  sql: string;
}

/** Looks what is left to do. */
export async function planRenames(server: Statements, successions: Succession[]): Promise<RenameBatch[]> {
  const has = await found(server, successions);
  const drops: RenameBatch[] = [];
  const moves: { table: string; moves: [from: string, to: string][] }[] = [];
  for (const { schema, next, final, old, certain } of successions) {
    const [from, to, away] = [quoteTable(schema, next), quoteTable(schema, final), quoteTable(PUBLISH_SCHEMA, old)];
    const [isNext, isFinal, isAway] = [has(schema, next), has(schema, final), has(PUBLISH_SCHEMA, old)];
    // With a next version both others are old, and one name cannot hold both; without it, it never was or has taken the place.
    if (isFinal && (isNext ? isAway : !certain && !isAway)) {
      drops.push({ tables: [final], sql: `DROP TABLE IF EXISTS ${to} NOWAIT` });
    }
    if (isNext)
      moves.push({
        table: final,
        moves:
          isFinal && !isAway
            ? [
                [to, away],
                [from, to],
              ]
            : [[from, to]],
      });
  }
  return [
    ...drops,
    ...inBatches(moves).map((batch) => ({
      tables: batch.map(({ table }) => table),
      sql: renameStatement(batch.flatMap((one) => one.moves)),
    })),
  ];
}

/** The clause about waiting is the statement's, and stands behind its first table. */
function renameStatement(moves: [from: string, to: string][]): string {
  return `RENAME TABLE ${moves.map(([from, to], i) => `${from}${i === 0 ? ' NOWAIT' : ''} TO ${to}`).join(', ')}`;
}

/** Does one batch; a server that is killed meanwhile did all of it or nothing. BUSY when a table is still read after half a minute. */
export async function renameBatch(
  server: Statements,
  { tables, sql }: RenameBatch,
  check: () => Promise<void>,
): Promise<void> {
  const [first, ...others] = tables;
  const doing = `put ${first}${others.length > 0 ? ` and ${others.length} more` : ''} in place`;
  await whileBusy(BUSY_SECONDS, async () => {
    await check();
    await server.run(doing, sql);
  });
}

function inBatches<T>(items: T[]): T[][] {
  return Array.from({ length: Math.ceil(items.length / BATCH) }, (_, i) => items.slice(i * BATCH, (i + 1) * BATCH));
}
