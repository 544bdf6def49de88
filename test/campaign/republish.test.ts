import type { CampaignInput } from '../../api/campaign/input';
import { catalogFacts, leftovers } from '../support/catalog-facts';
import type { LivingCatalog } from '../support/living-catalog';
import { ADMIN, LivingSite, rowsOf } from '../support/living-site';

/** A published catalog is changed by its campaign while people read it. */

jest.setTimeout(180_000);

let site: LivingSite;
let catalog: LivingCatalog;

beforeAll(async () => {
  site = await LivingSite.start();
  ({ catalog } = site);
}, 300_000);

afterAll(() => site?.stop());

test('one table is added and one replaced, signalled, while readers see no error and no mixture', async () => {
  const database = 'living';
  const handle = await site.published(database, { requestId: 'first' });
  const before = await site.facts(database, 'Source');
  expect(rowsOf(before)).toBe(catalog.rows.source1);
  // The catalog as it shall be, from a clean campaign.
  const clean = await site.published('clean', { tables: cleanTables() });
  await clean.signal('close');

  const steady = ['Object', 'Filter'].map((table) => site.reader(database, table).start(10));
  const source = site.reader(database, 'Source').start(50);
  await handle.signal('republish', {
    ...ADMIN,
    requestId: 'v2',
    add: [catalog.dependent('Forced', 'forced')],
    replace: [catalog.dependent('Source', 'source2')],
  });
  const end = await site.outcome(database, 'v2');
  await new Promise((resolve) => setTimeout(resolve, 500));
  for (const reader of [...steady, source]) await reader.stop();

  expect(end).toMatchObject({ state: 'done', added: ['Forced'], removed: [], replaced: [{ table: 'Source' }] });
  expect(end.replaced[0]?.gapMs).toBeGreaterThan(0);
  for (const reader of steady) {
    expect(reader.errors).toEqual([]);
    expect(reader.readings.length).toBeGreaterThan(5);
    for (const reading of reader.readings) expect({ ...reading, at: 0 }).toEqual({ ...reader.readings[0], at: 0 });
  }
  const after = await site.facts(database, 'Source');
  expect(rowsOf(after)).toBe(catalog.rows.source2);
  expect(source.errors).toEqual([]);
  const seen = source.readings.map((reading) =>
    reading.hidden ? 'hidden' : same(reading.tables, before) ? 'old' : same(reading.tables, after) ? 'new' : 'mixture',
  );
  console.log(`${database}: ${phases(seen).join(' → ')}; reported gap ${end.replaced[0]?.gapMs} ms`);
  expect(phases(seen).filter((phase) => phase !== 'hidden')).toEqual(['old', 'new']);

  expect(await site.facts(database, 'Forced')).toEqual(await site.facts('clean', 'Forced'));
  expect(after).toEqual(await site.facts('clean', 'Source'));
  expect(await leftovers(site.stack)).toEqual([]);
  const progress = await site.progress(database);
  expect(progress).toMatchObject({ phase: 'published', published: true });
  expect(progress.tables.map(({ table, rows }) => [table, rows]).sort()).toEqual([
    ['Filter', 60],
    ['Forced', catalog.rows.forced],
    ['Object', expect.any(Number)],
    ['Source', catalog.rows.source2],
  ]);
});

test.each([
  ['no key', { adminKey: undefined }, /adminKey/],
  ['a key itself', { adminKey: 'very-secret-key' }, /adminKey/],
])('%s is refused at once', async (_, more, message) => {
  const refused = await site.republish('living', { remove: ['Forced'], ...more }).catch((error) => error);
  expect(String(refused.cause?.message ?? refused)).toMatch(message);
  expect(JSON.stringify(refused)).not.toContain('very-secret-key');
});

test('another key is refused before anything changes', async () => {
  const handle = await site.published('wrong_key');
  const before = await catalogFacts(site.stack, 'wrong_key');
  const end = await site.republish('wrong_key', { requestId: 'k', remove: ['Source'], adminKey: `\${env:PATH}` });
  expect(end).toMatchObject({ state: 'refused', error: { code: 'NOT_ALLOWED' } });
  expect(await catalogFacts(site.stack, 'wrong_key')).toEqual(before);
  await handle.signal('close');
});

test('the same id twice is one republish, and one that comes while another runs waits its turn', async () => {
  const handle = await site.published('turns');
  const first = { requestId: 'one', replace: [catalog.dependent('Source', 'source2')] };
  const second = { requestId: 'two', remove: ['Source'], add: [catalog.regular('Bands')] };
  await handle.signal('republish', { ...ADMIN, ...first });
  const ids = await Promise.all([first, second, first].map((request) => site.republish('turns', request)));
  expect(ids.map(({ requestId }) => requestId)).toEqual(['one', 'two', 'one']);
  const a = await site.outcome('turns', 'one');
  expect(a).toMatchObject({ state: 'done', replaced: [{ table: 'Source', gapMs: expect.any(Number) }] });
  expect(await site.outcome('turns', 'two')).toMatchObject({ state: 'done', added: ['Bands'], removed: ['Source'] });
  const { republishes, tables } = await site.progress('turns');
  expect(republishes.map(({ requestId, state }) => [requestId, state])).toEqual([
    ['one', 'done'],
    ['two', 'done'],
  ]);
  expect(tables.map(({ table }) => table).sort()).toEqual(['Bands', 'Filter', 'Object']);
  await expect(site.facts('turns', 'Source')).rejects.toThrow('hidden');
  // Once more, after it is over: still the same one.
  expect(await site.republish('turns', first)).toMatchObject({ requestId: 'one', state: 'done', replaced: a.replaced });
  expect((await site.progress('turns')).republishes).toHaveLength(2);
  await handle.signal('close');
});

test('the director index of a new version is built where commits do not build it', async () => {
  const database = 'built_later';
  const { database: definition, tables } = catalog.campaign(database);
  const handle = await site.published(database, {
    database: { ...definition, auto_build_secondary_index: 0 } as CampaignInput['database'],
    finish: { directorIndex: true },
  });
  const before = await catalogFacts(site.stack, database);
  expect(Object.keys(before.meta)).toEqual(['__Object']);
  expect(await site.republish(database, { requestId: 'i', replace: tables.slice(0, 1) })).toMatchObject({
    state: 'done',
  });
  await site.until(database, ['published']);
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
  const handle = await site.start(database, input);
  const held = await site.until(database, ['held']);
  // Names of filters begin with the same character: that index cannot be made, and all else is.
  expect(held.error?.message).toContain('by_name');
  expect(held.published).toBe(true);
  await handle.signal('skip');
  const { finished } = await site.until(database, ['published']);
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
  const counted = await site.master.rows<{ n: string }>(
    'sum',
    `SELECT SUM(num_rows) AS n FROM qservMeta.${database}__Source__rows`,
  );
  expect(Number(counted[0]?.n)).toBe(catalog.rows.source1);
  const partitions = await site.master.rows(
    'partitions of the index',
    "SELECT 1 FROM information_schema.PARTITIONS WHERE TABLE_SCHEMA = 'qservMeta' AND TABLE_NAME = ? AND PARTITION_NAME IS NOT NULL",
    [`${database}__Object`],
  );
  expect(partitions).toEqual([]);
  await handle.signal('close');
});

test('a campaign takes over a catalog that is published already', async () => {
  const database = 'living';
  const handle = site.handle(database);
  await handle.signal('close');
  await handle.result();
  const { database: definition } = catalog.campaign(database);
  const adopted = await site.start(database, { database: definition, tables: [], adopt: true });
  await site.until(database, ['published']);
  expect(await site.republish(database, { requestId: 'r', remove: ['Forced'] })).toMatchObject({ state: 'done' });
  await expect(site.facts(database, 'Forced')).rejects.toThrow('hidden');
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
