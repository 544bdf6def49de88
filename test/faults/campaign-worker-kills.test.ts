import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RepublishProgress } from '../../api/campaign/progress';
import { PUBLISH_STEPS } from '../../ingest/controller/native/publish/publish';
import { REPLACE_STEPS } from '../../ingest/controller/native/replacements';
import { UNPUBLISH_STEPS } from '../../ingest/controller/native/unpublish';
import { INDEX_CHUNK_STEPS } from '../../ingest/storage/data/index-chunk';
import { CampaignStack } from '../support/campaign-stack';
import { type CatalogFacts, catalogFacts, leftovers } from '../support/catalog-facts';
import { type LivingCatalog, writeLivingCatalog } from '../support/living-catalog';
import { privateDir } from '../support/servers';

/**
 * The campaign worker kills itself (SIGKILL) at a named step of publishing, unpublishing, replacing a table and building an index,
 * and is started again: the catalog ends published, equal to one that nobody disturbed.
 */

const FAST = { heartbeatSeconds: 6, retryMaximumSeconds: 1, progressSeconds: 1 };
/** Only where a table has several full partitions, or none yet. */
const NOT_HERE = ['publish.table.copy', 'publish.table.empty', 'publish.table.create'];
/** Every step in `npm run test:faults`; in `npm test` those after which most is half done. The controller's own tests have them all. */
const CHOSEN = process.env.FAULT_ROUNDS
  ? undefined
  : ['index.chunk.load', 'publish.table.exchange', 'publish.flags', 'replace.rename', 'replace.records'];
const chosen = (steps: readonly string[]) =>
  steps.filter((step) => !NOT_HERE.includes(step) && (CHOSEN === undefined || CHOSEN.includes(step)));
const FIRST = chosen([...INDEX_CHUNK_STEPS, ...PUBLISH_STEPS]).filter((step) => !isReplacement(step));
const AGAIN = chosen([...UNPUBLISH_STEPS, ...REPLACE_STEPS]);

jest.setTimeout(120_000);

let site: CampaignStack;
let catalog: LivingCatalog;
let dir: string;
let killAt: string | undefined;
/** Of a clean campaign, and of one whose Source is in its second version. */
let clean: Record<'source1' | 'source2', CatalogFacts>;

beforeAll(async () => {
  dir = privateDir('catalog');
  catalog = writeLivingCatalog(dir);
  site = await CampaignStack.start(
    { generated: dir },
    { extraEnvironment: () => ({ QSERV_CAMPAIGNS_KILL_AT: killAt }) },
  );
  clean = { source1: await campaign('clean1', 'source1'), source2: await campaign('clean2', 'source2') };
}, 300_000);

afterAll(() => site?.stop());

test.each(FIRST)('the first publication, killed at %s', async (step) => {
  const database = `first_${step.replaceAll(/\W/g, '_')}`;
  const found = await killedAt(step, () => campaign(database, 'source1'));
  expect(found).toEqual(clean.source1);
  expect(await leftovers(site.stack)).toEqual([]);
});

describe('a republish', () => {
  const database = 'again';
  let version: 'source1' | 'source2' = 'source1';
  let number = 0;
  beforeAll(() => start(database, 'source1', true));

  test.each(AGAIN)('killed at %s', async (step) => {
    const next = version === 'source1' ? 'source2' : 'source1';
    const handle = site.client.workflow.getHandle(`ingest:local:${database}`);
    const end = await killedAt(step, async () => {
      const request = {
        requestId: `r${++number}`,
        base: 'root://generated/',
        adminKey: `\${env:QSERV_ADMIN_AUTH_KEY}`,
        replace: [catalog.dependent('Source', next)],
      };
      return handle.executeUpdate<RepublishProgress, [unknown]>('republish', { args: [request] });
    });
    expect(end).toMatchObject({ state: 'done', replaced: [{ table: 'Source', gapMs: expect.any(Number) }] });
    version = next;
    expect(await catalogFacts(site.stack, database)).toEqual(clean[version]);
    expect(await leftovers(site.stack)).toEqual([]);
  });
});

/** Runs `work` with a campaign worker that dies at the step, and starts the worker again when it has. */
async function killedAt<T>(step: string, work: () => Promise<T>): Promise<T> {
  const marker = join(dir, `killed-at-${step}`);
  killAt = `${step}@${marker}`;
  await site.stack.restart('campaigns');
  const done = work();
  done.catch(() => {});
  for (let i = 0; !existsSync(marker); i++) {
    if (i > 600) throw new Error(`the campaign worker never came to ${step}`);
    await sleep(100);
  }
  console.log(`killed at ${readFileSync(marker, 'utf8').trim()}`);
  killAt = undefined;
  await site.stack.restart('campaigns');
  return done;
}

async function start(database: string, source: 'source1' | 'source2', keepOpen: boolean) {
  const input = catalog.campaign(database, { waits: FAST, keepOpen });
  const tables = [...input.tables.slice(0, 2), catalog.dependent('Source', source)];
  const handle = await site.startCampaign(database, { ...input, tables });
  if (keepOpen) await site.until(handle.workflowId, ['published']);
  return handle;
}

async function campaign(database: string, source: 'source1' | 'source2'): Promise<CatalogFacts> {
  const handle = await start(database, source, false);
  await handle.result();
  return catalogFacts(site.stack, database);
}

function isReplacement(step: string): boolean {
  return (REPLACE_STEPS as readonly string[]).includes(step);
}
