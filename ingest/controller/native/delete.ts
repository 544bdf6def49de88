import { IngestError } from '../../core/errors';
import type { TableDescriptor } from '../../core/tables';
import { removeCssDatabase, removeCssTable } from '../../storage/data/css';
import { dropEmptyChunks } from '../../storage/data/css-empty-chunks';
import { dropDirectorIndex } from '../../storage/data/director-index';
import { dropSchema, dropTables } from '../../storage/data/drop-tables';
import { forgetGrant } from '../../storage/data/registration';
import { dropOldTables } from '../../storage/data/replace-tables';
import { dropDeployedCounters } from '../../storage/data/row-counters';
import {
  allDatabases,
  type DatabaseRecord,
  deleteDatabaseRecord,
  findDatabase,
} from '../../storage/metadata/databases';
import type { HeldLocks } from '../../storage/metadata/locks';
import { deleteTableRecord, findTable, tablesOf } from '../../storage/metadata/tables';
import type { DeleteOptions } from '../controller';
import { checkDependents } from '../rules';
import { alreadyPublished, type NativeContext } from './context';
import { deleteDatabaseOn, deleteTableOn, stopWriters } from './delete-workers';
import { endReplacements } from './replacements';

/** Points of deleting a table or a database. */
export const DELETE_STEPS = ['delete.stop', 'delete.css', 'delete.master', 'delete.worker', 'delete.record'] as const;

type Step = (name: (typeof DELETE_STEPS)[number], detail?: Record<string, unknown>) => Promise<void>;

/** Order: docs/contract/controller.md §5.5. The record goes last: as long as it is there, whatever is left is found by it. */
export async function deleteTable(
  context: NativeContext,
  database: string,
  table: string,
  options: DeleteOptions = {},
): Promise<void> {
  await context.changingDatabase(database, async (held) => {
    const record = await recordOf(context, database, options);
    if (record === undefined) return;
    if (options.mustChange) await context.requireTable(database, table);
    checkPublished(record, options);
    await endReplacements(context, held, database);
    const known = await context.metadata.run((sql) => findTable(sql, database, table));
    if (known === undefined) return;
    await checkReplacement(context, database, known);
    await checkReferences(context, database, table);
    const step = announce(context, held, { database, table });

    await step('delete.stop');
    await context.endOthers(database);
    await stopWriters(context, database, [table]);
    await step('delete.css');
    await removeCssTable(context.master, database, table);
    await step('delete.master');
    await dropTables(context.master, database, [table]);
    await dropFromMeta(context, database, known);
    if (known.replaces !== undefined) await dropOldTables(context.master, database, known.replaces);
    await context.onWorkers(async (server) => {
      await step('delete.worker', { worker: server.name });
      await deleteTableOn(context, server, database, known);
    });
    await step('delete.record');
    await context.metadata.run((sql) => deleteTableRecord(sql, database, table));
  });
}

export async function deleteDatabase(
  context: NativeContext,
  database: string,
  options: DeleteOptions = {},
): Promise<void> {
  await context.changingDatabase(database, async (held) => {
    const record = await recordOf(context, database, options);
    if (record === undefined) return;
    checkPublished(record, options);
    const tables = await context.metadata.run((sql) => tablesOf(sql, database));
    const step = announce(context, held, { database });

    await step('delete.stop');
    await context.endOthers(database);
    await stopWriters(
      context,
      database,
      tables.map((table) => table.definition.name),
    );
    await step('delete.css');
    await removeCssDatabase(context.master, database);
    await step('delete.master');
    await dropSchema(context.master, database);
    await dropEmptyChunks(context.master, database);
    for (const table of tables) {
      await dropFromMeta(context, database, table);
      await dropOldTables(context.master, database, table.definition.name);
    }
    await forgetGrant(context.master, database);
    await context.onWorkers(async (server) => {
      await step('delete.worker', { worker: server.name });
      await deleteDatabaseOn(context, server, database, tables);
    });
    await step('delete.record');
    await context.metadata.run((sql) => deleteDatabaseRecord(sql, database));
  });
}

/** Undefined where it is no fault that there is none. */
async function recordOf(
  context: NativeContext,
  database: string,
  { mustChange = false }: DeleteOptions,
): Promise<DatabaseRecord | undefined> {
  if (mustChange) return context.requireDatabase(database);
  return context.metadata.run((sql) => findDatabase(sql, database));
}

function announce(context: NativeContext, held: HeldLocks, what: Record<string, unknown>): Step {
  return async (name, detail = {}) => {
    await context.steps(name, { ...what, ...detail });
    await held.check();
  };
}

/** Director index and row counters. */
async function dropFromMeta(context: NativeContext, database: string, { definition }: TableDescriptor): Promise<void> {
  const { name, kind } = definition;
  if (kind === 'director') await dropDirectorIndex(context.master, database, name);
  await dropDeployedCounters(context.master, database, name);
}

function checkPublished({ name, isPublished }: DatabaseRecord, { published = false }: DeleteOptions): void {
  if (isPublished && !published) throw alreadyPublished(name);
}

/** A table stays as long as its next version waits for its place. */
async function checkReplacement(
  context: NativeContext,
  database: string,
  { definition }: TableDescriptor,
): Promise<void> {
  const { name } = definition;
  const tables = await context.metadata.run((sql) => tablesOf(sql, database));
  const next = tables.find((one) => one.replaces === name)?.definition.name;
  if (next === undefined) return;
  const message = `table '${name}' is about to be replaced by '${next}': delete that one first`;
  throw new IngestError('ILLEGAL_STATE', message, { database, table: name, replacement: next });
}

async function checkReferences(context: NativeContext, database: string, table: string): Promise<void> {
  const all = await context.metadata.run(async (sql) => {
    const records = await allDatabases(sql);
    return Promise.all(records.map(async ({ name }) => ({ name, tables: await tablesOf(sql, name) })));
  });
  checkDependents(all, database, table);
}
