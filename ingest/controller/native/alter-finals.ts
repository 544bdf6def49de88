import type { IngestError } from '../../core/errors';
import type { PendingAlteration } from '../../core/pending-alteration';
import { finalTables } from '../../core/tables';
import type { DataConnection, DataServer } from '../../storage/data/connection';
import { onLanes } from '../../storage/data/lanes';
import { type AlterRun, alterOne } from './alter-run';
import { chunksByWorker, Failures, MANY_FAILURES } from './final-tables';

/** Changes every final table that lacks the change: prototype, dummy chunk, chunks and overlaps. Failures are thrown as one. */
export async function alterFinalTables(run: AlterRun, change: PendingAlteration): Promise<void> {
  const { context, database, table } = run;
  const chunks = await chunksByWorker(context, database);
  const failures = new Failures();
  await context.onWorkers((server) => {
    const names = finalTables(table.definition, chunks.get(server.name) ?? []);
    return alterOn(run, server, names, change, failures);
  });
  failures.throwIfAny(`change ${database}.${table.definition.name}`);
}

/** What a statement throws is its table's failure, and the others go on; a worker that does not answer is left. */
async function alterOn(
  { database, step }: AlterRun,
  server: DataServer,
  names: string[],
  change: PendingAlteration,
  failures: Failures,
): Promise<void> {
  let left = false;
  let stopped: { error: unknown } | undefined;
  const one = async (connection: DataConnection, name: string) => {
    if (left) return;
    const announce = () =>
      step('alter.table', { table: name, worker: server.name }).catch((error) => {
        stopped = { error };
        throw error;
      });
    try {
      await alterOne(connection, database, name, change, announce);
    } catch (error) {
      if (stopped !== undefined) throw error;
      const many = failures.add(server.name, name, error) >= MANY_FAILURES;
      left ||= many || (error as IngestError).code === 'UNAVAILABLE';
    }
  };
  try {
    await onLanes(server, database, names, one);
  } catch (error) {
    if (stopped !== undefined) throw stopped.error;
    // The connection of a lane that had its failure told, or none could be had at all.
    if (!left) failures.add(server.name, names[0] as string, error);
  }
}
