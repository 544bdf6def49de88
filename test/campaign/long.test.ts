import { setTimeout as sleep } from 'node:timers/promises';
import { countCatalog } from '../../dev/catalog-counts';
import { CampaignStack } from '../support/campaign-stack';
import { type GeneratedCatalog, writeCatalog } from '../support/catalog';
import { privateDir } from '../support/servers';

/** Campaigns whose history would grow too long for one run: both workflows continue as new, and lose nothing. */

jest.setTimeout(240_000);

let site: CampaignStack;
let catalog: GeneratedCatalog;

beforeAll(async () => {
  const dir = privateDir('catalog');
  catalog = writeCatalog(dir, { chunks: 160, rowsPerChunk: 20, regularRows: 5 });
  site = await CampaignStack.start({ generated: dir });
}, 300_000);
afterAll(() => site?.stop());

test('a super-transaction of many batches goes on in a new run', async () => {
  await load('many_batches', { batch: { units: 1 } });
  await untilSeveralRuns('ingestTransaction', 'many_batches');
});

test('a campaign of many super-transactions goes on in a new run', async () => {
  await load('many_transactions', { transactionBytes: 1 });
  await untilSeveralRuns('ingestCampaign', 'many_transactions');
});

async function load(database: string, more: object): Promise<void> {
  const waits = { progressSeconds: 1 };
  const handle = await site.startCampaign(
    database,
    catalog.campaign(database, 'root://generated/', { waits, keepOpen: false, ...more }),
  );
  await expect(handle.result()).resolves.toMatchObject({ phase: 'closed', published: true, heldTotal: 0 });
  const workers = [...site.stack.workers.values()].map(({ mysql }) => mysql);
  const counts = await countCatalog(workers, database, [
    { name: 'Object', isPartitioned: true },
    { name: 'Filter', isPartitioned: false },
  ]);
  expect(counts).toEqual({
    published: true,
    tables: {
      Object: { rows: catalog.rows.Object, overlap: catalog.rows.overlap },
      Filter: { rows: catalog.rows.Filter, workers: 2 },
    },
  });
}

/** Lists of workflows lag behind. */
async function untilSeveralRuns(type: string, database: string): Promise<void> {
  while ((await runsOf(type, database)) < 2) await sleep(200);
}

/** Runs of the workflows of this type whose id names the database; the most that one workflow had. */
async function runsOf(type: string, database: string): Promise<number> {
  const runs = new Map<string, number>();
  for await (const { workflowId } of site.client.workflow.list({ query: `WorkflowType = '${type}'` })) {
    if (workflowId.includes(`:${database}`)) runs.set(workflowId, (runs.get(workflowId) ?? 0) + 1);
  }
  return Math.max(0, ...runs.values());
}
