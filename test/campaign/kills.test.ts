import postgres from 'postgres';
import { DataServer } from '../../ingest/storage/data/connection';
import { CampaignStack } from '../support/campaign-stack';
import { type CatalogShape, type GeneratedCatalog, writeCatalog } from '../support/catalog';
import { databaseFacts, type TableFacts } from '../support/checksum';
import { privateDir } from '../support/servers';

/**
 * A process is killed (SIGKILL) while a campaign of 100 MB has units finished and units in flight, then started again: the
 * campaign ends by itself, and every table equals that of a campaign that nobody disturbed.
 */

const SHAPE: CatalogShape = { chunks: 24, rowsPerChunk: 60_000, regularRows: 500 };
/** Small batches, so that some are finished while others are in flight; short waits, so that the dead are found soon. */
const SETTINGS = {
  batch: { units: 2, bytes: 2 ** 20 },
  waits: { heartbeatSeconds: 6, retryMaximumSeconds: 2, progressSeconds: 1 },
};
const VICTIMS = ['ingest-w1', 'campaigns', 'mariadb-w1', 'temporal'];

jest.setTimeout(240_000);

let site: CampaignStack;
let catalog: GeneratedCatalog;
let clean: Record<string, TableFacts>;

beforeAll(async () => {
  const dir = privateDir('catalog');
  catalog = writeCatalog(dir, SHAPE);
  expect(catalog.bytes).toBeGreaterThan(100e6);
  site = await CampaignStack.start({ generated: dir });
  const handle = await site.startCampaign('clean', campaign('clean'));
  await handle.result();
  clean = await facts('clean');
  expect(totals(clean)).toEqual({
    Object: catalog.rows.Object,
    overlap: catalog.rows.overlap,
    Filter: 2 * catalog.rows.Filter,
  });
}, 300_000);

afterAll(() => site?.stop());

test.each(VICTIMS)('kill -9 of %s in mid-campaign', async (victim) => {
  const database = `kill_${victim.replaceAll('-', '_')}`;
  const handle = await site.startCampaign(database, campaign(database));
  const atKill = await killInFlight(database, victim);
  console.log(
    `killed ${victim} with ${atKill.loaded} units loaded, ${atKill.inFlight} in flight, ${atKill.planned} to go`,
  );
  await site.stack.restart(victim);
  await expect(handle.result()).resolves.toMatchObject({ phase: 'closed', published: true });
  expect(await facts(database)).toEqual(clean);
  expect(await stagingTables()).toEqual([]);
});

function campaign(database: string) {
  return catalog.campaign(database, 'root://generated/', { ...SETTINGS, keepOpen: false });
}

interface Moment {
  loaded: number;
  planned: number;
  /** Attempts at work: they hold a token, and nothing is recorded yet. */
  inFlight: number;
}

/** Kills when at least 8 units are loaded, at least 8 are not, and some are being loaded; fails if that moment was missed. */
async function killInFlight(database: string, victim: string): Promise<Moment> {
  const sql = postgres(site.stack.postgres.url(), { max: 1 });
  const read = async () => {
    const [row] = await sql<Moment[]>`
      SELECT count(*) FILTER (WHERE state = 'loaded')::int AS loaded, count(*) FILTER (WHERE state = 'planned')::int AS planned,
        (SELECT count(*)::int FROM qserv.load_unit WHERE database = ${database} AND token IS NOT NULL AND record IS NULL
          AND (worker = ${victim.split('-')[1] ?? ''} OR ${!victim.includes('-')})) AS "inFlight"
      FROM campaign.placement JOIN campaign.plan USING (plan_id) WHERE database = ${database}`;
    return row ?? { loaded: 0, planned: 0, inFlight: 0 };
  };
  try {
    const process = site.stack.part(victim);
    const deadline = Date.now() + 120_000;
    for (;;) {
      const { loaded, inFlight } = await read();
      if (loaded >= 8 && inFlight > 0) {
        // Stopped first: what is seen then is so when it is killed.
        await process.kill('SIGSTOP');
        const now = await read();
        if (now.inFlight > 0) {
          await site.stack.kill(victim);
          expect(now.planned).toBeGreaterThanOrEqual(8);
          return now;
        }
        await process.kill('SIGCONT');
      }
      if (Date.now() > deadline) throw new Error('no units were loaded');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  } finally {
    await sql.end();
  }
}

async function onServers<T>(work: (server: DataServer, name: string) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (const [name, { mysql }] of site.stack.workers) {
    const server = new DataServer(name, mysql);
    try {
      results.push(await work(server, name));
    } finally {
      await server.close();
    }
  }
  return results;
}

/** Which worker holds a chunk is a matter of load, so tables are told apart by name, and equal ones by worker. */
async function facts(database: string): Promise<Record<string, TableFacts>> {
  const all: Record<string, TableFacts> = {};
  for (const tables of await onServers((server) => databaseFacts(server, database))) {
    for (const [table, found] of Object.entries(tables)) {
      // Prototypes, dummies and regular tables stand on every worker.
      let key = table;
      while (key in all) key += ' (next worker)';
      all[key] = found;
    }
  }
  return all;
}

function totals(tables: Record<string, TableFacts>) {
  const sum = (matches: RegExp) =>
    Object.entries(tables).reduce((total, [name, { rows }]) => total + (matches.test(name) ? rows : 0), 0);
  return { Object: sum(/^Object_/), overlap: sum(/^ObjectFullOverlap_/), Filter: sum(/^Filter/) };
}

async function stagingTables(): Promise<string[]> {
  const lists = await onServers((server) =>
    server.rows<{ name: string }>(
      'list staging tables',
      "SELECT TABLE_NAME AS name FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'qserv_ingest_staging'",
    ),
  );
  return lists.flat().map(({ name }) => name);
}
