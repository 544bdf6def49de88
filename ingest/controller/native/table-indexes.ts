import { IngestError, invalidInput } from '../../core/errors';
import { chunkTable, DUMMY_CHUNK, sameName } from '../../core/names';
import {
  combineIndexes,
  type FoundIndex,
  type IndexOverlap,
  indexNameFault,
  type TableIndex,
  type TableIndexDefinition,
  tableIndexFaults,
} from '../../core/table-indexes';
import { kindOf, type TableDescriptor } from '../../core/tables';
import { isAbsent } from '../../storage/data/scan';
import { createIndex, dropIndex, readIndexes, tryIndex } from '../../storage/data/table-indexes';
import type { HeldLocks } from '../../storage/metadata/locks';
import type { CreateTableIndexOptions } from '../finishing';
import type { NativeContext } from './context';
import { besideTransactions, chunksByWorker, Failures, onFinalTables } from './final-tables';

/** Points of changing indexes; each is announced before the final table that it names is changed. */
export const TABLE_INDEX_STEPS = ['index.create', 'index.drop'] as const;

/** The published table and its final tables of one sort, by worker. */
interface Target {
  table: TableDescriptor;
  finals: Map<string, string[]>;
  /** Tables that are not there are no failure: those of chunks allocated while the database is unpublished come with publish. */
  mayMiss: boolean;
}

export function createTableIndex(
  context: NativeContext,
  database: string,
  name: string,
  definition: TableIndexDefinition,
  { overlap = false, ignoreDuplicateKey = true }: CreateTableIndexOptions = {},
): Promise<void> {
  return indexing(context, database, name, async (held) => {
    const target = await targetOf(context, database, name, overlap);
    const faults = tableIndexFaults(definition, target.table.columns);
    if (faults.length > 0) throw invalidInput(`index ${definition.index}`, faults);
    const failures = new Failures();
    const missing = await lookFor(context, database, target, definition.index, failures, (found) => {
      if (found && !ignoreDuplicateKey) throw duplicate(definition.index);
      return !found;
    });
    if (missing.size > 0) await tryOnMaria(context, database, target.table, definition);
    await onFinalTables(context, missing, failures, {
      before: (server, final) => announce(context, held, 'index.create', database, final, server.name),
      statement: (server, final) => createIndex(server, database, final, definition),
    });
    failures.throwIfAny(`make index ${definition.index} of ${database}.${name}`);
  });
}

export async function tableIndexes(
  context: NativeContext,
  database: string,
  name: string,
  { overlap = false }: IndexOverlap = {},
): Promise<TableIndex[]> {
  const target = await targetOf(context, database, name, overlap);
  const failures = new Failures();
  const found: FoundIndex[][] = [];
  await read(context, database, target, failures, (_, __, indexes) => found.push(indexes));
  failures.throwIfAny(`read the indexes of ${database}.${name}`);
  return combineIndexes(found);
}

export function dropTableIndex(
  context: NativeContext,
  database: string,
  name: string,
  index: string,
  { overlap = false }: IndexOverlap = {},
): Promise<void> {
  return indexing(context, database, name, async (held) => {
    const target = await targetOf(context, database, name, overlap);
    const fault = indexNameFault(index);
    if (fault !== undefined) throw invalidInput('index', [{ path: 'index', message: fault }]);
    const failures = new Failures();
    const there = await lookFor(context, database, target, index, failures, (found) => found);
    await onFinalTables(context, there, failures, {
      before: (server, final) => announce(context, held, 'index.drop', database, final, server.name),
      statement: (server, final) => dropIndex(server, database, final, index),
    });
    failures.throwIfAny(`drop index ${index} of ${database}.${name}`);
  });
}

/** Other changes of the table's indexes wait. */
function indexing<T>(context: NativeContext, database: string, table: string, work: (held: HeldLocks) => Promise<T>) {
  return besideTransactions(context, database, `indexes ${database}.${table}`, work);
}

async function announce(
  context: NativeContext,
  held: HeldLocks,
  step: (typeof TABLE_INDEX_STEPS)[number],
  database: string,
  table: string,
  worker: string,
): Promise<void> {
  await context.steps(step, { database, table, worker });
  await held.check();
}

async function targetOf(context: NativeContext, database: string, name: string, overlap: boolean): Promise<Target> {
  const { isPublished } = await context.requireDatabase(database);
  const table = await context.requireTable(database, name);
  if (!table.isPublished) {
    const message = `table is not published: ${database}.${name}; publish the database first`;
    throw new IngestError('ILLEGAL_STATE', message, { database, table: name, isPublished: false });
  }
  const finals = new Map<string, string[]>();
  for (const [worker, chunks] of await chunksByWorker(context, database)) {
    const names = [DUMMY_CHUNK, ...chunks].map((chunk) => chunkTable(name, chunk, overlap));
    finals.set(worker, kindOf(table.definition).partitioned ? names : [name]);
  }
  return { table, finals, mayMiss: !isPublished };
}

/** Reads the indexes of every final table. */
async function read(
  context: NativeContext,
  database: string,
  { finals, mayMiss }: Target,
  failures: Failures,
  take: (worker: string, final: string, indexes: FoundIndex[]) => void,
): Promise<void> {
  await onFinalTables(context, finals, failures, {
    before: async () => {},
    statement: async (server, final) => {
      const indexes = await readIndexes(server, database, final).catch((error) => {
        if (mayMiss && isAbsent(error)) return undefined;
        throw error;
      });
      if (indexes !== undefined) take(server.name, final, indexes);
    },
  });
}

/** Final tables, by worker, for which `wanted` says so, knowing whether they have the index. What it throws is their failure. */
async function lookFor(
  context: NativeContext,
  database: string,
  target: Target,
  index: string,
  failures: Failures,
  wanted: (found: boolean) => boolean,
): Promise<Map<string, string[]>> {
  const finals = new Map<string, string[]>();
  await read(context, database, target, failures, (worker, final, indexes) => {
    if (!wanted(indexes.some(({ name }) => sameName(name, index)))) return;
    const list = finals.get(worker);
    if (list === undefined) finals.set(worker, [final]);
    else list.push(final);
  });
  return finals;
}

function duplicate(index: string): IngestError {
  return new IngestError('ALREADY_EXISTS', `there is an index '${index}' already`, { status: 'DUPLICATE_KEY' });
}

/** A worker's MariaDB judges what the grammar cannot: the length of keys, most of all. */
async function tryOnMaria(
  context: NativeContext,
  database: string,
  table: TableDescriptor,
  definition: TableIndexDefinition,
): Promise<void> {
  const [server] = context.workers.values();
  if (server === undefined) throw new IngestError('NO_WORKERS', 'the target has no worker');
  await server.connection('try the index', (connection) => tryIndex(connection, database, table, definition));
}
