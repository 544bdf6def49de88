import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { WorkflowFailedError } from '@temporalio/client';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import postgres from 'postgres';
import type { CampaignInput } from '../../api/campaign/input';
import { countCatalog } from '../../dev/catalog-counts';
import { CampaignStack } from '../support/campaign-stack';
import { type GeneratedCatalog, writeCatalog } from '../support/catalog';
import { commandLine } from '../support/command-line';
import { privateDir } from '../support/servers';

/** Deleting through Temporal: what it refuses, that nothing is left but the provenance, and that it goes on after a kill. */

const KEY = `\${env:QSERV_ADMIN_AUTH_KEY}`;

jest.setTimeout(180_000);

let site: CampaignStack;
let catalog: GeneratedCatalog;
/** Where the campaigns' process is to kill itself, and the file that says that it did. */
let killAt: string | undefined;

beforeAll(async () => {
  const dir = privateDir('catalog');
  catalog = writeCatalog(dir, { chunks: 3, rowsPerChunk: 100, regularRows: 20 });
  const extraEnvironment = () => ({ QSERV_CAMPAIGNS_KILL_AT: killAt });
  site = await CampaignStack.start({ generated: dir }, { extraEnvironment });
}, 300_000);
afterAll(() => site?.stop());

test('a campaign that holds the database is named, and nothing is deleted under it; after its close the key is needed', async () => {
  const database = 'kept';
  await publish(database, { keepOpen: true });
  const campaign = `ingest:local:${database}`;
  expect(await failure(database, { adminKey: KEY })).toMatchObject({
    type: 'CLAIMED',
    message: expect.stringContaining(`campaign close ${campaign}`),
  });
  await site.client.workflow.getHandle(campaign).signal('close');
  await site.client.workflow.getHandle(campaign).result();

  for (const input of [{}, { adminKey: `\${env:PATH}` }, { tables: ['Filter'] }]) {
    expect(await failure(database, input)).toMatchObject({ type: 'NOT_ALLOWED' });
  }
  expect(await failure(database, { confirm: 'Kept', adminKey: KEY })).toMatchObject({
    type: 'INVALID_INPUT',
    details: [expect.objectContaining({ faults: [expect.objectContaining({ path: 'confirm' })] })],
  });
  expect(await failure(database, { tables: ['Filter', 'Filters'], adminKey: KEY })).toMatchObject({
    type: 'INVALID_INPUT',
    details: [expect.objectContaining({ faults: [expect.objectContaining({ path: 'tables[1]' })] })],
  });
  expect(await counts(database)).toEqual(full());
  expect(await claims(database)).toBe(0);
});

test('a published database goes without a trace but its provenance, and can be loaded again', async () => {
  const database = 'vanishing';
  await publish(database);
  const before = await traces(database);
  expect(before.length).toBeGreaterThan(5);
  const contributions = await provenance(database);
  expect(contributions).toBeGreaterThan(0);

  const { exit, stdout, stderr } = await campaign('delete', database, '--confirm', database);
  expect({ exit, stdout }).toEqual({ exit: 5, stdout: '' });
  expect(stderr).toMatch(/administrator/);
  const deleted = await campaign(
    ...['delete', database, '--confirm', database, '--admin-key', 'QSERV_ADMIN_AUTH_KEY', '-o', 'json'],
  );
  expect(deleted).toMatchObject({ exit: 0 });
  const rows = catalog.rows.Object + catalog.rows.overlap;
  expect(JSON.parse(deleted.stdout)).toMatchObject({
    ...{ workflowId: `delete:local:${database}`, target: 'local', database, whole: true },
    deleted: expect.arrayContaining([
      expect.stringContaining(`deleted table Object: ${rows} rows`),
      expect.stringContaining(`deleted table Filter: ${catalog.rows.Filter} rows`),
      `deleted database ${database}`,
    ]),
  });
  expect(await traces(database)).toEqual([]);
  expect(await provenance(database)).toBe(contributions);
  expect(await claims(database)).toBe(0);
  expect(await found(database)).toContain(`delete:local:${database}`);

  expect(await campaign('delete', database, '--confirm', database)).toMatchObject({
    exit: 2,
    stderr: expect.stringContaining(`there is no database '${database}'`),
  });
  await publish(database);
  expect(await counts(database)).toEqual(full());
});

test('one table of a published database goes, the others are read as before', async () => {
  const database = 'one_table';
  await publish(database);
  const args = ['--table', 'Filter', '--confirm', database, '--admin-key', 'QSERV_ADMIN_AUTH_KEY'];
  expect(await campaign('delete', database, ...args)).toMatchObject({
    exit: 0,
    stdout: expect.stringMatching(/^deleted table Filter: 20 rows, [\d.]+ B\n$/),
  });
  const { tables, ...expected } = full();
  expect(await counts(database)).toEqual({ ...expected, tables: { ...tables, Filter: { rows: 0, workers: 0 } } });
  expect((await traces(database)).filter((trace) => /Filter/.test(trace))).toEqual([]);
});

test('what a terminated campaign left open is ended, and goes too', async () => {
  const database = 'left';
  for (const name of ['ingest-w1', 'ingest-w2']) await site.stack.part(name).stop();
  const handle = await site.startCampaign(database, input(database));
  await site.until(`ingest:local:${database}`, ['ingesting']);
  await untilTrue(async () => (await transactions(database)) === 1);
  await handle.terminate('test');
  const { deleted } = await start(database).then((h) => h.result());
  expect(deleted).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^aborted super-transaction \d+$/),
      'deleted table Object: no rows of a campaign',
      `deleted database ${database}`,
    ]),
  );
  expect(await traces(database)).toEqual([]);
  await site.stack.up();
});

test.each([['whole'], ['tables']])('killed in mid-delete (%s) it goes on', async (what) => {
  const database = `killed_${what}`;
  const tables = what === 'tables' ? ['Object', 'Filter'] : undefined;
  await publish(database);
  const marker = join(site.stack.dir, `killed-${what}`);
  killAt = `delete.worker@${marker}`;
  try {
    await site.stack.restart('campaigns');
    const handle = await start(database, { adminKey: KEY, tables });
    await untilTrue(async () => existsSync(marker) && site.stack.part('campaigns').state !== 'running');
    await site.stack.restart('campaigns');
    const { tables: gone } = await handle.result();
    expect(gone.map(({ table }: { table: string }) => table).sort()).toEqual(['Filter', 'Object']);
  } finally {
    killAt = undefined;
  }
  const left = await traces(database);
  if (tables === undefined) expect(left).toEqual([]);
  else expect(left.filter((trace) => /Filter|Object/.test(trace))).toEqual([]);
  expect(await claims(database)).toBe(0);
});

function input(database: string, more: Partial<CampaignInput> = {}): CampaignInput {
  const waits = { heartbeatSeconds: 6, retryMaximumSeconds: 1, progressSeconds: 0.2 };
  return catalog.campaign(database, 'root://generated/', { waits, keepOpen: false, ...more });
}

async function publish(database: string, more: Partial<CampaignInput> = {}): Promise<void> {
  const handle = await site.startCampaign(database, input(database, more));
  if (more.keepOpen) await site.until(handle.workflowId, ['published']);
  else await handle.result();
}

const full = () => ({
  published: true,
  tables: {
    Object: { rows: catalog.rows.Object, overlap: catalog.rows.overlap },
    Filter: { rows: catalog.rows.Filter, workers: 2 },
  },
});

function start(database: string, more: Record<string, unknown> = {}) {
  return site.client.workflow.start('deleteCatalog', {
    workflowId: `delete:local:${database}`,
    taskQueue: 'campaigns',
    args: [{ database, confirm: database, ...more }],
  });
}

/** Why the deletion failed. */
async function failure(database: string, more: Record<string, unknown> = {}) {
  const handle = await start(database, more);
  const error = await handle.result().then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(WorkflowFailedError);
  return (error as WorkflowFailedError).cause;
}

async function campaign(...args: string[]) {
  return commandLine(args, JSON.parse(readFileSync(join(site.stack.dir, 'environment.json'), 'utf8')));
}

/** Workflows of the database by their search attribute; visibility lags behind. */
async function found(database: string): Promise<string[]> {
  const ids: string[] = [];
  await untilTrue(async () => {
    ids.length = 0;
    const query = `CampaignDatabase = '${database}' AND WorkflowType = 'deleteCatalog'`;
    for await (const { workflowId } of site.client.workflow.list({ query })) ids.push(workflowId);
    return ids.length > 0;
  });
  return ids;
}

async function untilTrue(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function counts(database: string) {
  const workers = [...site.stack.workers.values()].map(({ mysql }) => mysql);
  return countCatalog(workers, database, [
    { name: 'Object', isPartitioned: true },
    { name: 'Filter', isPartitioned: false },
  ]);
}

/** Whatever names the database anywhere on the servers and in the records, a line each. */
async function traces(database: string): Promise<string[]> {
  const like = `%${database.replaceAll('_', '\\_')}%`;
  const lines: string[] = [];
  const servers = [['master', site.stack.master] as const, ...site.stack.workers];
  for (const [name, { mysql }] of servers) {
    const connection = await createConnection(mysql);
    const select = async (sql: string, values: unknown[] = []) => {
      const [rows] = await connection.query<RowDataPacket[]>({ sql, rowsAsArray: true }, values);
      for (const row of rows) lines.push(`${name}: ${Object.values(row).join('.')}`);
    };
    try {
      await select('SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE ?', [like]);
      await select(
        'SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema LIKE ? OR table_name LIKE ?',
        [like, like],
      );
      await select('SELECT User, Db FROM mysql.db WHERE Db LIKE ?', [like.replaceAll('\\_', '%')]);
      if (name === 'master') await select('SELECT kvKey FROM qservCssData.kvData WHERE kvKey LIKE ?', [like]);
      else await select('SELECT * FROM qservw_worker.Dbs WHERE db LIKE ?', [like]);
    } finally {
      connection.destroy();
    }
  }
  return [...lines, ...(await recorded(database))];
}

/** Tables of the records that have rows for the database. */
async function recorded(database: string): Promise<string[]> {
  return query(async (sql) => {
    const columns = await sql<{ table: string }[]>`
      SELECT table_name AS table FROM information_schema.columns WHERE table_schema = 'qserv' AND column_name = 'database'`;
    const lines: string[] = [];
    for (const { table } of columns) {
      const [row] = await sql<{ n: number }[]>`
        SELECT count(*)::int AS n FROM ${sql(`qserv.${table}`)} WHERE database = ${database}`;
      if (row && row.n > 0) lines.push(`records: ${table} ×${row.n}`);
    }
    return lines;
  });
}

const provenance = (database: string) =>
  count((sql) => sql`SELECT count(*)::int AS n FROM campaign.contribution WHERE database = ${database}`);
const claims = (database: string) =>
  count((sql) => sql`SELECT count(*)::int AS n FROM campaign.claim WHERE database = ${database}`);
const transactions = (database: string) =>
  count((sql) => sql`SELECT count(*)::int AS n FROM qserv.transaction WHERE database = ${database}`);

function count(select: (sql: postgres.Sql) => PromiseLike<postgres.Row[]>): Promise<number> {
  return query(async (sql) => Number((await select(sql))[0]?.n));
}

async function query<T>(work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(site.stack.postgres.url(), { max: 1 });
  try {
    return await work(sql);
  } finally {
    await sql.end();
  }
}
