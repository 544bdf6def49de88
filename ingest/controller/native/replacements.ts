import { IngestError } from '../../core/errors';
import type { DataServer } from '../../storage/data/connection';
import { createTables } from '../../storage/data/create-tables';
import { cssStatuses, rewriteCssTable, setCssStatus } from '../../storage/data/css';
import { consolidateDirectorIndex, replaceDirectorIndex } from '../../storage/data/director-index';
import { ensureMetaSchema } from '../../storage/data/master-schemas';
import {
  dropOldTables,
  planRenames,
  prepareSuccessions,
  type RenameBatch,
  renameBatch,
} from '../../storage/data/replace-tables';
import type { HeldLocks } from '../../storage/metadata/locks';
import { markHidden, markShown, type NextVersion, nextVersions, putInPlace } from '../../storage/metadata/replacements';
import { replicasOf } from '../../storage/metadata/replicas';
import type { DatabaseDescriptor, PublishReport } from '../controller';
import { forEach, type NativeContext } from './context';
import { family } from './databases';
import { finalDefinition, masterSuccessions, workerSuccessions } from './successions';

/** Points of putting next versions in place; each is announced before the change that it names. */
export const REPLACE_STEPS = [
  'replace.prepare',
  'replace.index',
  /** From here on there is no way back. */
  'replace.hidden',
  'replace.hide',
  'replace.rename',
  'replace.master',
  'replace.css',
  'replace.show',
  'replace.shown',
  'replace.drop',
  'replace.records',
] as const;

/** Batches of tables that are renamed side by side on one worker. */
const WIDTH = 4;

/** What the steps of one call share. */
interface Scope {
  context: NativeContext;
  held: HeldLocks;
  database: string;
  /** All next versions of the database: they go out of sight together and come back together. */
  versions: NextVersion[];
}

async function announce(
  { context, held, database }: Scope,
  step: (typeof REPLACE_STEPS)[number],
  detail: Record<string, unknown> = {},
): Promise<void> {
  await context.steps(step, { database, ...detail });
  await held.check();
}

/**
 * Puts the next versions of published tables in their place, as the last phase of publish before the flags: all tables of the
 * database are finished. Readers see the old rows; then none, because the CSS metadata hides the table; then the new rows.
 */
export async function replaceTables(context: NativeContext, held: HeldLocks, database: string): Promise<void> {
  const versions = await context.metadata.run((sql) => nextVersions(sql, database));
  if (versions.length === 0) return;
  const scope = { context, held, database, versions };
  await prepare(scope);
  await announce(scope, 'replace.hidden');
  await context.metadata.run((sql) => markHidden(sql, database));
  await putAllInPlace(scope, false);
}

/**
 * Ends what an interrupted publish began to put in place; whoever changes the database's tables asks this first. From there it only
 * goes forward: some of the tables may have their new versions already, and readers see none of them.
 */
export async function endReplacements(context: NativeContext, held: HeldLocks, database: string): Promise<void> {
  const versions = (await context.metadata.run((sql) => nextVersions(sql, database))).filter((v) => v.replaced);
  if (versions.length === 0) return;
  await putAllInPlace(
    { context, held, database, versions },
    versions.every((v) => v.replaced?.shown !== 0),
  );
}

/** ILLEGAL_STATE while tables are being put in place: nothing new may be loaded before that is ended. */
export async function refuseDuringReplacement(context: NativeContext, database: string): Promise<void> {
  const versions = await context.metadata.run((sql) => nextVersions(sql, database));
  const tables = versions.filter((v) => v.replaced).map((v) => v.replaces);
  if (tables.length === 0) return;
  const message = `publish of database '${database}' was interrupted while it replaced ${tables.join(', ')}: publish it again`;
  throw new IngestError('ILLEGAL_STATE', message, { database, tables });
}

/** Tables that were replaced by the database's latest publish, and how long readers could see neither version. */
export function replacedTables({ publishTime, tables }: DatabaseDescriptor): PublishReport['replaced'] {
  return tables.flatMap(({ definition, replaced, publishTime: since }) =>
    replaced === undefined || since !== publishTime
      ? []
      : [{ table: definition.name, gapMs: Math.max(0, replaced.shown - replaced.hidden) }],
  );
}

/** Whatever can be done while the old versions are in sight. */
async function prepare(scope: Scope): Promise<void> {
  const { context, database, versions } = scope;
  await onWorkers(scope, async (server, chunks) => {
    await announce(scope, 'replace.prepare', { worker: server.name });
    const successions = await workerSuccessions(server, database, versions, chunks);
    await prepareSuccessions(
      server,
      database,
      versions.map((v) => v.replaces),
      successions,
    );
  });
  await announce(scope, 'replace.prepare', { worker: context.master.name });
  await ensureMetaSchema(context.master);
  for (const version of versions)
    await createTables(context.master, database, [version.definition.name], version, 'plain');
  await prepareSuccessions(
    context.master,
    database,
    versions.map((v) => v.replaces),
    masterSuccessions(database, versions),
  );
  for (const { definition } of versions) {
    await announce(scope, 'replace.index', { table: definition.name });
    await consolidateDirectorIndex(context.master, database, definition.name);
  }
}

/** Forward from wherever it stands. `shown`: readers see the new versions already. */
async function putAllInPlace(scope: Scope, shown: boolean): Promise<void> {
  const { context, database, versions } = scope;
  if (!shown) {
    await exchange(scope);
    await announce(scope, 'replace.shown');
    await context.metadata.run((sql) => markShown(sql, database));
  }
  await onWorkers(scope, (server) => dropOld(scope, server));
  await dropOld(scope, context.master);
  await announce(scope, 'replace.records');
  await context.metadata.transaction(async (tx) => {
    for (const version of versions) await putInPlace(tx, database, version);
  });
}

/** The gap: out of sight, renamed on all servers, in sight again. */
async function exchange(scope: Scope): Promise<void> {
  const { context, database, versions } = scope;
  const ofFamily = await family(context, (await context.requireDatabase(database)).family);
  const plan = new Map<DataServer, RenameBatch[]>();
  await onWorkers(scope, async (server, chunks) => {
    plan.set(server, await planRenames(server, await workerSuccessions(server, database, versions, chunks)));
  });
  const onMaster = await planRenames(context.master, masterSuccessions(database, versions));
  const isRenamed = [...plan.values(), onMaster].every((batches) => batches.length === 0);
  const statuses = await cssStatuses(context.master, database);
  // When all is renamed, those in sight are there in their new versions.
  const out = isRenamed ? versions.filter((v) => statuses.get(v.replaces) !== 'READY') : versions;

  for (const { replaces: table } of out) {
    await announce(scope, 'replace.hide', { table });
    await setCssStatus(context.master, database, table, 'DO_NOT_USE');
  }
  await context.onWorkers((server) =>
    forEach(plan.get(server) ?? [], WIDTH, async (batch) => {
      await announce(scope, 'replace.rename', { worker: server.name, tables: batch.tables });
      await renameBatch(server, batch);
    }),
  );
  if (out.length > 0) await changeMaster(scope, onMaster);
  for (const version of out) {
    await announce(scope, 'replace.css', { table: version.replaces });
    await rewriteCssTable(context.master, database, ofFamily, { ...version, definition: finalDefinition(version) });
  }
  for (const { replaces: table } of out) {
    await announce(scope, 'replace.show', { table });
    await setCssStatus(context.master, database, table, 'READY');
  }
}

async function changeMaster(scope: Scope, batches: RenameBatch[]): Promise<void> {
  const { context, database, versions } = scope;
  await announce(scope, 'replace.master');
  for (const batch of batches) await renameBatch(context.master, batch);
  const { autoBuildDirectorIndex } = await context.requireDatabase(database);
  for (const { definition, replaces } of versions) {
    if (definition.kind !== 'director') continue;
    await scope.held.check();
    await replaceDirectorIndex(context.master, database, definition.name, replaces, autoBuildDirectorIndex);
  }
}

/** Nobody can see the old versions any more. */
async function dropOld(scope: Scope, server: DataServer): Promise<void> {
  for (const { replaces: table } of scope.versions) {
    await announce(scope, 'replace.drop', { worker: server.name, table });
    await dropOldTables(server, scope.database, table);
  }
}

/** Side by side on all workers, with the chunks of the database that each one has. */
async function onWorkers(
  { context, database }: Scope,
  work: (server: DataServer, chunks: number[]) => Promise<void>,
): Promise<void> {
  const replicas = await context.metadata.run((sql) => replicasOf(sql, database));
  await context.onWorkers((server) =>
    work(
      server,
      replicas.filter(({ worker }) => worker === server.name).map(({ chunk }) => chunk),
    ),
  );
}
