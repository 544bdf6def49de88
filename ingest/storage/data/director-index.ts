import { directorIndexTable, META_SCHEMA, PUBLISH_SCHEMA, partitionName } from '../../core/names';
import type { TableDescriptor } from '../../core/tables';
import { whileBusy } from './again';
import { MYSQL, mysqlErrno, quoteId, quoteTable, type Statements } from './connection';
import { createSchema } from './create-tables';
import { partitionClause, partitionsClause } from './definition';
import { dropTables } from './drop-tables';
import { indexBody, indexNames, isUnique } from './index-definition';
import { partitionNames } from './partitions';

/**
 * The director index on the master, docs/contract/storage.md §4: which chunk and sub-chunk an object is in. The automatic one has
 * a partition for each super-transaction; one built on request has neither partitions nor the transaction's column.
 */

/**
 * Seconds for which a change of an index waits for chunks that are being loaded into it: each holds the table's metadata lock.
 * The change queues in front of further ones (WAIT, not NOWAIT: with several at work there is never a moment without any).
 */
const CHANGE_WAIT_SECONDS = 30;
const CHANGE_BUSY_SECONDS = 240;

/** Makes the empty automatic index of a director unless it is there. */
export async function createDirectorIndex(server: Statements, database: string, table: TableDescriptor): Promise<void> {
  const index = directorIndexTable(database, table.definition.name);
  const body = `${indexBody(table, 'automatic', isUnique(table))} ${partitionsClause()}`;
  const create = () =>
    server.run(`create the index ${index}`, `CREATE TABLE IF NOT EXISTS ${quoteTable(META_SCHEMA, index)} ${body}`);
  try {
    await create();
  } catch (error) {
    if (mysqlErrno(error) !== MYSQL.TABLE_EXISTS) throw error;
    // A server killed while it made a partitioned InnoDB table can leave the partition behind, by its file's name, without a table
    // (MariaDB 10.11: 2 of 60 kills).
    const file = `#mysql50#${index.replaceAll('$', '@0024')}#P#${partitionName(0)}`;
    await server.run(`clear the place of ${index}`, `DROP TABLE IF EXISTS ${quoteId(META_SCHEMA)}.\`${file}\``);
    await create();
  }
}

/** Makes the table in PUBLISH_SCHEMA that an index is built in on request. */
export async function createIndexBuild(
  server: Statements,
  database: string,
  table: TableDescriptor,
  unique: boolean,
): Promise<void> {
  await createSchema(server, PUBLISH_SCHEMA);
  const name = quoteTable(PUBLISH_SCHEMA, indexNames(database, table.definition.name).build(unique));
  await server.run(
    `create the index ${name}`,
    `CREATE TABLE IF NOT EXISTS ${name} ${indexBody(table, 'onRequest', unique)}`,
  );
}

/** Sees to it that the index has the super-transaction's partition. Errors: MariaDB's own, e.g. 1499 for too many partitions. */
export async function addIndexPartition(
  server: Statements,
  database: string,
  table: string,
  transactionId: number,
): Promise<void> {
  const name = directorIndexTable(database, table);
  // Looked for first: even adding nothing waits for all who use the table.
  if ((await partitionNames(server, META_SCHEMA, name))?.includes(partitionName(transactionId))) return;
  await changeIndex(server, name, `ADD PARTITION IF NOT EXISTS (${partitionClause(transactionId)})`);
}

/** Drops the super-transaction's partition; an index that is missing or has no partitions is success. */
export async function dropIndexPartition(
  server: Statements,
  database: string,
  table: string,
  transactionId: number,
): Promise<void> {
  const name = directorIndexTable(database, table);
  const partition = partitionName(transactionId);
  if (!(await partitionNames(server, META_SCHEMA, name))?.includes(partition)) return;
  await changeIndex(server, name, `DROP PARTITION IF EXISTS ${quoteId(partition)}`);
}

/**
 * Takes the partitions off the index; one that has none, or is not there, is success. InnoDB copies the rows; readers go on
 * meanwhile. Killed at any moment it rolls back or has happened (MariaDB 10.11: 150 of 150).
 */
export async function consolidateDirectorIndex(server: Statements, database: string, table: string): Promise<void> {
  const name = directorIndexTable(database, table);
  const partitions = await partitionNames(server, META_SCHEMA, name);
  if (partitions === undefined || partitions.length === 0) return;
  try {
    await changeIndex(server, name, 'REMOVE PARTITIONING');
  } catch (error) {
    if (mysqlErrno(error) !== MYSQL.NOT_PARTITIONED) throw error;
  }
}

async function changeIndex(server: Statements, name: string, change: string): Promise<void> {
  const sql = `ALTER TABLE ${quoteTable(META_SCHEMA, name)} WAIT ${CHANGE_WAIT_SECONDS} ${change}`;
  await whileBusy(CHANGE_BUSY_SECONDS, () => server.run(`change the index ${name}`, sql));
}

/**
 * Drops a table's index, whoever built it, and all that belongs to it; what is not there is success. Its partitions go first: a
 * server killed while it drops a partitioned InnoDB table leaves partitions behind, and no table of the name can be made again
 * (MariaDB 10.11: 82 of 150 kills; this way 0).
 */
export async function dropDirectorIndex(server: Statements, database: string, table: string): Promise<void> {
  const { index } = indexNames(database, table);
  const [first, ...others] = (await partitionNames(server, META_SCHEMA, index)) ?? [];
  if (others.length > 0) await changeIndex(server, index, `DROP PARTITION ${others.map(quoteId).join(', ')}`);
  if (first !== undefined) await changeIndex(server, index, 'REMOVE PARTITIONING');
  await dropTables(server, META_SCHEMA, [index]);
  await dropIndexLeftovers(server, database, table);
}

/** Drops what belongs to an index but is not it: marks, and builds that were not finished. */
export async function dropIndexLeftovers(server: Statements, database: string, table: string): Promise<void> {
  const { marks, build, buildMarks, old } = indexNames(database, table);
  await dropTables(server, PUBLISH_SCHEMA, [
    marks,
    // Marks go first: a build without them is not taken for one that can be continued.
    ...[true, false].flatMap((unique) => [buildMarks(unique), build(unique)]),
    old,
  ]);
}

/** Puts an index that was built on request in the place of the one that is there, if any, which is kept under another name. */
export async function putBuildInPlace(
  server: Statements,
  database: string,
  table: string,
  unique: boolean,
): Promise<void> {
  const names = indexNames(database, table);
  const index = quoteTable(META_SCHEMA, names.index);
  const isThere = (await partitionNames(server, META_SCHEMA, names.index)) !== undefined;
  const away = isThere ? `${index} NOWAIT TO ${quoteTable(PUBLISH_SCHEMA, names.old)}, ` : '';
  const move = `RENAME TABLE ${away}${quoteTable(PUBLISH_SCHEMA, names.build(unique))}${isThere ? '' : ' NOWAIT'} TO ${index}`;
  await whileBusy(CHANGE_BUSY_SECONDS, () => server.run(`put the index ${names.index} in place`, move));
}

/**
 * Puts the index of a table's next version in the place of the table's own, when a replacement is published. `built`: the next
 * version has an automatic index; without it the old one is dropped, because it does not tell about the new rows. Called again
 * after it was done (no index has the next version's name any more) it does nothing more.
 *
 * Only a table without partitions is renamed: a server killed while it renames a partitioned InnoDB table leaves partitions under
 * both names, and the table unreadable (MariaDB 10.11: 55 of 150 kills). `consolidateDirectorIndex` before the old table is hidden
 * keeps that copying out of the gap.
 */
export async function replaceDirectorIndex(
  server: Statements,
  database: string,
  next: string,
  table: string,
  built: boolean,
): Promise<void> {
  const from = directorIndexTable(database, next);
  const to = directorIndexTable(database, table);
  if (!built) await dropDirectorIndex(server, database, table);
  else if ((await partitionNames(server, META_SCHEMA, from)) !== undefined) {
    await consolidateDirectorIndex(server, database, next);
    await dropDirectorIndex(server, database, table);
    const move = `RENAME TABLE ${quoteTable(META_SCHEMA, from)} TO ${quoteTable(META_SCHEMA, to)}`;
    await server.run(`put the index ${from} in place`, move);
  }
  await dropIndexLeftovers(server, database, next);
}
