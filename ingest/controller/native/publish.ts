import { IngestError } from '../../core/errors';
import { DUMMY_CHUNK, PUBLISH_SCHEMA } from '../../core/names';
import { finalTables } from '../../core/tables';
import type { DataServer } from '../../storage/data/connection';
import { createSchema, createTables } from '../../storage/data/create-tables';
import { FINISH_TABLE_STEPS, finishTable } from '../../storage/data/finish-table';
import { enableDatabase, grantToQserv, setChunks } from '../../storage/data/registration';
import { markDatabasePublished } from '../../storage/metadata/databases';
import type { HeldLocks } from '../../storage/metadata/locks';
import { replicasOf } from '../../storage/metadata/replicas';
import { markTablePublished, tablesOf } from '../../storage/metadata/tables';
import { openTransactions } from '../../storage/metadata/transactions';
import type { PublishReport } from '../controller';
import { forEach, type NativeContext, unpublished } from './context';
import { database as describe } from './databases';
import { endReplacements, replacedTables, replaceTables } from './replacements';

/** Points of publishing; each is announced before the change that it names. */
export const PUBLISH_STEPS = [
  'publish.grant',
  ...FINISH_TABLE_STEPS,
  'publish.master',
  'publish.chunks',
  'publish.flags',
] as const;

/** Final tables that are finished side by side on one worker. */
const WIDTH = 4;

/**
 * Every step finds what an earlier call did and goes on; the flags come last. Order of steps: docs/contract/storage.md §6.
 */
export async function publish(context: NativeContext, database: string): Promise<PublishReport> {
  return context.changingDatabase(database, async (held) => {
    const record = await context.requireDatabase(database);
    await endReplacements(context, held, database);
    const report = { renamed: 0, copied: 0 };
    if (record.isPublished) return outcome(context, database, report);
    const chunks = await checkReady(context, database);
    const tables = unpublished(await context.metadata.run((sql) => tablesOf(sql, database)));
    const step = async (name: (typeof PUBLISH_STEPS)[number], detail: Record<string, unknown> = {}) => {
      await context.steps(name, { database, ...detail });
      await held.check();
    };

    await context.onWorkers(async (server) => {
      await step('publish.grant', { worker: server.name });
      await createSchema(server, database);
      await createSchema(server, PUBLISH_SCHEMA);
      await grantToQserv(server, database);
      await enableDatabase(server, database);
    });
    await context.onWorkers(async (server) => {
      const here = chunks.get(server.name) ?? [];
      const finals = tables.flatMap((table) => finalTables(table.definition, here).map((name) => ({ name, table })));
      await forEach(finals, WIDTH, async ({ name, table }) => {
        const finish = await finishOn(context, held, server, database, name, table);
        if (finish === 'renamed' || finish === 'copied') report[finish] += 1;
      });
    });
    await step('publish.master');
    await createSchema(context.master, database);
    const added = tables.filter((table) => table.replaces === undefined);
    for (const table of added) await createTables(context.master, database, [table.definition.name], table, 'plain');
    await grantToQserv(context.master, database);

    await context.onWorkers(async (server) => {
      await step('publish.chunks', { worker: server.name });
      await setChunks(server, database, [...(chunks.get(server.name) ?? []), DUMMY_CHUNK]);
    });
    await replaceTables(context, held, database);
    await step('publish.flags');
    await context.metadata.transaction(async (tx) => {
      for (const table of added) await markTablePublished(tx, database, table.definition.name);
      await markDatabasePublished(tx, database);
    });
    return outcome(context, database, report);
  });
}

async function outcome(
  context: NativeContext,
  name: string,
  report: Pick<PublishReport, 'renamed' | 'copied'>,
): Promise<PublishReport> {
  const database = await describe(context, name);
  return { database, ...report, replaced: replacedTables(database) };
}

/** Chunks by worker. Refusals in the contract's order, docs/contract/controller.md §4.3. */
async function checkReady(context: NativeContext, database: string): Promise<Map<string, number[]>> {
  const open = await context.metadata.run((sql) => openTransactions(sql, database));
  if (open.length > 0) {
    const details = { database, transactions: open };
    throw new IngestError('OPEN_TRANSACTIONS', `database has uncommitted transactions: ${open.join(', ')}`, details);
  }
  const replicas = await context.metadata.run((sql) => replicasOf(sql, database));
  if (replicas.length === 0) {
    throw new IngestError('ILLEGAL_STATE', "the database doesn't have any chunks", { database });
  }
  const byWorker = new Map<string, number[]>();
  for (const { chunk, worker } of replicas) {
    if (chunk === DUMMY_CHUNK) continue;
    context.worker(worker);
    const list = byWorker.get(worker);
    if (list) list.push(chunk);
    else byWorker.set(worker, [chunk]);
  }
  return byWorker;
}

function finishOn(
  context: NativeContext,
  held: HeldLocks,
  server: DataServer,
  database: string,
  name: string,
  table: Parameters<typeof finishTable>[3],
) {
  return server.connection(`publish ${database}.${name}`, (connection) =>
    finishTable(connection, database, name, table, {
      check: held.check,
      steps: (step, detail) => context.steps(step, { ...detail, worker: server.name }),
    }),
  );
}
