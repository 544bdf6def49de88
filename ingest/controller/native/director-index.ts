import { randomUUID } from 'node:crypto';
import { IngestError } from '../../core/errors';
import { directorIndexTable, META_SCHEMA } from '../../core/names';
import type { TableDefinition, TableDescriptor } from '../../core/tables';
import { quoteTable } from '../../storage/data/connection';
import {
  addIndexPartition,
  consolidateDirectorIndex,
  createDirectorIndex,
  dropDirectorIndex,
  dropIndexLeftovers,
  dropIndexPartition,
} from '../../storage/data/director-index';
import { tableNames } from '../../storage/data/drop-tables';
import { indexNames } from '../../storage/data/index-definition';
import { createMarks, forgetMarks, readMarks } from '../../storage/data/index-marks';
import { ensureMetaSchema } from '../../storage/data/master-schemas';
import { chunkPlaces } from '../../storage/metadata/contributions';
import { findDatabase } from '../../storage/metadata/databases';
import type { HeldLocks } from '../../storage/metadata/locks';
import { tablesOf } from '../../storage/metadata/tables';
import { type NativeContext, unpublished } from './context';
import { indexChunks, passes, planReads, reporting } from './index-chunks';

/** Points at which operations change automatic director indexes, beside those of `INDEX_CHUNK_STEPS`. */
export const INDEX_BEGIN_STEPS = ['index.partition.add'] as const;
export const INDEX_COMMIT_STEPS = ['index.layer.partition', 'index.layer.marks', 'index.layer.forget'] as const;
export const INDEX_ABORT_STEPS = ['index.partition.drop', 'index.partition.forget'] as const;
export const INDEX_PUBLISH_STEPS = ['index.consolidate', 'index.leftovers'] as const;
export const INDEX_REGISTER_STEPS = ['index.create'] as const;

/** Directors whose indexes a super-transaction of the database adds to: none that is published or half deleted, none without auto-build. */
async function indexed(context: NativeContext, database: string): Promise<TableDescriptor[]> {
  const record = await context.metadata.run((sql) => findDatabase(sql, database));
  if (record?.autoBuildDirectorIndex !== true) return [];
  const tables = await context.metadata.run((sql) => tablesOf(sql, database));
  return unpublished(tables).filter(({ definition, beingDeleted }) => definition.kind === 'director' && !beingDeleted);
}

/** Before a director is recorded: nothing of an earlier table of the name may be left, whoever left it. */
export async function clearDirectorIndex(
  context: NativeContext,
  held: HeldLocks,
  database: string,
  { name, kind }: TableDefinition,
): Promise<void> {
  if (kind !== 'director') return;
  await held.check();
  await dropDirectorIndex(context.master, database, name);
}

/** Makes the empty index of a registered director, where it is automatic; one that is there keeps its rows. */
export async function registerDirectorIndex(
  context: NativeContext,
  held: HeldLocks,
  database: string,
  table: TableDescriptor,
): Promise<void> {
  const { name, kind } = table.definition;
  const { autoBuildDirectorIndex } = await context.requireDatabase(database);
  if (kind !== 'director' || !autoBuildDirectorIndex) return;
  await context.steps('index.create', { database, table: name });
  await held.check();
  await ensureMetaSchema(context.master);
  await createDirectorIndex(context.master, database, table);
}

/** False where registration should have made an index and there is none. */
export async function hasDirectorIndex(context: NativeContext, database: string, table: TableDescriptor) {
  const { name, kind } = table.definition;
  const { autoBuildDirectorIndex } = await context.requireDatabase(database);
  if (kind !== 'director' || !autoBuildDirectorIndex) return true;
  return (await tableNames(context.master, META_SCHEMA)).includes(directorIndexTable(database, name));
}

/** Begin: a partition in every index. INDEX_FAILED with MariaDB's words when it refuses one. */
export async function addIndexPartitions(context: NativeContext, held: HeldLocks, id: number, database: string) {
  for (const { definition } of await indexed(context, database)) {
    const { name: table } = definition;
    await logged(context, id, 'add dir idx part', table, async () => {
      await context.steps('index.partition.add', { id, database, table });
      await held.check();
      await addIndexPartition(context.master, database, table, id);
    });
  }
}

/** Abort: the partition goes from every index. */
export async function dropIndexPartitions(context: NativeContext, held: HeldLocks, id: number, database: string) {
  for (const { definition } of await indexed(context, database)) {
    const { name: table } = definition;
    await logged(context, id, 'del dir idx part', table, async () => {
      await context.steps('index.partition.drop', { id, database, table });
      await held.check();
      await dropIndexPartition(context.master, database, table, id);
      await context.steps('index.partition.forget', { id, database, table });
      await forgetMarks(context.master, { marks: indexNames(database, table).marks, transactionId: id });
    });
  }
}

/** Notes in the super-transaction's log that an index is changed, and how it went. */
async function logged(context: NativeContext, id: number, what: string, table: string, work: () => Promise<void>) {
  await context.logEvent(id, `begin ${what}`, { table });
  try {
    await work();
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    await context.logEvent(id, `end ${what}`, { table, success: 0, error: text });
    if (passes(error)) throw error;
    throw new IngestError('INDEX_FAILED', text, { id, table }, { cause: error });
  }
  await context.logEvent(id, `end ${what}`, { table, success: 1, error: '' });
}

/**
 * Commit: the super-transaction's layer of every index. Only chunks that no earlier call has taken in are. A failure that passes
 * is thrown as it is; INDEX_FAILED when chunks were refused.
 */
export async function buildIndexLayers(context: NativeContext, held: HeldLocks, id: number, database: string) {
  for (const table of await indexed(context, database)) await buildLayer(context, held, id, database, table);
}

async function buildLayer(
  context: NativeContext,
  held: HeldLocks,
  id: number,
  database: string,
  table: TableDescriptor,
): Promise<void> {
  const { name } = table.definition;
  const about = { job: randomUUID(), table: name };
  await context.logEvent(id, 'begin bld dir idx', about);
  try {
    const places = await context.metadata.run((sql) => chunkPlaces(sql, id, name));
    const place = { marks: indexNames(database, name).marks, transactionId: id };
    const step = async (point: (typeof INDEX_COMMIT_STEPS)[number]) => {
      await context.steps(point, { id, database, table: name });
      await held.check();
    };
    if (places.length > 0) {
      // A director that was registered after the super-transaction began has no partition yet.
      await step('index.layer.partition');
      await addIndexPartition(context.master, database, name, id);
      await step('index.layer.marks');
      await createMarks(context.master, place.marks);
      const done = new Set((await readMarks(context.master, place))?.keys());
      const total = new Set(places.map(({ chunk }) => chunk)).size;
      const progress = () =>
        context.logEvent(id, 'progress bld dir idx', { ...about, progress: { complete: done.size, total } });
      const index = quoteTable(META_SCHEMA, directorIndexTable(database, name));
      await reporting(context.progressMs, progress, () =>
        indexChunks(context, held, {
          database,
          table,
          target: { index, place, layered: true },
          plan: planReads(places.filter(({ chunk }) => !done.has(chunk))),
          onChunk: (chunk) => done.add(chunk),
        }),
      );
    }
  } catch (error) {
    const { failures, ...told } = error instanceof IngestError ? error.details : {};
    const message = error instanceof Error ? error.message : String(error);
    await context.logEvent(id, 'end bld dir idx', { ...about, success: 0, error: failures ?? { message, ...told } });
    if (passes(error) || failures !== undefined) throw error;
    throw new IngestError('INDEX_FAILED', message, { id, table: name, ...told }, { cause: error });
  }
  await context.logEvent(id, 'end bld dir idx', { ...about, success: 1, error: null });
}

/** The super-transaction is FINISHED: how its layers were built need not be known any more. What stays is dropped at publish. */
export async function forgetIndexLayers(context: NativeContext, id: number, database: string): Promise<void> {
  for (const { definition } of await indexed(context, database)) {
    await context.steps('index.layer.forget', { id, database, table: definition.name });
    const { marks } = indexNames(database, definition.name);
    await forgetMarks(context.master, { marks, transactionId: id }).catch(() => {});
  }
}

/** Publish: what was needed for building goes from the indexes of unpublished directors, their partitions when the caller says so. */
export async function finishDirectorIndexes(
  context: NativeContext,
  held: HeldLocks,
  database: string,
  consolidate: boolean,
): Promise<void> {
  for (const { definition } of await indexed(context, database)) {
    const { name: table } = definition;
    if (consolidate) {
      await context.steps('index.consolidate', { database, table });
      await held.check();
      await consolidateDirectorIndex(context.master, database, table);
    }
    await context.steps('index.leftovers', { database, table });
    await held.check();
    await dropIndexLeftovers(context.master, database, table);
  }
}
