import { readFileSync, renameSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import postgres from 'postgres';
import type { CampaignInput } from '../../api/campaign/input';
import { countCatalog } from '../../dev/catalog-counts';
import { CampaignStack } from '../support/campaign-stack';
import { type GeneratedCatalog, writeCatalog } from '../support/catalog';
import { openController, openForeign } from '../support/foreign';
import { privateDir } from '../support/servers';

/** What a campaign does when it cannot simply go on: held units, decisions of people, undoing, successors. */

const FAST = { heartbeatSeconds: 6, retryMaximumSeconds: 1, progressSeconds: 0.2 };

jest.setTimeout(120_000);

let site: CampaignStack;
let dir: string;
let catalog: GeneratedCatalog;

beforeAll(async () => {
  dir = privateDir('catalog');
  catalog = writeCatalog(dir, { chunks: 4, rowsPerChunk: 200, regularRows: 20 });
  site = await CampaignStack.start({ generated: dir });
}, 300_000);
afterAll(() => site?.stop());

const full = () => ({
  published: true,
  tables: {
    Object: { rows: catalog.rows.Object, overlap: catalog.rows.overlap },
    Filter: { rows: catalog.rows.Filter, workers: 2 },
  },
});

describe('held units', () => {
  const bad = () => join(dir, 'Object', 'chunk_7140.csv');

  test('bad rows are held with their warning, the rest is committed, and a retry after the repair ends the campaign', async () => {
    await withFile(
      bad(),
      (text) => text.replace(/^0,/, 'not-a-number,'),
      async () => {
        await start('held_retry', { transactionBytes: 20_000 });
        const held = await site.until(id('held_retry'), ['held']);
        expect(held.heldTotal).toBe(1);
        expect(held.held[0]).toMatchObject({ table: 'Object', chunk: 7140, overlap: false, code: 'BAD_ROWS' });
        expect(held.held[0]?.message).toContain('objectId');
        expect(held.transactions).toMatchObject({ open: 0 });
        expect(held.transactions.committed).toBeGreaterThan(1);
      },
    );
    // The repaired file is another file than the planned one: it stays held, now for that reason.
    await site.client.workflow.getHandle(id('held_retry')).signal('retry');
    const changed = await untilHeldAs('held_retry', 'SOURCE_CHANGED');
    expect(changed.heldTotal).toBe(1);
    await site.client.workflow.getHandle(id('held_retry')).signal('abort', 'plan anew with the repaired file');
    await site.until(id('held_retry'), ['aborted']);

    // A new campaign takes over what is committed and loads only what is missing.
    await site.startCampaign('held_retry', campaign('held_retry', { keepOpen: false }));
    const outcome = await site.client.workflow.getHandle(id('held_retry')).result();
    expect(outcome).toMatchObject({ phase: 'closed', totals: { units: 1, alreadyCommitted: 8 } });
    expect(await counts('held_retry')).toEqual(full());
  });

  test('a chunk that the director index refuses is held, and the rest of its super-transaction is committed', async () => {
    await withFile(
      bad(),
      // The second object has the first one's id.
      (text) => text.replace(/^1,/m, '0,'),
      async () => {
        await site.startCampaign('held_index', campaign('held_index'));
        const held = await site.until(id('held_index'), ['held']);
        expect(held.held).toEqual([
          expect.objectContaining({ table: 'Object', chunk: 7140, overlap: false, code: 'INDEX_FAILED' }),
        ]);
        expect(held.held[0]?.message).toContain('Duplicate entry');
        expect(held.transactions).toMatchObject({ open: 0, aborted: 1, committed: 1 });
        const handle = site.client.workflow.getHandle(id('held_index'));
        await handle.signal('skip');
        await site.until(id('held_index'), ['published']);
        await handle.signal('close');
        await handle.result();
      },
    );
    const { tables } = await counts('held_index');
    expect(tables.Object).toEqual({ rows: catalog.rows.Object - 200, overlap: catalog.rows.overlap });
  });

  test('a missing file is held, and loaded by retry once it is back', async () => {
    const file = join(dir, 'Object', 'chunk_7141.csv');
    await site.stack.part('ingest-w1').stop();
    await site.stack.part('ingest-w2').stop();
    await site.startCampaign('held_back', campaign('held_back', { keepOpen: false }));
    await site.until(id('held_back'), ['ingesting']);
    renameSync(file, `${file}.away`);
    await site.stack.up();
    const held = await site.until(id('held_back'), ['held']);
    expect(held.held).toEqual([expect.objectContaining({ table: 'Object', chunk: 7141, code: 'SOURCE_MISSING' })]);
    renameSync(`${file}.away`, file);
    const handle = site.client.workflow.getHandle(id('held_back'));
    await handle.signal('retry');
    await handle.result();
    expect(await counts('held_back')).toEqual(full());
  });

  test('skip goes on without the held units', async () => {
    await withFile(
      bad(),
      (text) => text.replace(/^0,/, 'x,'),
      async () => {
        await site.startCampaign('held_skip', campaign('held_skip', { keepOpen: false }));
        await site.until(id('held_skip'), ['held']);
        const handle = site.client.workflow.getHandle(id('held_skip'));
        await handle.signal('skip');
        expect(await handle.result()).toMatchObject({ phase: 'closed', published: true });
      },
    );
    const { tables } = await counts('held_skip');
    expect(tables.Object).toEqual({ rows: catalog.rows.Object - 200, overlap: catalog.rows.overlap });
  });

  test('onFailure abort ends the campaign with the cause', async () => {
    await withFile(
      bad(),
      (text) => text.replace(/^0,/, 'x,'),
      async () => {
        const handle = await site.startCampaign('held_abort', campaign('held_abort', { onFailure: 'abort' }));
        const failure = await handle.result().catch((error) => error);
        expect(failure).toBeInstanceOf(WorkflowFailedError);
        expect(failure.cause).toMatchObject({ type: 'BAD_ROWS' });
        expect(failure.cause.message).toContain('Object 7140');
      },
    );
    expect(await openTransactions('held_abort')).toEqual([]);
  });

  test('units of a worker that stays away are held, naming its queue', async () => {
    await site.stack.part('ingest-w2').stop();
    try {
      const waits = { ...FAST, workerAwaySeconds: 2 };
      await site.startCampaign('held_away', campaign('held_away', { waits, keepOpen: false }));
      const held = await site.until(id('held_away'), ['held']);
      expect(new Set(held.held.map(({ worker, code }) => `${worker} ${code}`))).toEqual(new Set(['w2 NO_WORKERS']));
      expect(held.held[0]?.message).toContain('ingest-w2');
    } finally {
      await site.stack.up();
    }
    const handle = site.client.workflow.getHandle(id('held_away'));
    await handle.signal('retry');
    await handle.result();
    expect(await counts('held_away')).toEqual(full());
  });
});

test('a worker that is only slow to take its batches is waited for', async () => {
  const busy = site.stack.part('ingest-w2');
  await busy.kill('SIGSTOP');
  try {
    await start('busy', { waits: { ...FAST, workerAwaySeconds: 1 }, keepOpen: false });
    await site.until(id('busy'), ['ingesting']);
    // Long enough for several time-outs in its queue.
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    expect(await site.progress(id('busy'))).toMatchObject({ phase: 'ingesting', heldTotal: 0 });
  } finally {
    await busy.kill('SIGCONT');
  }
  await site.client.workflow.getHandle(id('busy')).result();
  expect(await counts('busy')).toEqual(full());
});

test('a table that somebody deleted while units were held is not published without its rows, and loaded by the next campaign', async () => {
  const bad = join(dir, 'Object', 'chunk_7140.csv');
  const { controller, close } = openController(site.stack);
  await withFile(
    bad,
    (text) => text.replace(/^0,/, 'x,'),
    async () => {
      await start('gone', { keepOpen: false });
      await site.until(id('gone'), ['held']);
      await controller.deleteTable('gone', 'Filter');
      const handle = site.client.workflow.getHandle(id('gone'));
      await handle.signal('skip');
      const failure = await handle.result().then(
        () => undefined,
        (e: WorkflowFailedError) => e.cause,
      );
      expect(failure).toMatchObject({ type: 'UNKNOWN_TABLE', message: expect.stringContaining('deleted Filter') });
    },
  );
  await close();
  await (await start('gone', { keepOpen: false })).result();
  expect(await counts('gone')).toEqual(full());
});

test("somebody else's open super-transaction holds the publishing, until it is ended", async () => {
  await startStuck('foreign', { keepOpen: false });
  const foreign = await openForeign(site.stack, 'foreign');
  await site.stack.up();
  const held = await site.until(id('foreign'), ['held']);
  expect(held.error).toMatchObject({ code: 'OPEN_TRANSACTIONS' });
  expect(held.error?.message).toContain(String(foreign.id));
  await foreign.end();
  const handle = site.client.workflow.getHandle(id('foreign'));
  await handle.signal('retry');
  await handle.result();
  expect(await counts('foreign')).toEqual(full());
});

describe('ending early', () => {
  test('cancel aborts the open super-transaction, keeps nothing half done, and gives up the claim', async () => {
    const handle = await startStuck('cancelled');
    await handle.cancel();
    await expect(handle.result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
    expect(await openTransactions('cancelled')).toEqual([]);
    const { undone } = await site.progress(id('cancelled'));
    expect(undone).toEqual([expect.stringMatching(/^aborted super-transaction \d+$/)]);
    await site.stack.up();
    await site.startCampaign('cancelled', campaign('cancelled', { keepOpen: false }));
    await site.client.workflow.getHandle(id('cancelled')).result();
    expect(await counts('cancelled')).toEqual(full());
  });

  test('abort with rollback all drops the unpublished tables, too', async () => {
    const handle = await startStuck('rolled_back', { rollback: 'all' });
    await handle.signal('abort', 'changed my mind');
    const failure = await handle.result().catch((error) => error);
    expect(failure.cause).toMatchObject({ type: 'ABORTED' });
    expect(failure.cause.message).toMatch(/changed my mind.*aborted super-transaction.*dropped table Object/);
    await site.stack.up();
    const { tables } = await counts('rolled_back').catch(() => ({ tables: {} }));
    expect(tables).toEqual({ Object: { rows: 0, overlap: 0 }, Filter: { rows: 0, workers: 0 } });
  });

  test('what a terminated campaign left open, the next one finds and ends', async () => {
    const handle = await startStuck('terminated');
    await handle.terminate('test');
    expect(await openTransactions('terminated')).toHaveLength(1);
    await site.stack.up();
    await site.startCampaign('terminated', campaign('terminated', { keepOpen: false }), 'another-campaign');
    await site.client.workflow.getHandle('another-campaign').result();
    expect(await openTransactions('terminated')).toEqual([]);
    expect(await counts('terminated')).toEqual(full());
  });

  test('close before publishing means: end when published', async () => {
    const handle = await startStuck('closed_early');
    await handle.signal('close');
    await site.stack.up();
    await expect(handle.result()).resolves.toMatchObject({ phase: 'closed', published: true });
  });
});

test('a catalog without any file for chunks is published, too', async () => {
  const input = campaign('no_chunks', { keepOpen: false });
  const [object] = input.tables;
  if (object) object.contributions = [];
  const handle = await site.startCampaign('no_chunks', input);
  await expect(handle.result()).resolves.toMatchObject({ phase: 'closed', published: true });
  const { published, tables } = await counts('no_chunks');
  expect({ published, ...tables.Filter }).toEqual({ published: true, rows: catalog.rows.Filter, workers: 2 });
});

describe('published campaigns', () => {
  test.each(['cancel', 'abort', 'close'] as const)('%s closes them and undoes nothing', async (how) => {
    const database = `published_${how}`;
    const handle = await start(database);
    await site.until(id(database), ['published']);
    if (how === 'cancel') await handle.cancel();
    else await handle.signal(how);
    await expect(handle.result()).resolves.toMatchObject({ phase: 'closed', published: true });
    expect(await counts(database)).toEqual(full());
  });
});

test.each([[undefined], [null], [{}], ['a string']])('%j is no input, and is said to be none', async (input) => {
  const args = input === undefined ? [] : [input];
  const handle = await site.client.workflow.start('ingestCampaign', {
    workflowId: `no-input-${JSON.stringify(input)}`,
    taskQueue: 'campaigns',
    args,
  });
  const failure = await handle.result().catch((error) => error);
  expect(failure.cause).toMatchObject({ type: 'INVALID_INPUT' });
});

test('faults of an input are listed by path, and nothing is registered', async () => {
  const input = campaign('faulty') as { tables: { definition: Record<string, unknown>; contributions: unknown[] }[] };
  const [object, filter] = input.tables;
  if (object) object.definition.director_key = 'noSuchColumn';
  if (filter) filter.contributions = [{ files: [{ url: 'missing.csv' }] }];
  const handle = await site.startCampaign('faulty', input as unknown as CampaignInput);
  const failure = await handle.result().catch((error) => error);
  expect(failure.cause).toMatchObject({ type: 'INVALID_INPUT', nonRetryable: true });
  const [{ faults }] = failure.cause.details;
  const paths = faults.map(({ path }: { path: string }) => path);
  expect(paths).toContain('tables[0].definition.director_key');
  expect(paths.some((path: string) => path.startsWith('tables[1].contributions[0].files[0]'))).toBe(true);
  const sql = postgres(site.stack.postgres.url(), { max: 1 });
  try {
    expect(await sql`SELECT 1 FROM qserv.config_database WHERE database = 'faulty'`).toHaveLength(0);
  } finally {
    await sql.end();
  }
});

function id(database: string): string {
  return `ingest:local:${database}`;
}

function campaign(database: string, more: Partial<CampaignInput> = {}): CampaignInput {
  return catalog.campaign(database, 'root://generated/', { waits: FAST, ...more });
}

function start(database: string, more: Partial<CampaignInput> = {}) {
  return site.startCampaign(database, campaign(database, more));
}

/** A campaign that has begun its super-transaction and waits for ingest workers that are stopped. */
async function startStuck(database: string, more: Partial<CampaignInput> = {}): Promise<WorkflowHandle> {
  for (const name of ['ingest-w1', 'ingest-w2']) await site.stack.part(name).stop();
  await start(database, more);
  const deadline = Date.now() + 100_000;
  while ((await openTransactions(database)).length === 0) {
    if (Date.now() > deadline) throw new Error('no super-transaction was begun');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return site.client.workflow.getHandle(id(database));
}

async function untilHeldAs(database: string, code: string) {
  const deadline = Date.now() + 100_000;
  for (;;) {
    const progress = await site.until(id(database), ['held']);
    if (progress.held.some((unit) => unit.code === code)) return progress;
    if (Date.now() > deadline) throw new Error(`nothing is held as ${code}: ${JSON.stringify(progress.held)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Runs `work` while the file has other contents. */
async function withFile(file: string, change: (text: string) => string, work: () => Promise<void>): Promise<void> {
  const text = readFileSync(file, 'utf8');
  const { atime, mtime } = statSync(file);
  writeFileSync(file, change(text));
  try {
    await work();
  } finally {
    writeFileSync(file, text);
    utimesSync(file, atime, mtime);
  }
}

async function openTransactions(database: string): Promise<number[]> {
  const sql = postgres(site.stack.postgres.url(), { max: 1 });
  try {
    const rows = await sql<{ id: number }[]>`
      SELECT id FROM qserv.transaction WHERE database = ${database} AND state NOT IN ('FINISHED', 'ABORTED')`;
    return rows.map((row) => row.id);
  } finally {
    await sql.end();
  }
}

function counts(database: string) {
  const workers = [...site.stack.workers.values()].map(({ mysql }) => mysql);
  return countCatalog(workers, database, [
    { name: 'Object', isPartitioned: true },
    { name: 'Filter', isPartitioned: false },
  ]);
}
