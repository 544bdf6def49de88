import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import type { CampaignInput } from '../../api/campaign/input';
import type { RepublishProgress } from '../../api/campaign/progress';
import { CampaignStack } from '../support/campaign-stack';
import { type CatalogFacts, catalogFacts, leftovers } from '../support/catalog-facts';
import { DataHttpServer } from '../support/data-server';
import { type LivingCatalog, writeLivingCatalog } from '../support/living-catalog';
import { privateDir } from '../support/servers';

/** Campaigns that drive a Qserv over REST: our own services over the native backend, which must give the tables of a native campaign. */

const FAST = { heartbeatSeconds: 6, retryMaximumSeconds: 1, progressSeconds: 0.2 };
/** Points of a worker service's load: while the rows are read, before they are attached, and when they are, unknown to anybody. */
const STEPS = process.env.FAULT_ROUNDS ? ['stage', 'load', 'check', 'note', 'exchange', 'record'] : ['load', 'record'];

jest.setTimeout(180_000);

let site: CampaignStack;
let catalog: LivingCatalog;
let dir: string;
let killAt: string | undefined;
let native: CatalogFacts;

beforeAll(async () => {
  dir = privateDir('catalog');
  catalog = writeLivingCatalog(dir);
  site = await CampaignStack.start(
    { generated: dir },
    { servers: true, extraEnvironment: () => ({ QSERV_CAMPAIGNS_KILL_AT: killAt }) },
  );
  await campaign('native', { target: 'local' });
  native = await catalogFacts(site.stack, 'native');
}, 300_000);

afterAll(() => site?.stop());

async function campaign(database: string, more: Partial<CampaignInput>): Promise<void> {
  const input = catalog.campaign(database, { waits: FAST, keepOpen: false, ...more });
  await (await site.startCampaign(database, input)).result();
}

/** Contributions to the database that are at work. */
async function loading(database: string): Promise<number> {
  const { controller } = site.stack.status();
  const reply = await request(`${controller?.url}/ingest/trans?database=${database}&contrib=1&version=55`);
  const { databases } = (await reply.body.json()) as {
    databases?: Record<
      string,
      { transactions: { contrib: { summary: { num_files_by_status: { IN_PROGRESS: number } } } }[] }
    >;
  };
  const of = databases?.[database]?.transactions ?? [];
  return of.reduce((n, { contrib }) => n + contrib.summary.num_files_by_status.IN_PROGRESS, 0);
}

test('gives the tables of a native campaign', async () => {
  await campaign('remote', { target: 'remote' });
  expect(await catalogFacts(site.stack, 'remote')).toEqual(native);
  expect(await leftovers(site.stack)).toEqual([]);
});

test.each(STEPS)('also when a worker service is killed at %s', async (step) => {
  const marker = join(dir, `killed-at-${step}`);
  killAt = `${step}@${marker}`;
  await Promise.all(['server-w1', 'server-w2'].map((name) => site.stack.restart(name)));
  const done = campaign(`killed_${step}`, { target: 'remote' });
  done.catch(() => {});
  for (let i = 0; !existsSync(marker); i++) {
    if (i > 600) throw new Error(`no worker service ever came to ${step}`);
    await sleep(100);
  }
  console.log(`killed at ${readFileSync(marker, 'utf8').trim()}`);
  killAt = undefined;
  await Promise.all(['server-w1', 'server-w2'].map((name) => site.stack.restart(name)));
  await done;
  expect(await catalogFacts(site.stack, `killed_${step}`)).toEqual(native);
});

test('a worker service that stays away holds its units by name; once it is back, they are loaded', async () => {
  const database = 'away';
  await site.stack.kill('server-w1');
  const waits = { ...FAST, workerAwaySeconds: 2 };
  const handle = await site.startCampaign(
    database,
    catalog.campaign(database, { waits, target: 'remote', keepOpen: false }),
  );
  const { held } = await site.until(handle.workflowId, ['held']);
  expect(new Set(held.map(({ worker, code }) => `${worker} ${code}`))).toEqual(new Set(['w1 NO_WORKERS']));
  expect(held[0]?.message).toMatch(/^worker w1 (has not answered for 2 s: .*ECONNREFUSED|does not answer)/);
  await site.stack.restart('server-w1');
  await handle.signal('retry');
  await handle.result();
  expect(await catalogFacts(site.stack, database)).toEqual(native);
});

test('a republish adds, replaces and removes tables', async () => {
  const database = 'changed';
  const input = catalog.campaign(database, { waits: FAST, target: 'remote' });
  const { workflowId } = await site.startCampaign(database, input);
  await site.until(workflowId, ['published']);
  const end = await site.client.workflow
    .getHandle(workflowId)
    .executeUpdate<RepublishProgress, [unknown]>('republish', {
      args: [
        {
          requestId: 'r1',
          adminKey: `\${env:QSERV_ADMIN_AUTH_KEY}`,
          base: 'root://generated/',
          add: [catalog.dependent('Forced', 'forced')],
          replace: [catalog.dependent('Source', 'source2')],
          remove: ['Filter'],
        },
      ],
    });
  expect(end).toMatchObject({ state: 'done' });
  await site.client.workflow.getHandle(workflowId).signal('close');
  const tables = [
    ...catalog.campaign('same').tables.slice(0, 1),
    catalog.dependent('Source', 'source2'),
    catalog.dependent('Forced', 'forced'),
  ];
  await campaign('same', { target: 'local', tables });
  expect(await catalogFacts(site.stack, database)).toEqual(await catalogFacts(site.stack, 'same'));
});

test('a republish that fails leaves the catalog published, and says what is gone', async () => {
  const database = 'lost';
  const spoilt = join(dir, 'source2', `chunk_${catalog.chunks[1]}.csv`);
  const good = readFileSync(spoilt, 'utf8');
  writeFileSync(spoilt, good.replace('source2', `a${'b'.repeat(40)}`));
  try {
    const { workflowId } = await site.startCampaign(
      database,
      catalog.campaign(database, { waits: FAST, target: 'remote', onFailure: 'abort' }),
    );
    await site.until(workflowId, ['published']);
    const handle = site.client.workflow.getHandle(workflowId);
    const end = await handle.executeUpdate<RepublishProgress, [unknown]>('republish', {
      args: [
        {
          requestId: 'r1',
          adminKey: `\${env:QSERV_ADMIN_AUTH_KEY}`,
          base: 'root://generated/',
          replace: [catalog.dependent('Source', 'source2')],
          remove: ['Filter'],
        },
      ],
    });
    expect(end).toMatchObject({ state: 'failed' });
    expect(JSON.stringify(end)).toMatch(
      /published lost again, without (Source, Filter|Filter, Source), which had been deleted first/,
    );
    const { controller } = site.stack.status();
    const reply = await request(`${controller?.url}/replication/config?version=55`);
    const { config } = (await reply.body.json()) as {
      config: { databases: { database: string; is_published: number; tables: { name: string }[] }[] };
    };
    const [left] = config.databases.filter((one) => one.database === database);
    expect(left).toMatchObject({ is_published: 1 });
    expect(left?.tables.map(({ name }) => name)).toEqual(['Object']);
    await handle.signal('close');
  } finally {
    writeFileSync(spoilt, good);
  }
});

test('a file that cannot be loaded is held; the others are loaded under another super-transaction', async () => {
  const database = 'spoilt';
  const spoilt = join(dir, 'source1', `chunk_${catalog.chunks[2]}.csv`);
  const good = readFileSync(spoilt, 'utf8');
  writeFileSync(spoilt, good.replace('source1', `a${'b'.repeat(40)}`));
  try {
    const input = catalog.campaign(database, { waits: FAST, target: 'remote', keepOpen: false });
    const handle = await site.startCampaign(database, input);
    const { held } = await site.until(handle.workflowId, ['held']);
    expect(held).toMatchObject([{ table: 'Source', chunk: catalog.chunks[2], code: 'BAD_ROWS' }]);
    await handle.signal('skip');
    await handle.result();
    const { tables } = await catalogFacts(site.stack, database);
    const expected = { ...native.tables };
    const chunk = `Source_${catalog.chunks[2]}`;
    expect({ ...tables, [chunk]: undefined }).toEqual({ ...expected, [chunk]: undefined });
    expect(tables[chunk]).toMatchObject({ rows: 0 });
  } finally {
    writeFileSync(spoilt, good);
  }
});

// Last, since it leaves the workers' queues as they are.
test('a hundred loads that hang keep nobody else waiting', async () => {
  const data = await new DataHttpServer().start();
  const waiting: ServerResponse[] = [];
  try {
    // As many as a queue has places, on two workers.
    const chunks = Array.from({ length: 110 }, (_, i) => (catalog.chunks[0] ?? 0) + i);
    for (const chunk of chunks) {
      data.on(`/chunk_${chunk}.csv`, ({ method }, response) => {
        response.writeHead(200, { 'content-length': 20, etag: `"${chunk}"` }).flushHeaders();
        if (method === 'HEAD') response.end();
        else waiting.push(response);
      });
    }
    const input = catalog.campaign('hanging', {
      waits: FAST,
      keepOpen: false,
      target: 'remote',
      batch: { units: 1 },
      parallel: { batchesPerWorker: 100 },
    });
    const [object] = input.tables;
    if (object === undefined) throw new Error('no table');
    const dialect = { fieldsTerminatedBy: ',' as const };
    const tables = [{ ...object, contributions: [{ template: data.url('/chunk_{chunk}.csv'), chunks, dialect }] }];
    const hanging = await site.startCampaign('hanging', { ...input, tables });
    for (let i = 0; (await loading('hanging')) < 100; i++) {
      if (i > 1200) throw new Error(`only ${await loading('hanging')} loads came about`);
      await sleep(100);
    }
    await campaign('meanwhile', { target: 'local' });
    expect(await catalogFacts(site.stack, 'meanwhile')).toEqual(native);
    await hanging.terminate();
  } finally {
    for (const response of waiting) response.destroy();
    await data.stop();
  }
});
