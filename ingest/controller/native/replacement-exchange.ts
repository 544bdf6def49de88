import type { DataConnection, DataServer } from '../../storage/data/connection';
import { cssStatuses, rewriteCssTable, setCssStatus } from '../../storage/data/css';
import { replaceDirectorIndex } from '../../storage/data/director-index';
import { onLanes } from '../../storage/data/lanes';
import { planRenames, type RenameBatch, renameBatch } from '../../storage/data/replace-tables';
import { markShown, type NextVersion } from '../../storage/metadata/replacements';
import type { FamilyDescriptor } from '../controller';
import { family } from './families';
import { announce, onWorkers, type Scope } from './replacement-run';
import { finalDefinition, masterSuccessions, workerSuccessions } from './successions';

/** What is left of the exchange. */
export interface Left {
  workers: Map<DataServer, RenameBatch[]>;
  master: RenameBatch[];
  /** Versions that readers do not see yet. */
  out: NextVersion[];
  family: FamilyDescriptor;
}

/** Finds out what is left to do. Nothing is changed. */
export async function look(scope: Scope): Promise<Left> {
  const { context, database, versions } = scope;
  const workers = new Map<DataServer, RenameBatch[]>();
  await onWorkers(scope, async (server, chunks) => {
    const successions = await workerSuccessions(server, database, versions, chunks);
    workers.set(server, await planRenames(server, successions));
  });
  const master = await planRenames(context.master, masterSuccessions(database, versions));
  const isRenamed = [...workers.values(), master].every((batches) => batches.length === 0);
  const statuses = await cssStatuses(context.master, database);
  // When all is renamed, those in sight are there in their new versions.
  const out = isRenamed ? versions.filter((v) => statuses.get(v.replaces) !== 'READY') : versions;
  return { workers, master, out, family: await family(context, (await context.requireDatabase(database)).family) };
}

/** The gap: out of sight, renamed on all servers, in sight again. */
export async function exchange(scope: Scope, { workers, master, out, family: ofFamily }: Left): Promise<void> {
  const { context, database } = scope;
  for (const { replaces: table } of out) {
    await announce(scope, 'replace.hide', { table });
    await setCssStatus(context.master, database, table, 'DO_NOT_USE');
  }
  await context.onWorkers((server) =>
    onLanes(server, database, workers.get(server) ?? [], async (connection, batch) => {
      await announce(scope, 'replace.rename', { worker: server.name, tables: batch.tables });
      await renameBatch(connection, batch, scope.held.check);
    }),
  );
  if (out.length > 0) await changeMaster(scope, master);
  for (const version of out) {
    await announce(scope, 'replace.css', { table: version.replaces });
    const table = { ...version, definition: finalDefinition(version) };
    await rewriteCssTable(context.master, database, ofFamily, table);
  }
  for (const { replaces: table } of out) {
    await announce(scope, 'replace.show', { table });
    await setCssStatus(context.master, database, table, 'READY');
  }
  await announce(scope, 'replace.shown');
  await context.metadata.run((sql) => markShown(sql, database));
}

async function changeMaster(scope: Scope, batches: RenameBatch[]): Promise<void> {
  const { context, database, versions } = scope;
  await announce(scope, 'replace.master');
  const rename = (connection: DataConnection, batch: RenameBatch) => renameBatch(connection, batch, scope.held.check);
  await onLanes(context.master, database, batches, rename, 1);
  const { autoBuildDirectorIndex } = await context.requireDatabase(database);
  for (const { definition, replaces } of versions) {
    if (definition.kind !== 'director') continue;
    await scope.held.check();
    await replaceDirectorIndex(context.master, database, definition.name, replaces, autoBuildDirectorIndex);
  }
}
