import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import type { CampaignInput } from '../../api/campaign/input';
import type { RepublishProgress } from '../../api/campaign/progress';
import type { RepublishInput } from '../../api/campaign/republish';
import { DataServer } from '../../ingest/storage/data/connection';
import { CampaignStack } from '../support/campaign-stack';
import { catalogFacts, leftovers } from '../support/catalog-facts';
import { CatalogReader } from '../support/catalog-reader';
import type { TableFacts } from '../support/checksum';
import { openForeign } from '../support/foreign';
import { type LivingCatalog, writeLivingCatalog } from '../support/living-catalog';
import { privateDir } from '../support/servers';

/** A published catalog is changed by its campaign while people read it. */

const FAST = { heartbeatSeconds: 6, retryMaximumSeconds: 1, progressSeconds: 0.2 };
const ADMIN = { adminKey: `\${env:QSERV_ADMIN_AUTH_KEY}`, base: 'root://generated/' };

jest.setTimeout(180_000);

let site: CampaignStack;
let catalog: LivingCatalog;
let dir: string;
let master: DataServer;
let workers: Map<string, DataServer>;

beforeAll(async () => {
  dir = privateDir('catalog');
  catalog = writeLivingCatalog(dir);
  site = await CampaignStack.start({ generated: dir });
  master = new DataServer('master', site.stack.master.mysql, { connections: 4 });
  workers = new Map(
    [...site.stack.workers].map(([name, { mysql }]) => [name, new DataServer(name, mysql, { connections: 4 })]),
  );
}, 300_000);

afterAll(async () => {
  await master?.close();
  for (const server of workers?.values() ?? []) await server.close();
  await site?.stop();
});

const id = (database: string) => `ingest:local:${database}`;

async function published(database: string, more: Partial<CampaignInput> = {}): Promise<WorkflowHandle> {
  await site.startCampaign(database, catalog.campaign(database, { waits: FAST, ...more }));
  await site.until(id(database), ['published']);
  return site.client.workflow.getHandle(id(database));
}

/** By update, which is answered early when the campaign begins a new run; then its own word counts. */
async function republish(
  handle: WorkflowHandle,
  request: Omit<RepublishInput, 'adminKey'> & { adminKey?: string },
): Promise<RepublishProgress> {
  const args: [unknown] = [{ ...ADMIN, ...request }];
  const answer = await handle.executeUpdate<RepublishProgress, [unknown]>('republish', { args });
  return over(answer) ? answer : outcome(handle.workflowId.split(':')[2] ?? '', answer.requestId);
}

const over = (entry?: RepublishProgress) => entry !== undefined && !['waiting', 'running'].includes(entry.state);

/** Waits until the campaign says that the request is over. */
async function outcome(database: string, requestId: string): Promise<RepublishProgress> {
  for (let i = 0; i < 600; i++) {
    const { republishes } = await site.progress(id(database));
    const entry = republishes.find((one) => one.requestId === requestId);
    if (entry && over(entry)) return entry;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`republish ${requestId} of ${database} does not end`);
}

/** Facts of one base table on all workers. */
async function facts(database: string, table: string) {
  const reading = await new CatalogReader(master, workers, database, table).read();
  if (reading === undefined || reading.hidden) throw new Error(`${database}.${table} is hidden`);
  return reading.tables;
}

const rowsOf = (tables: Record<string, TableFacts>) => Object.values(tables).reduce((sum, { rows }) => sum + rows, 0);

test('one table is added and one replaced, signalled, while readers see no error and no mixture', async () => {
  const database = 'living';
  const handle = await published(database, { requestId: 'first' });
  const before = await facts(database, 'Source');
  expect(rowsOf(before)).toBe(catalog.rows.source1);
  // The catalog as it shall be, from a clean campaign.
  const clean = await published('clean', { tables: cleanTables() });
  await clean.signal('close');

  const steady = ['Object', 'Filter'].map((table) => new CatalogReader(master, workers, database, table).start(10));
  const source = new CatalogReader(master, workers, database, 'Source').start(50);
  await handle.signal('republish', {
    ...ADMIN,
    requestId: 'v2',
    add: [catalog.dependent('Forced', 'forced')],
    replace: [catalog.dependent('Source', 'source2')],
  });
  const end = await outcome(database, 'v2');
  await new Promise((resolve) => setTimeout(resolve, 500));
  for (const reader of [...steady, source]) await reader.stop();

  expect(end).toMatchObject({ state: 'done', added: ['Forced'], removed: [], replaced: [{ table: 'Source' }] });
  expect(end.replaced[0]?.gapMs).toBeGreaterThan(0);
  for (const reader of steady) {
    expect(reader.errors).toEqual([]);
    expect(reader.readings.length).toBeGreaterThan(5);
    for (const reading of reader.readings) expect({ ...reading, at: 0 }).toEqual({ ...reader.readings[0], at: 0 });
  }
  const after = await facts(database, 'Source');
  expect(rowsOf(after)).toBe(catalog.rows.source2);
  expect(source.errors).toEqual([]);
  const seen = source.readings.map((reading) =>
    reading.hidden ? 'hidden' : same(reading.tables, before) ? 'old' : same(reading.tables, after) ? 'new' : 'mixture',
  );
  console.log(`${database}: ${phases(seen).join(' → ')}; reported gap ${end.replaced[0]?.gapMs} ms`);
  expect(phases(seen).filter((phase) => phase !== 'hidden')).toEqual(['old', 'new']);

  expect(await facts(database, 'Forced')).toEqual(await facts('clean', 'Forced'));
  expect(after).toEqual(await facts('clean', 'Source'));
  expect(await leftovers(site.stack)).toEqual([]);
  const progress = await site.progress(id(database));
  expect(progress).toMatchObject({ phase: 'published', published: true });
  expect(progress.tables.map(({ table, rows }) => [table, rows]).sort()).toEqual([
    ['Filter', 60],
    ['Forced', catalog.rows.forced],
    ['Object', expect.any(Number)],
    ['Source', catalog.rows.source2],
  ]);
});

test('one bad input among the tables changes nothing at all', async () => {
  const handle = await published('refused');
  const before = await catalogFacts(site.stack, 'refused');
  const bad = catalog.dependent('Forced', 'forced');
  const end = await republish(handle, {
    requestId: 'bad',
    replace: [catalog.dependent('Source', 'source2')],
    add: [{ ...bad, contributions: [{ files: [{ url: 'nowhere.csv', chunk: 7140 }] }] }],
  });
  expect(end).toMatchObject({ state: 'refused', error: { code: 'INVALID_INPUT' } });
  expect(end.error?.message).toContain('add[0].contributions[0].files[0]');
  expect(await catalogFacts(site.stack, 'refused')).toEqual(before);
  expect(await leftovers(site.stack)).toEqual([]);
  await handle.signal('close');
});

test.each([
  ['no key', { adminKey: undefined }, /adminKey/],
  ['a key itself', { adminKey: 'very-secret-key' }, /adminKey/],
])('%s is refused at once', async (_, more, message) => {
  const handle = site.client.workflow.getHandle(id('living'));
  const refused = await republish(handle, { remove: ['Forced'], ...more }).catch((error) => error);
  expect(String(refused.cause?.message ?? refused)).toMatch(message);
  expect(JSON.stringify(refused)).not.toContain('very-secret-key');
});

test('another key is refused before anything changes', async () => {
  const handle = await published('wrong_key');
  const before = await catalogFacts(site.stack, 'wrong_key');
  const end = await republish(handle, { requestId: 'k', remove: ['Source'], adminKey: `\${env:PATH}` });
  expect(end).toMatchObject({ state: 'refused', error: { code: 'NOT_ALLOWED' } });
  expect(await catalogFacts(site.stack, 'wrong_key')).toEqual(before);
  await handle.signal('close');
});

test('the same id twice is one republish, and one that comes while another runs waits its turn', async () => {
  const handle = await published('turns');
  const first = { requestId: 'one', replace: [catalog.dependent('Source', 'source2')] };
  const second = { requestId: 'two', remove: ['Source'], add: [catalog.regular('Bands')] };
  await handle.signal('republish', { ...ADMIN, ...first });
  const ids = await Promise.all([first, second, first].map((request) => republish(handle, request)));
  expect(ids.map(({ requestId }) => requestId)).toEqual(['one', 'two', 'one']);
  const a = await outcome('turns', 'one');
  expect(a).toMatchObject({ state: 'done', replaced: [{ table: 'Source', gapMs: expect.any(Number) }] });
  expect(await outcome('turns', 'two')).toMatchObject({ state: 'done', added: ['Bands'], removed: ['Source'] });
  const { republishes, tables } = await site.progress(id('turns'));
  expect(republishes.map(({ requestId, state }) => [requestId, state])).toEqual([
    ['one', 'done'],
    ['two', 'done'],
  ]);
  expect(tables.map(({ table }) => table).sort()).toEqual(['Bands', 'Filter', 'Object']);
  await expect(facts('turns', 'Source')).rejects.toThrow('hidden');
  // Once more, after it is over: still the same one.
  expect(await republish(handle, first)).toMatchObject({ requestId: 'one', state: 'done', replaced: a.replaced });
  expect((await site.progress(id('turns'))).republishes).toHaveLength(2);
  await handle.signal('close');
});

test('a failed republish is undone: the catalog is published as it was, the gap is 0, and the next one works', async () => {
  const handle = await published('failing', { onFailure: 'abort' });
  const before = await catalogFacts(site.stack, 'failing');
  const file = join(dir, 'source2', `chunk_${catalog.chunks[2]}.csv`);
  const text = readFileSync(file, 'utf8');
  const request = { replace: [catalog.dependent('Source', 'source2')], add: [catalog.dependent('Forced', 'forced')] };
  writeFileSync(file, text.replace(/^\d+,/, 'x,'));
  try {
    const end = await republish(handle, { requestId: 'fails', ...request });
    expect(end).toMatchObject({ state: 'failed', replaced: [{ table: 'Source', gapMs: 0 }] });
    expect(end.error?.code).toBe('BAD_ROWS');
  } finally {
    writeFileSync(file, text);
  }
  expect(await catalogFacts(site.stack, 'failing')).toEqual(before);
  expect(await leftovers(site.stack)).toEqual([]);
  expect(await site.progress(id('failing'))).toMatchObject({ phase: 'published', published: true });
  expect(await republish(handle, { requestId: 'works', ...request })).toMatchObject({ state: 'done' });
  expect(rowsOf(await facts('failing', 'Source'))).toBe(catalog.rows.source2);
  await handle.signal('close');
});

test('held units hold the republish; an abort undoes it and leaves the campaign open', async () => {
  const handle = await published('held_rep');
  const before = await catalogFacts(site.stack, 'held_rep');
  const file = join(dir, 'source2', `chunk_${catalog.chunks[1]}.csv`);
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, text.replace(/^\d+,/, 'x,'));
  try {
    await handle.signal('republish', { ...ADMIN, requestId: 'h', replace: [catalog.dependent('Source', 'source2')] });
    const held = await site.until(id('held_rep'), ['held']);
    expect(held.held[0]).toMatchObject({ table: 'Source', code: 'BAD_ROWS' });
    // The catalog can be read meanwhile.
    expect(rowsOf(await facts('held_rep', 'Source'))).toBe(catalog.rows.source1);
    await handle.signal('abort', 'wrong file');
    const end = await outcome('held_rep', 'h');
    expect(end).toMatchObject({ state: 'aborted', error: { message: expect.stringContaining('wrong file') } });
  } finally {
    writeFileSync(file, text);
  }
  expect(await catalogFacts(site.stack, 'held_rep')).toEqual(before);
  // Somebody thinks better of it before the campaign has begun.
  await site.stack.part('campaigns').stop();
  await handle.signal('republish', { ...ADMIN, requestId: 'regretted', remove: ['Source'] });
  await handle.signal('abort', 'sorry');
  await site.stack.up();
  expect(await outcome('held_rep', 'regretted')).toMatchObject({ state: 'aborted' });
  expect(await catalogFacts(site.stack, 'held_rep')).toEqual(before);
  expect((await handle.describe()).status.name).toBe('RUNNING');
  await handle.signal('close');
  await handle.result();
});

test('a foreign super-transaction stops it before anything is removed; undone, a cancellation in the meantime ends the campaign', async () => {
  const database = 'foreign_rep';
  const handle = await published(database);
  const before = await catalogFacts(site.stack, database);
  const file = join(dir, 'source2', `chunk_${catalog.chunks[1]}.csv`);
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, text.replace(/^\d+,/, 'x,'));
  try {
    const replace = [catalog.dependent('Source', 'source2')];
    await handle.signal('republish', { ...ADMIN, requestId: 'f', replace, remove: ['Filter'] });
    await handle.signal('republish', { ...ADMIN, requestId: 'waits', remove: ['Source'] });
    await site.until(id(database), ['held']);
  } finally {
    writeFileSync(file, text);
  }
  const foreign = await openForeign(site.stack, database);
  const refused = async () => {
    while ((await site.progress(id(database))).error?.code !== 'OPEN_TRANSACTIONS') await sleep(50);
  };
  await handle.signal('skip');
  await refused();
  expect(rowsOf(await facts(database, 'Filter'))).toBe(60);
  await handle.signal('abort', 'somebody loads');
  // Undoing has to publish, and cannot either.
  while (!(await site.progress(id(database))).error?.message.includes('undoing')) await sleep(50);
  await handle.cancel();
  await foreign.end();
  await handle.signal('retry');
  const { phase, republishes } = await handle.result();
  expect(phase).toBe('closed');
  expect(republishes).toMatchObject([
    { requestId: 'f', state: 'aborted' },
    { requestId: 'waits', state: 'aborted', error: { code: 'CANCELLED' } },
  ]);
  expect(await catalogFacts(site.stack, database)).toEqual(before);
});

test('an abort after tables were removed comes too late: the republish is completed, and the campaign says so', async () => {
  const database = 'too_late';
  const handle = await published(database);
  const server = workers.get('w1') as DataServer;
  await server.connection('lock', async (reader) => {
    // The removal waits for this reader.
    await reader.run('lock', `LOCK TABLES ${database}.Filter READ`);
    const replace = [catalog.dependent('Source', 'source2')];
    await handle.signal('republish', { ...ADMIN, requestId: 'l', remove: ['Filter'], replace });
    await site.until(id(database), ['publishing']);
    await sleep(500);
    await handle.signal('abort', 'stop it');
    // Long enough for the activity to hear of it with a heartbeat.
    await sleep(3000);
    await reader.run('unlock', 'UNLOCK TABLES');
  });
  expect(await outcome(database, 'l')).toMatchObject({ state: 'done', removed: ['Filter'] });
  const { finished } = await site.until(id(database), ['published']);
  expect(finished).toContainEqual(expect.stringContaining('aborted (stop it)'));
  expect(rowsOf(await facts(database, 'Source'))).toBe(catalog.rows.source2);
  await handle.signal('close');
});

test('the director index of a new version is built where commits do not build it', async () => {
  const database = 'built_later';
  const { database: definition, tables } = catalog.campaign(database);
  const handle = await published(database, {
    database: { ...definition, auto_build_secondary_index: 0 } as CampaignInput['database'],
    finish: { directorIndex: true },
  });
  const before = await catalogFacts(site.stack, database);
  expect(Object.keys(before.meta)).toEqual(['__Object']);
  expect(await republish(handle, { requestId: 'i', replace: tables.slice(0, 1) })).toMatchObject({ state: 'done' });
  await site.until(id(database), ['published']);
  expect((await catalogFacts(site.stack, database)).meta).toEqual(before.meta);
  await handle.signal('close');
});

test('what is wished for after publishing is done, of all kinds of tables, before the campaign says published', async () => {
  const database = 'finished';
  const [objects, filters, sources] = catalog.campaign(database).tables;
  if (!objects || !filters || !sources) throw new Error('the catalog has lost its tables');
  const column = (name: string) => ({ column: name, length: 0, ascending: true });
  const others = { ...objects, definition: { ...objects.definition, table: 'Other' } };
  const input = catalog.campaign(database, {
    waits: FAST,
    finish: { rowCounters: 'deploy', consolidateDirectorIndex: true },
    tables: [
      { ...objects, scanRating: 7, indexes: [{ index: 'by_id', columns: [column('objectId')], overlap: 'both' }] },
      {
        ...filters,
        indexes: [{ index: 'by_name', columns: [{ ...column('filterName'), length: 1 }], spec: 'UNIQUE' }],
      },
      sources,
      others,
      catalog.match('Match', 'Object', 'Other'),
    ],
  });
  await site.startCampaign(database, input);
  const held = await site.until(id(database), ['held']);
  // Names of filters begin with the same character: that index cannot be made, and all else is.
  expect(held.error?.message).toContain('by_name');
  expect(held.published).toBe(true);
  const handle = site.client.workflow.getHandle(id(database));
  await handle.signal('skip');
  const { finished } = await site.until(id(database), ['published']);
  const told = (finished ?? []).map((line) => line.replace(/: .*/, '')).sort();
  expect(told).toEqual([
    'given up',
    'index by_id on Object',
    'index by_id on overlaps of Object',
    ...['Filter', 'Match', 'Object', 'Other', 'Source'].map((table) => `row counters of ${table}, deployed`),
    'shared-scan rating 7 of Object',
  ]);
  const { css, meta } = await catalogFacts(site.stack, database);
  expect(css['/TABLES/Match/match']).toBe('1');
  expect(JSON.parse(css['/TABLES/Match/match/.packed.json'] ?? '')).toMatchObject({
    dirTable1: 'Object',
    dirTable2: 'Other',
  });
  expect(JSON.parse(css['/TABLES/Object/sharedScan/.packed.json'] ?? '')).toMatchObject({ scanRating: '7' });
  expect(meta.__Object?.rows).toBe(meta.__Other?.rows);
  expect(meta.__Match__rows?.rows).toBe(catalog.chunks.length);
  const counted = await master.rows<{ n: string }>(
    'sum',
    `SELECT SUM(num_rows) AS n FROM qservMeta.${database}__Source__rows`,
  );
  expect(Number(counted[0]?.n)).toBe(catalog.rows.source1);
  const partitions = await master.rows(
    'partitions of the index',
    "SELECT 1 FROM information_schema.PARTITIONS WHERE TABLE_SCHEMA = 'qservMeta' AND TABLE_NAME = ? AND PARTITION_NAME IS NOT NULL",
    [`${database}__Object`],
  );
  expect(partitions).toEqual([]);
  await handle.signal('close');
});

test('a campaign takes over a catalog that is published already', async () => {
  const database = 'living';
  const handle = site.client.workflow.getHandle(id(database));
  await handle.signal('close');
  await handle.result();
  const { database: definition } = catalog.campaign(database);
  await site.startCampaign(database, { database: definition, tables: [], adopt: true, waits: FAST });
  await site.until(id(database), ['published']);
  const adopted = site.client.workflow.getHandle(id(database));
  expect(await republish(adopted, { requestId: 'r', remove: ['Forced'] })).toMatchObject({ state: 'done' });
  await expect(facts(database, 'Forced')).rejects.toThrow('hidden');
  await adopted.signal('close');
});

function cleanTables(): CampaignInput['tables'] {
  const { tables } = catalog.campaign('clean');
  const [objects, filters] = tables;
  if (!objects || !filters) throw new Error('the catalog has lost its tables');
  return [objects, filters, catalog.dependent('Source', 'source2'), catalog.dependent('Forced', 'forced')];
}

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

/** The sequence without repetitions. */
const phases = (seen: string[]) => seen.filter((phase, i) => phase !== seen[i - 1]);
