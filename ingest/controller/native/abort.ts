import { randomUUID } from 'node:crypto';
import { IngestError } from '../../core/errors';
import { STAGING_SCHEMA } from '../../core/names';
import { chunkTables } from '../../core/tables';
import { dropPartition, dropStagingTables } from '../../storage/data/partitions';
import { touchedPlaces } from '../../storage/metadata/contributions';
import type { HeldLocks } from '../../storage/metadata/locks';
import { tablesOf } from '../../storage/metadata/tables';
import { type NativeContext, unpublished } from './context';
import { Failures, onFinalTables } from './final-tables';

/** By worker and final table, docs/contract/controller.md §6.2. */
type Report = { completed: Record<string, Record<string, 0 | 1>>; error: Record<string, Record<string, string>> };

/**
 * Abort: takes a super-transaction's rows out of all final tables, staging tables too. `prepare` comes first. A failure tells in
 * `details` of stage 'partitions', and with `whole` what was done and what not: `completed` and `error`. The log has both.
 */
export async function removeRows(
  context: NativeContext,
  held: HeldLocks,
  { id, database, whole }: { id: number; database: string; whole: boolean },
  prepare: () => Promise<void>,
): Promise<void> {
  const job = randomUUID();
  await context.logEvent(id, 'begin del table part', { job });
  const report: Report = { completed: {}, error: {} };
  try {
    await context.requireUnpublished(database);
    await prepare();
    await dropEverything(context, held, id, database, job, report);
  } catch (error) {
    await held.check();
    const message = error instanceof Error ? error.message : String(error);
    const told = whole ? report : {};
    await context.logEvent(id, 'end del table part', { job, success: 0, error: { ...told, message } });
    if (!(error instanceof IngestError)) throw error;
    const details = { ...error.details, ...told, stage: 'partitions' };
    throw new IngestError(error.code, error.message, details, { cause: error });
  }
  await context.logEvent(id, 'end del table part', { job, success: 1, error: {} });
}

async function dropEverything(
  context: NativeContext,
  held: HeldLocks,
  id: number,
  database: string,
  job: string,
  report: Report,
) {
  const tables = await touchedTables(context, id, database);
  for (const [worker, names] of tables) report.completed[worker] = Object.fromEntries(names.map((name) => [name, 0]));
  const total = [...tables.values()].reduce((sum, names) => sum + names.length, 0);
  let complete = 0;
  let logged = Date.now();
  const failures = new Failures();
  await onFinalTables(context, tables, failures, {
    before: async (server, name) => {
      await context.steps('end.drop-partitions', { id, worker: server.name, table: name });
      await held.check();
    },
    statement: async (server, name) => {
      await dropPartition(server, database, name, id);
      (report.completed[server.name] as Record<string, 0 | 1>)[name] = 1;
      complete += 1;
      if (Date.now() - logged <= context.progressMs) return;
      logged = Date.now();
      await context.logEvent(id, 'progress del table part', { job, progress: { complete, total } });
    },
  });
  await context.onWorkers(async (server) => {
    await context.steps('end.drop-staging', { id, worker: server.name });
    await held.check();
    try {
      await dropStagingTables(server, database, id);
    } catch (error) {
      failures.add(server.name, STAGING_SCHEMA, error);
    }
  });
  for (const [worker, failed] of Object.entries(failures.byWorker)) {
    report.error[worker] = Object.fromEntries(Object.entries(failed).map(([name, { error }]) => [name, error]));
  }
  failures.throwIfAny(`rows of super-transaction ${id} could not be removed`);
}

/** Final tables that have, or may have, rows of it, by worker. Those of published tables stay as they are. */
async function touchedTables(context: NativeContext, id: number, database: string): Promise<Map<string, string[]>> {
  const places = await context.metadata.run((sql) => touchedPlaces(sql, id));
  const known = new Map(
    unpublished(await context.metadata.run((sql) => tablesOf(sql, database))).map((t) => [t.definition.name, t]),
  );
  const touched = new Map<string, Set<string>>();
  for (const { worker, table, chunk } of places) {
    const definition = known.get(table)?.definition;
    if (definition === undefined) continue;
    const finals = chunkTables(definition, chunk);
    const here = touched.get(worker) ?? new Set();
    for (const name of finals.length > 0 ? finals : [table]) here.add(name);
    touched.set(worker, here);
  }
  return new Map([...touched].map(([worker, names]) => [worker, [...names]]));
}
