import { IngestError } from '../../core/errors';
import type { DataServer } from '../../storage/data/connection';
import { createTables } from '../../storage/data/create-tables';
import { consolidateDirectorIndex } from '../../storage/data/director-index';
import { ensureMetaSchema } from '../../storage/data/master-schemas';
import { dropOldTables, prepareSuccessions } from '../../storage/data/replace-tables';
import type { HeldLocks } from '../../storage/metadata/locks';
import { markHidden, nextVersions, putInPlace } from '../../storage/metadata/replacements';
import type { DatabaseDescriptor, PublishReport } from '../controller';
import type { NativeContext } from './context';
import { exchange, look } from './replacement-exchange';
import { announce, onWorkers, type Scope } from './replacement-run';
import { masterSuccessions, workerSuccessions } from './successions';

export { REPLACE_STEPS } from './replacement-run';

/**
 * Puts the next versions of published tables in their place, as the last phase of publish before the flags: all tables of the
 * database are finished. Readers see the old rows; then none, because the CSS metadata hides the table; then the new rows.
 */
export async function replaceTables(context: NativeContext, held: HeldLocks, database: string): Promise<void> {
  const versions = await context.metadata.run((sql) => nextVersions(sql, database));
  if (versions.length === 0) return;
  const scope = { context, held, database, versions };
  await prepare(scope);
  const left = await look(scope);
  await announce(scope, 'replace.hidden');
  await context.metadata.run((sql) => markHidden(sql, database));
  await exchange(scope, left);
  await forgetOld(scope);
}

/**
 * Ends what an interrupted publish began to put in place; whoever changes the database's tables asks this first. From there it only
 * goes forward: some of the tables may have their new versions already, and readers see none of them.
 */
export async function endReplacements(context: NativeContext, held: HeldLocks, database: string): Promise<void> {
  const versions = (await context.metadata.run((sql) => nextVersions(sql, database))).filter((v) => v.replaced);
  if (versions.length === 0) return;
  await context.endOthers(database);
  const scope = { context, held, database, versions };
  if (versions.some((v) => v.replaced?.shown === 0)) await exchange(scope, await look(scope));
  await forgetOld(scope);
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

/** Readers have the new versions: the old ones go, records last. */
async function forgetOld(scope: Scope): Promise<void> {
  const { context, database, versions } = scope;
  await onWorkers(scope, (server) => dropOld(scope, server));
  await dropOld(scope, context.master);
  await announce(scope, 'replace.records');
  await context.metadata.transaction(async (tx) => {
    for (const version of versions) await putInPlace(tx, database, version);
  });
}

/** Nobody can see the old versions any more. */
async function dropOld(scope: Scope, server: DataServer): Promise<void> {
  for (const { replaces: table } of scope.versions) {
    await announce(scope, 'replace.drop', { worker: server.name, table });
    await dropOldTables(server, scope.database, table);
  }
}
