import { setTimeout as sleep } from 'node:timers/promises';
import type { DataServer } from '../../ingest/storage/data/connection';
import { catalogFacts, leftovers } from '../support/catalog-facts';
import { openForeign } from '../support/foreign';
import type { LivingCatalog } from '../support/living-catalog';
import { ADMIN, LivingSite, rowsOf } from '../support/living-site';

/** Requests to republish that fail, are held or aborted: the catalog is published as it was, unless it is too late for that. */

jest.setTimeout(180_000);

let site: LivingSite;
let catalog: LivingCatalog;

beforeAll(async () => {
  site = await LivingSite.start();
  ({ catalog } = site);
}, 300_000);

afterAll(() => site?.stop());

test('one bad input among the tables changes nothing at all', async () => {
  const handle = await site.published('refused');
  const before = await catalogFacts(site.stack, 'refused');
  const bad = catalog.dependent('Forced', 'forced');
  const end = await site.republish('refused', {
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

test('a failed republish is undone: the catalog is published as it was, the gap is 0, and the next one works', async () => {
  const handle = await site.published('failing', { onFailure: 'abort' });
  const before = await catalogFacts(site.stack, 'failing');
  const request = { replace: [catalog.dependent('Source', 'source2')], add: [catalog.dependent('Forced', 'forced')] };
  const mend = site.spoil('source2', catalog.chunks[2]);
  try {
    const end = await site.republish('failing', { requestId: 'fails', ...request });
    expect(end).toMatchObject({ state: 'failed', replaced: [{ table: 'Source', gapMs: 0 }] });
    expect(end.error?.code).toBe('BAD_ROWS');
  } finally {
    mend();
  }
  expect(await catalogFacts(site.stack, 'failing')).toEqual(before);
  expect(await leftovers(site.stack)).toEqual([]);
  expect(await site.progress('failing')).toMatchObject({ phase: 'published', published: true });
  expect(await site.republish('failing', { requestId: 'works', ...request })).toMatchObject({ state: 'done' });
  expect(rowsOf(await site.facts('failing', 'Source'))).toBe(catalog.rows.source2);
  await handle.signal('close');
});

test('held units hold the republish; an abort undoes it and leaves the campaign open', async () => {
  const handle = await site.published('held_rep');
  const before = await catalogFacts(site.stack, 'held_rep');
  const mend = site.spoil('source2', catalog.chunks[1]);
  try {
    await handle.signal('republish', { ...ADMIN, requestId: 'h', replace: [catalog.dependent('Source', 'source2')] });
    const held = await site.until('held_rep', ['held']);
    expect(held.held[0]).toMatchObject({ table: 'Source', code: 'BAD_ROWS' });
    // The catalog can be read meanwhile.
    expect(rowsOf(await site.facts('held_rep', 'Source'))).toBe(catalog.rows.source1);
    await handle.signal('abort', 'wrong file');
    const end = await site.outcome('held_rep', 'h');
    expect(end).toMatchObject({ state: 'aborted', error: { message: expect.stringContaining('wrong file') } });
  } finally {
    mend();
  }
  expect(await catalogFacts(site.stack, 'held_rep')).toEqual(before);
  // Somebody thinks better of it before the campaign has begun.
  await site.stack.part('campaigns').stop();
  await handle.signal('republish', { ...ADMIN, requestId: 'regretted', remove: ['Source'] });
  await handle.signal('abort', 'sorry');
  await site.stack.up();
  expect(await site.outcome('held_rep', 'regretted')).toMatchObject({ state: 'aborted' });
  expect(await catalogFacts(site.stack, 'held_rep')).toEqual(before);
  expect((await handle.describe()).status.name).toBe('RUNNING');
  await handle.signal('close');
  await handle.result();
});

test('a foreign super-transaction stops it before anything is removed; undone, a cancellation in the meantime ends the campaign', async () => {
  const database = 'foreign_rep';
  const handle = await site.published(database);
  const before = await catalogFacts(site.stack, database);
  const mend = site.spoil('source2', catalog.chunks[1]);
  try {
    const replace = [catalog.dependent('Source', 'source2')];
    await handle.signal('republish', { ...ADMIN, requestId: 'f', replace, remove: ['Filter'] });
    await handle.signal('republish', { ...ADMIN, requestId: 'waits', remove: ['Source'] });
    await site.until(database, ['held']);
  } finally {
    mend();
  }
  const foreign = await openForeign(site.stack, database);
  const refused = async () => {
    while ((await site.progress(database)).error?.code !== 'OPEN_TRANSACTIONS') await sleep(50);
  };
  await handle.signal('skip');
  await refused();
  expect(rowsOf(await site.facts(database, 'Filter'))).toBe(60);
  await handle.signal('abort', 'somebody loads');
  // Undoing has to publish, and cannot either.
  while (!(await site.progress(database)).error?.message.includes('undoing')) await sleep(50);
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
  const handle = await site.published(database);
  const server = site.workers.get('w1') as DataServer;
  await server.connection('lock', async (reader) => {
    // The removal waits for this reader.
    await reader.run('lock', `LOCK TABLES ${database}.Filter READ`);
    const replace = [catalog.dependent('Source', 'source2')];
    await handle.signal('republish', { ...ADMIN, requestId: 'l', remove: ['Filter'], replace });
    await site.until(database, ['publishing']);
    const removing = () =>
      server.rows('look', 'SELECT 1 FROM information_schema.PROCESSLIST WHERE INFO LIKE ?', ['DROP TABLE%Filter%']);
    while ((await removing()).length === 0) await sleep(20);
    await handle.signal('abort', 'stop it');
    // Long enough for the activity to hear of it with a heartbeat.
    await sleep(3000);
    await reader.run('unlock', 'UNLOCK TABLES');
  });
  expect(await site.outcome(database, 'l')).toMatchObject({ state: 'done', removed: ['Filter'] });
  const { finished } = await site.until(database, ['published']);
  expect(finished).toContainEqual(expect.stringContaining('aborted (stop it)'));
  expect(rowsOf(await site.facts(database, 'Source'))).toBe(catalog.rows.source2);
  await handle.signal('close');
});
