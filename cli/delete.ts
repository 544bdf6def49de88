import { type Client, WorkflowExecutionAlreadyStartedError, WorkflowFailedError } from '@temporalio/client';
import { Command } from 'commander';
import { type DeletionInput, type DeletionReport, parseDeletionInput } from '../api/campaign/deletion';
import { type DeletionPlan, planDeletion } from '../ingest/campaign/deletion';
import { bytes } from '../ingest/core/bytes';
import { invalidInput } from '../ingest/core/errors';
import { CAMPAIGNS } from '../ingest/core/task-queues';
import { openMetadata } from '../ingest/storage/metadata';
import { allDatabases, describeDatabase } from '../ingest/storage/metadata/databases';
import { failureOf } from './support/campaigns';
import { ask, type Terminal } from './support/confirm';
import type { Environment } from './support/environment';
import { CommandError, EXIT } from './support/exit';
import { type Format, formatOf, note, plural, print, table } from './support/output';
import { readableLedger } from './support/records';

/** Fixed name of the workflow, workflows/delete-catalog.ts. */
const DELETE_WORKFLOW = 'deleteCatalog';

interface DeleteOptions {
  table: string[];
  target?: string;
  adminKey?: string;
  confirm?: string;
}

export function deleteCommand(environment: Environment): Command {
  return new Command('delete')
    .description('delete a database, or tables of it, published or not; where the rows came from stays on record')
    .argument('<database>', 'its name')
    .option(
      '--table <name>',
      'only this table; may be repeated',
      (name: string, names: string[]) => [...names, name],
      [],
    )
    .option('--target <name>', "the target (default: the configuration's)")
    .option(
      '--admin-key <variable>',
      "the workers' environment variable with the administrator's key, for what is published",
    )
    .option('--confirm <database>', "the database's name once more, instead of typing it when asked")
    .action(async (database: string, options: DeleteOptions, command: Command) => {
      const target = options.target ?? environment.config?.defaultTarget;
      if (target === undefined) throw usage('which target? Use --target, or set QSERV_CAMPAIGNS_CONFIG');
      const tables = options.table.length > 0 ? options.table : undefined;
      const plan = await foresee(environment, database, target, tables);
      if (plan?.published && options.adminKey === undefined) throw keyIsMissing(database);
      const terminal = { input: process.stdin, output: process.stderr };
      const confirm = options.confirm ?? (await confirmation(describe(database, target, tables, plan), terminal));
      if (confirm !== database) throw usage(`'${confirm}' is not '${database}': nothing was deleted`);
      const { adminKey } = options;
      const input = parseDeletionInput({
        ...{ target, database, tables, confirm },
        ...(adminKey === undefined ? {} : { adminKey: `\${env:${adminKey}}` }),
      });
      await environment.withTemporal((client) => run(client, { ...input, target }, formatOf(command)));
    });
}

/** What will be gone, as far as PostgreSQL tells; undefined where it is not asked. Errors: INVALID_INPUT with all faults. */
async function foresee(
  { postgresUrl }: Environment,
  name: string,
  target: string,
  tables: string[] | undefined,
): Promise<DeletionPlan | undefined> {
  if (postgresUrl === undefined) return undefined;
  const metadata = openMetadata(postgresUrl, 1);
  try {
    const ledger = await readableLedger(metadata);
    if (ledger === undefined) return undefined;
    const all = await metadata.run(async (sql) =>
      Promise.all((await allDatabases(sql)).map((record) => describeDatabase(sql, record))),
    );
    const database = all.find((one) => one.name === name);
    // Another target's records may be elsewhere: the workflow looks.
    if (database === undefined) return undefined;
    const { plan, faults } = planDeletion(database, tables, await ledger.sizes(target, name), all);
    if (faults.length > 0) throw invalidInput('delete', faults);
    return plan;
  } finally {
    await metadata.close();
  }
}

function describe(database: string, target: string, tables: string[] | undefined, plan?: DeletionPlan): string[] {
  const what = tables ? `tables of database ${database} on ${target}` : `database ${database} on ${target}`;
  if (plan === undefined)
    return [`to be deleted: ${what}${tables ? `: ${tables.join(', ')}` : ', with all its tables'}`];
  const rows = plan.tables.map((t) => [t.table, t.kind, t.rows, bytes(t.bytes)]);
  const total = plan.tables.reduce((sum, t) => sum + t.rows, 0);
  return [
    `to be deleted: ${what}${plan.published ? ' (published)' : ''}: ${plural(rows.length, 'table')}, ${plural(total, 'row')}`,
    ...(rows.length > 0 ? table(['TABLE', 'KIND', 'ROWS', 'LOADED'], rows) : []),
  ];
}

/** Asks for the database's name, after saying what will be gone. Errors: without a terminal nobody can be asked. */
async function confirmation(what: string[], terminal: Terminal): Promise<string> {
  for (const line of what) note(line);
  if (!terminal.input.isTTY) throw usage("nothing was deleted: say --confirm with the database's name");
  return ask("It cannot be brought back. Type the database's name to delete it: ", terminal);
}

async function run(client: Client, input: DeletionInput & { target: string }, format: Format): Promise<void> {
  const handle = await start(client, `delete:${input.target}:${input.database}`, input);
  note(`${handle.workflowId}: started; it goes on if this command is stopped`);
  try {
    const report = (await handle.result()) as DeletionReport;
    print(format, report, () => report.deleted);
  } catch (error) {
    throw error instanceof WorkflowFailedError ? failureOf(error.cause, 'the deletion') : error;
  }
}

async function start(client: Client, workflowId: string, input: DeletionInput & { target: string }) {
  const { target, database, tables } = input;
  try {
    return await client.workflow.start(DELETE_WORKFLOW, {
      workflowId,
      taskQueue: CAMPAIGNS,
      args: [input],
      staticSummary: `Delete ${tables ? `${tables.join(', ')} of ` : ''}${database} from ${target}`,
      memo: { database, target },
      workflowIdConflictPolicy: 'FAIL',
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    throw new CommandError(EXIT.refused, 'CLAIMED', `${workflowId} runs already`, { workflowId });
  }
}

function keyIsMissing(database: string): CommandError {
  const message = `${database} is published: name the workers' environment variable with the administrator's key by --admin-key`;
  return new CommandError(EXIT.refused, 'NOT_ALLOWED', message, { database });
}

function usage(message: string): CommandError {
  return new CommandError(EXIT.input, 'INVALID_INPUT', message);
}
