import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { WorkflowFailedError } from '@temporalio/client';
import type { CampaignInput } from '../../api/campaign/input';
import { countCatalog } from '../../dev/catalog-counts';
import { checkout } from '../../dev/files';
import { findTemporal } from '../../dev/temporal-program';
import { startBrowser } from '../support/browser';
import { CampaignStack } from '../support/campaign-stack';

/** The example campaign, started in every way that people start campaigns. */

const run = promisify(execFile);
const EXAMPLE = join(checkout, 'examples', 'test101');
const FILE = join(EXAMPLE, 'campaign.json');
const EXPECTED = {
  Object: { rows: 1000, overlap: 157 },
  Source: { rows: 4583, overlap: 0 },
  Filter: { rows: 9, workers: 2 },
};

jest.setTimeout(120_000);

let site: CampaignStack;
beforeAll(async () => {
  site = await CampaignStack.start({});
}, 300_000);
afterAll(() => site?.stop());

test('the temporal command starts a campaign from its file', async () => {
  const workflowId = 'by-temporal-cli';
  const temporal = await findTemporal(() => {});
  await run(temporal, [
    ...['workflow', 'start', '--address', site.stack.temporal.address, '--workflow-id', workflowId],
    ...['--type', 'ingestCampaign', '--task-queue', 'campaigns', '--input-file', FILE],
  ]);
  const progress = await site.until(workflowId, ['published']);
  expect(progress).toMatchObject({ database: 'test101', published: true, heldTotal: 0 });
  expect(await counts('test101')).toEqual({ published: true, tables: EXPECTED });
});

test('a second campaign for the same database is refused and names the first, whatever its id', async () => {
  const handle = await site.startCampaign('test101', example(), 'another-id');
  const failure = await handle.result().catch((error) => error);
  expect(failure).toBeInstanceOf(WorkflowFailedError);
  expect(failure.cause).toMatchObject({ type: 'CLAIMED' });
  expect(failure.cause.message).toContain('by-temporal-cli');
  expect(await counts('test101')).toEqual({ published: true, tables: EXPECTED });
});

test("the Temporal UI's form starts a campaign, and its page shows how it went", async () => {
  const workflowId = 'by-form';
  const input = example('test_form');
  const browser = await startBrowser();
  try {
    const page = await browser.newPage({ viewport: { width: 1400, height: 1000 } });
    await page.goto(`${site.stack.temporal.ui}/namespaces/default/workflows/start-workflow`);
    await page.fill('#workflowId', workflowId);
    await page.fill('#taskQueue', 'campaigns');
    await page.fill('#workflowType', 'ingestCampaign');
    await page.locator('.cm-content').first().fill(JSON.stringify(input));
    // The form looks the task queue up once a field is left, and its button moves when the answer comes.
    await page.getByRole('heading', { name: 'Start a Workflow' }).click();
    await page.getByText('Task Queue is Active').waitFor();
    await Promise.all([
      page.waitForResponse((response) => response.request().method() === 'POST' && response.ok(), { timeout: 20_000 }),
      page.getByTestId('start-workflow-button').click(),
    ]);
    await site.until(workflowId, ['published']);

    await page.goto(`${site.stack.temporal.ui}/namespaces/default/workflows/${workflowId}`);
    await page.getByText('User Metadata').click();
    const details = page.frameLocator('iframe').locator('body');
    await details.getByText('test_form').waitFor();
    expect(await details.innerText()).toMatch(/Object\s+director\s+3\s+3\s+0\s+1157/);
  } finally {
    await browser.close();
  }
  expect(await counts('test_form')).toEqual({ published: true, tables: EXPECTED });
});

test('campaigns are found by their search attributes', async () => {
  const found: string[] = [];
  const deadline = Date.now() + 100_000;
  while (found.length === 0 && Date.now() < deadline) {
    const query = "CampaignDatabase = 'test_form' AND CampaignPhase = 'published' AND CampaignOwner = 'a newcomer'";
    for await (const { workflowId } of site.client.workflow.list({ query })) found.push(workflowId);
  }
  expect(found).toContain('by-form');
});

/** The example's campaign; for a database of another name with its definitions inline. */
function example(database?: string): CampaignInput {
  const input = readJson(FILE) as CampaignInput;
  if (database === undefined) return input;
  const inline = (definition: unknown) => ({
    ...readJson(join(EXAMPLE, (definition as { $ref: string }).$ref)),
    database,
  });
  return {
    ...input,
    database: inline(input.database),
    tables: input.tables.map((table) => ({ ...table, definition: inline(table.definition) })),
  };
}

function readJson(file: string): Record<string, unknown> {
  return JSON.parse(readFileSync(file, 'utf8'));
}

function counts(database: string) {
  return countCatalog(
    [...site.stack.workers.values()].map(({ mysql }) => mysql),
    database,
    [
      { name: 'Object', isPartitioned: true },
      { name: 'Source', isPartitioned: true },
      { name: 'Filter', isPartitioned: false },
    ],
  );
}
