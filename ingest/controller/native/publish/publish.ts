import { FINISH_TABLE_STEPS } from '../../../storage/data/finish-table';
import { markDatabasePublished } from '../../../storage/metadata/databases';
import { markTablePublished } from '../../../storage/metadata/tables';
import type { PublishOptions, PublishReport } from '../../controller';
import { alreadyPublished, type NativeContext } from '../context';
import { database as describe } from '../databases';
import { finishDirectorIndexes } from '../director-index';
import { endReplacements, replacedTables, replaceTables } from '../replacements';
import { countForQserv } from './counters';
import { listEmptyChunks, makeShells, showTables } from './master';
import { type PublishRun, prepareRun } from './run';
import { finishTables, openOnWorkers, serveChunks } from './workers';

/** Points of publishing; each is announced before the change that it names. */
export const PUBLISH_STEPS = [
  'publish.grant',
  ...FINISH_TABLE_STEPS,
  'publish.master',
  'publish.chunks',
  'publish.empty-chunks',
  'publish.css-database',
  'publish.css-tables',
  'publish.flags',
] as const;

/**
 * Every phase finds what an earlier call did and goes on; the flags come last. Order of the phases: docs/contract/storage.md §6, but
 * what queries go by (the workers' chunks, the empty-chunk list) is right before they see the new tables.
 */
export async function publish(
  context: NativeContext,
  database: string,
  options: PublishOptions = {},
): Promise<PublishReport> {
  return context.changingDatabase(database, async (held) => {
    const record = await context.requireDatabase(database);
    await endReplacements(context, held, database);
    if (record.isPublished) {
      if (options.mustChange) throw alreadyPublished(database);
      return outcome(context, database, { renamed: 0, copied: 0 });
    }
    const run = await prepareRun(context, held, record, options);
    await context.endOthers(database);

    await finishDirectorIndexes(context, held, database, options.consolidateDirectorIndex ?? false);
    await openOnWorkers(run);
    await finishTables(run);
    await countForQserv(run);
    await makeShells(run);
    await serveChunks(run);
    await listEmptyChunks(run);
    await showTables(run);
    await replaceTables(context, held, database);
    await setFlags(run);
    return outcome(context, database, run.report);
  });
}

async function outcome(context: NativeContext, name: string, report: PublishRun['report']): Promise<PublishReport> {
  const database = await describe(context, name);
  return { database, ...report, replaced: replacedTables(database) };
}

/** From here on the tables are final. The next version of a table is no table of its own any more by now. */
async function setFlags(run: PublishRun): Promise<void> {
  const { context, database, added } = run;
  await run.step('publish.flags');
  await context.metadata.transaction(async (tx) => {
    for (const table of added) await markTablePublished(tx, database, table.definition.name);
    await markDatabasePublished(tx, database);
  });
}
