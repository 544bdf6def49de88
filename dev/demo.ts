import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import { type CampaignProgress, SETTLED_PHASES } from '../api/campaign/progress';
import { type CatalogTable, countCatalog } from './catalog-counts';
import { checkout, defaultStackDir } from './files';
import { Stack } from './stack';

const run = promisify(execFile);

const EXAMPLE = join(checkout, 'examples', 'test101');
const DATABASE = 'test101';
const TARGET = 'local';

const say = (message: string) => console.error(message);

/** How the demo was asked to stop: Ctrl-C, or a signal from whoever runs it. */
const stopped = new Promise<NodeJS.Signals>((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve(signal));
});

/**
 * Starts the stack, runs the campaign of examples/test101 if no earlier demo did, and counts what is in MariaDB. With `--once`,
 * or without a terminal, it stops the stack and prints the result as its last line; else it stays until Ctrl-C.
 */
async function main(): Promise<void> {
  const once = process.argv.includes('--once') || !process.stdin.isTTY;
  const stack = new Stack({
    dir: defaultStackDir(),
    report: (name, message) => say(`${name.padEnd(15)} ${message}`),
  });
  const ranBefore = stack.parts.every(({ state }) => state === 'running');
  try {
    const result = await Promise.race([demonstrate(stack), stopped]);
    if (typeof result === 'string') {
      process.exitCode = 130;
    } else if (once) {
      if (!ranBefore) await stack.down();
      console.log(JSON.stringify(result));
      return;
    } else {
      console.log(JSON.stringify(result));
      explain(stack, result);
      await untilStopped();
    }
    say('stopping the stack; data stay');
    await stack.down();
  } catch (error) {
    if (!ranBefore) await stack.down();
    throw error;
  }
}

/** A promise alone does not keep Node.js running. */
async function untilStopped(): Promise<void> {
  const timer = setInterval(() => {}, 60_000);
  await stopped;
  clearInterval(timer);
}

interface DemoResult {
  database: string;
  published: boolean;
  tables: Record<string, unknown>;
  workflowId: string;
  ui: string;
}

async function demonstrate(stack: Stack): Promise<DemoResult> {
  await stack.up();
  const connection = await Connection.connect({ address: stack.temporal.address });
  try {
    const client = new Client({ connection, namespace: stack.temporal.namespace });
    const workflowId = await campaign(stack, client);
    const workers = [...stack.workers.values()].map(({ mysql }) => mysql);
    const counts = await countCatalog(workers, DATABASE, exampleTables());
    const path = `namespaces/${stack.temporal.namespace}/workflows/${encodeURIComponent(workflowId)}`;
    return { database: DATABASE, ...counts, workflowId, ui: `${stack.temporal.ui}/${path}` };
  } finally {
    await connection.close();
  }
}

/** The id of the campaign that published the example: an earlier demo's if it did, else a new one's, started by our own CLI. */
async function campaign(stack: Stack, client: Client): Promise<string> {
  const workflowId = `ingest:${TARGET}:${DATABASE}`;
  const handle = client.workflow.getHandle(workflowId);
  const progress = () => handle.query<CampaignProgress>('progress');
  const earlier = await progress().catch(() => undefined);
  if (!earlier || (SETTLED_PHASES.includes(earlier.phase) && !earlier.published)) {
    say('starting the campaign of examples/test101');
    await cli(stack, ['start', join(EXAMPLE, 'campaign.json')]);
  } else {
    say(`an earlier demo's campaign is ${earlier.phase}`);
  }
  for (let shown = ''; ; await sleep(300)) {
    const now = await progress();
    const text = describe(now);
    if (text !== shown) say(text);
    shown = text;
    if (now.published) return workflowId;
    if (now.phase === 'held') throw new Error(`units are held: ${now.held.map(({ message }) => message).join('; ')}`);
    if (SETTLED_PHASES.includes(now.phase)) throw new Error(`the campaign ${now.phase}: ${now.error?.message}`);
  }
}

function describe({ phase, tables }: CampaignProgress): string {
  const sum = (of: 'rows' | 'units' | 'unitsDone') => tables.reduce((total, table) => total + table[of], 0);
  return `campaign: ${phase}${sum('units') > 0 ? `, ${sum('unitsDone')} of ${sum('units')} units, ${sum('rows')} rows` : ''}`;
}

async function cli(stack: Stack, args: string[]): Promise<void> {
  const env = { ...process.env, ...stack.environment() };
  try {
    await run(process.execPath, [join(checkout, 'dist', 'cli', 'main.js'), ...args], { env, cwd: checkout });
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`campaign ${args.join(' ')} failed:\n${stdout}${stderr}`);
  }
}

/** The tables that the example's campaign file names, in its order. */
function exampleTables(): CatalogTable[] {
  const read = (file: string) => JSON.parse(readFileSync(join(EXAMPLE, file), 'utf8'));
  const { tables } = read('campaign.json') as { tables: { definition: { $ref: string } }[] };
  return tables
    .map(({ definition }) => read(definition.$ref) as { table: string; is_partitioned: number })
    .map(({ table, is_partitioned }) => ({ name: table, isPartitioned: is_partitioned === 1 }));
}

function explain(stack: Stack, { workflowId, ui }: DemoResult): void {
  const { temporal, controller, workers } = stack.status();
  const mysql = workers[0]?.mysql;
  say(`
The catalog is published. Where to look:

  this campaign      ${ui}
  all campaigns      ${temporal?.ui}
  temporal CLI       temporal workflow show --address ${temporal?.address} --workflow-id ${workflowId}
  campaign CLI       npm run --silent campaign -- status ${workflowId}
  the rows           mariadb --host ${mysql?.host} --port ${mysql?.port} --user ${mysql?.user} -p ${DATABASE}
                     (password: npm run --silent stack -- status --json)
  Qserv's REST API   ${controller?.url}/docs; the workers' ${workers.map(({ httpUrl }) => httpUrl).join(', ')}
                     (keys: eval "$(npm run --silent stack -- env)"; README: Qserv's own clients)
  the processes      npm run stack -- status, logs, kill NAME, restart NAME

Try next:

  replace a table, add one     npm run --silent campaign -- republish ${workflowId} examples/test101/republish.json
  delete the catalog           npm run --silent campaign -- close ${workflowId}
                               npm run --silent campaign -- delete ${DATABASE} --admin-key QSERV_ADMIN_AUTH_KEY

Ctrl-C stops the stack; data stay, and npm run stack -- reset deletes them.`);
}

main().catch((error: Error) => {
  console.error(`demo: ${error.message}`);
  process.exitCode = 1;
});
