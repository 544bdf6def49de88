import { IngestError, withFacts } from '../../../core/errors';
import { DUMMY_CHUNK, PUBLISH_SCHEMA } from '../../../core/names';
import { chunkTables, kindOf, registrationTables, type TableDescriptor } from '../../../core/tables';
import { whileBusy } from '../../../storage/data/again';
import { type DataConnection, type DataServer, quoteTable } from '../../../storage/data/connection';
import { createSchema, tableBody } from '../../../storage/data/create-tables';
import { definitionOf } from '../../../storage/data/definition';
import { tableNames } from '../../../storage/data/drop-tables';
import { finishTable, publishNames } from '../../../storage/data/finish-table';
import { onLanes } from '../../../storage/data/lanes';
import { enableDatabase, grantToQserv, setChunks } from '../../../storage/data/registration';
import type { PublishRun } from './run';

const BUSY_SECONDS = 30;

/** Lets Qserv read the database on the workers, and makes them serve it. */
export async function openOnWorkers(run: PublishRun): Promise<void> {
  const { context, database } = run;
  await context.onWorkers(async (server) => {
    await withFacts({ phase: 'grant' }, async () => {
      await run.step('publish.grant', { worker: server.name });
      await createSchema(server, database);
      await createSchema(server, PUBLISH_SCHEMA);
      await grantToQserv(server, database);
    });
    await withFacts({ phase: 'enable' }, () => enableDatabase(server, database));
  });
}

/** A final table that should be on a worker. */
interface Final {
  name: string;
  table: TableDescriptor;
  /** The dummy chunk's table that it is like. */
  like: string;
}

/**
 * Takes the partitions off all final tables of unpublished tables, and makes the final tables that are missing: of unpublished
 * tables, and of published partitioned ones for chunks that came since. Published tables that are there are not looked at: one
 * listing of names per worker is all they cost.
 */
export async function finishTables(run: PublishRun): Promise<void> {
  await run.context.onWorkers(async (server) => {
    const there = new Set(await tableNames(server, run.database));
    const waiting = new Set(await tableNames(server, PUBLISH_SCHEMA));
    const isThere = (name: string) =>
      there.has(name) || Object.values(publishNames(run.database, name)).some((twin) => waiting.has(twin));
    const finals = run.tables.flatMap((table) => finalsOf(table, run.chunks.get(server.name) ?? []));
    const todo = finals.filter(({ name, table }) => !table.isPublished || !isThere(name));
    const definitions = new Map<string, Promise<string>>();
    await onLanes(server, run.database, todo, async (connection, final) => {
      const phase = isThere(final.name) ? 'finish' : 'create';
      await withFacts({ phase, finalTable: final.name }, () =>
        phase === 'finish' ? finish(run, server, connection, final) : make(run, server, connection, final, definitions),
      );
    });
  });
}

/** Final tables on a worker with these chunks. A published regular table is none: an empty copy of it would be a wrong one. */
function finalsOf(table: TableDescriptor, chunks: number[]): Final[] {
  const { definition } = table;
  if (!kindOf(definition).partitioned) {
    return table.isPublished ? [] : [{ name: definition.name, table, like: definition.name }];
  }
  const { name } = definition;
  const own = registrationTables(definition).map((final) => ({ name: final, table, like: final }));
  const dummies = chunkTables(definition, DUMMY_CHUNK);
  const ofChunks = chunks.flatMap((chunk) =>
    chunkTables(definition, chunk).map((final, i) => ({ name: final, table, like: dummies[i] ?? name })),
  );
  return [...own, ...ofChunks];
}

async function finish(
  run: PublishRun,
  server: DataServer,
  connection: DataConnection,
  { name, table }: Final,
): Promise<void> {
  const outcome = await finishTable(connection, run.database, name, table, {
    check: run.held.check,
    steps: (step, detail) => run.context.steps(step, { ...detail, worker: server.name }),
  });
  if (outcome === 'renamed' || outcome === 'copied') run.report[outcome] += 1;
}

/** Made like the dummy chunk's table, so with the indexes and columns that it was given since; without partitions. */
async function make(
  run: PublishRun,
  server: DataServer,
  connection: DataConnection,
  final: Final,
  definitions: Map<string, Promise<string>>,
): Promise<void> {
  const { name, like } = final;
  const known = definitions.get(like) ?? currentDefinition(run, server, connection, final);
  definitions.set(like, known);
  const definition = await known;
  await run.step('publish.table.create', { table: name, worker: server.name });
  const sql = `CREATE TABLE IF NOT EXISTS ${quoteTable(run.database, name)} ${definition}`;
  await whileBusy(BUSY_SECONDS, () => connection.run(`${server.name}: create ${run.database}.${name}`, sql));
}

/** As this worker has it; a worker that came later has it from another one; when nobody has it, as it was registered. */
async function currentDefinition(
  run: PublishRun,
  server: DataServer,
  connection: DataConnection,
  { like, table }: Final,
): Promise<string> {
  const others = [...run.context.workers.values()].filter((other) => other !== server);
  for (const one of [connection, ...others]) {
    try {
      return await definitionOf(one, run.database, like);
    } catch (error) {
      if (!(error instanceof IngestError && error.code === 'LOAD_FAILED')) throw error;
    }
  }
  return tableBody(table);
}

/** Makes every worker serve the chunks that it has, and no others. */
export async function serveChunks(run: PublishRun): Promise<void> {
  await run.context.onWorkers(async (server) => {
    await withFacts({ phase: 'enable' }, async () => {
      await run.step('publish.chunks', { worker: server.name });
      await setChunks(server, run.database, [...(run.chunks.get(server.name) ?? []), DUMMY_CHUNK]);
    });
  });
}
