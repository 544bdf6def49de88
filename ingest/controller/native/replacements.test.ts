import { setTimeout as sleep } from 'node:timers/promises';
import { sharedServers } from '../../../test/support/native';
import { contents, dataServer, facts } from '../../../test/support/registered';
import {
  ALL,
  type CatalogTable,
  cssOf,
  everything,
  expectReplaced,
  indexRows,
  leftovers,
  loadNext,
  nextDefinition,
  publishedCatalog,
  type Stack,
} from '../../../test/support/replacing';
import { freshDatabase } from '../../../test/support/servers';
import { IngestError } from '../../core/errors';
import { META_SCHEMA, replacementName, rowCountersTable } from '../../core/names';
import type { StepHook } from '../../core/steps';
import { quoteTable } from '../../storage/data/connection';
import { tableNames } from '../../storage/data/drop-tables';
import { type Metadata, openMetadata } from '../../storage/metadata';
import { NativeController } from './controller';

jest.setTimeout(60_000);

const CHUNKS = [7480, 7310, 7140];
const OLD = { chunks: CHUNKS, rows: 500 };
const NEW = { chunks: CHUNKS, rows: 800 };

let metadata: Metadata;
let hook: StepHook = () => {};
let stack: Stack;
let controller: NativeController;

beforeAll(async () => {
  metadata = openMetadata(await freshDatabase());
  await metadata.migrate();
  const servers = await sharedServers();
  controller = new NativeController({ target: 'test', servers, metadata, steps: (step, detail) => hook(step, detail) });
  const workers = new Map(servers.workers.map(({ name, mysql }) => [name, dataServer(name, mysql)]));
  stack = { controller, master: dataServer('master', servers.master), workers };
});

afterEach(() => {
  hook = () => {};
});

afterAll(async () => {
  await Promise.all([controller, stack.master, ...stack.workers.values()].map((one) => one.close()));
  await metadata.close();
});

/** The next announcement of the step that fits fails, as if the server that it is about were away. */
const failingAt = (step: string, fits: (detail: Record<string, unknown>) => boolean = () => true): StepHook => {
  let failed = false;
  return (name, detail) => {
    if (failed || name !== step || !fits(detail)) return;
    failed = true;
    throw new IngestError('UNAVAILABLE', `no answer at ${step}`);
  };
};

describe.each<[string, CatalogTable[]]>([
  ['a director with dependents', ['Object']],
  ['a dependent', ['Source']],
  ['a regular table', ['Filter']],
  ['all tables', [...ALL]],
])('%s', (_, tables) => {
  test('is replaced, and nothing else changes', async () => {
    const database = await publishedCatalog(stack, OLD);
    const before = await everything(stack, database);
    await loadNext(stack, database, tables, NEW);
    const loaded = await everything(stack, database);
    for (const [worker, found] of Object.entries(loaded)) expect(found).toMatchObject(before[worker] ?? {});

    const { database: published } = await controller.publish(database);

    expect(published.isPublished).toBe(true);
    await expectReplaced(stack, database, loaded, tables, NEW);
    if (!tables.includes('Object')) expect(await indexRows(stack.master, database, 'Object')).toBe(OLD.rows);
  });
});

test('final tables that only one version has', async () => {
  const database = await publishedCatalog(stack, OLD);
  const [first] = stack.workers.values();
  if (first === undefined) throw new Error('no worker');
  // A chunk that nobody allocated any more, and one that came since.
  await first.run('stray', `CREATE TABLE ${quoteTable(database, 'Object_170')} LIKE ${quoteTable(database, 'Object')}`);
  const version = { chunks: [...CHUNKS, 4424], rows: 300 };
  await loadNext(stack, database, ['Object'], version);
  const loaded = await everything(stack, database);
  await controller.publish(database);
  const after = await everything(stack, database);
  expect(Object.keys(after[first.name] ?? {})).not.toContain('Object_170');
  const found = Object.assign({}, ...Object.values(after));
  expect(found.Object_4424).toMatchObject({ rows: 304, partitions: [] });
  const [holder] = Object.entries(loaded).find(([, tables]) => `${replacementName('Object')}_4424` in tables) ?? [''];
  expect(facts({ x: after[holder]?.Object_4424 as never })).toEqual(
    facts({ x: loaded[holder]?.[`${replacementName('Object')}_4424`] as never }),
  );
  expect(await leftovers(stack, database)).toEqual([]);
});

test('a next version that failed leaves everything as it was', async () => {
  const database = await publishedCatalog(stack, OLD);
  const before = await everything(stack, database);
  const known = await cssOf(stack.master, database, 'Object');
  const records = await controller.database(database);
  await loadNext(stack, database, ['Object', 'Filter'], NEW);
  // As far as it goes before the old version is out of sight.
  hook = failingAt('replace.hidden');
  await expect(controller.publish(database)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  for (const table of ['Object', 'Filter']) await controller.deleteTable(database, replacementName(table));
  expect(await everything(stack, database)).toEqual(before);
  expect(await cssOf(stack.master, database, 'Object')).toEqual(known);
  expect(await controller.database(database)).toEqual(records);
  expect(await leftovers(stack, database)).toEqual([]);
  const { replaced, database: published } = await controller.publish(database);
  expect(replaced).toEqual([]);
  expect(published.tables).toEqual(records.tables);
  expect(await everything(stack, database)).toEqual(before);
});

test('row counters: the old ones go, new ones come', async () => {
  const counters = async (database: string) =>
    (await tableNames(stack.master, META_SCHEMA)).filter(
      (name) => name.startsWith(`${database}__`) && /rows$/.test(name),
    );
  const database = await publishedCatalog(stack, OLD);
  const deploy = (table: string, rows: number) => {
    const name = quoteTable(META_SCHEMA, rowCountersTable(database, table));
    return stack.master.run('deploy', `CREATE TABLE ${name} SELECT 7480 AS chunk, ${rows} AS num_rows`);
  };
  await deploy('Object', 1);
  await deploy('Source', 2);
  await loadNext(stack, database, ['Object', 'Source'], NEW);
  await deploy(replacementName('Source'), 3);
  await controller.publish(database);
  const source = rowCountersTable(database, 'Source');
  expect(await counters(database)).toEqual([source]);
  const [row] = await stack.master.rows('read', `SELECT num_rows FROM ${quoteTable(META_SCHEMA, source)}`);
  expect(row).toMatchObject({ num_rows: 3 });
});

test('an equal version is another one to readers, who see ids in the CSS metadata', async () => {
  const database = await publishedCatalog(stack, OLD);
  const before = await cssOf(stack.master, database, 'Filter');
  const same = { ...nextDefinition('Filter'), schema: nextDefinition('Filter').schema.slice(0, -1) };
  await controller.registerTable(database, same, { replaces: 'Filter' });
  await controller.publish(database);
  const after = await cssOf(stack.master, database, 'Filter');
  expect([...after].map(([key, { value }]) => [key, value])).toEqual(
    [...before].map(([key, { value }]) => [key, value]),
  );
  expect(after.get('')?.id).not.toBe(before.get('')?.id);
  expect(after.get('/schema')?.id).not.toBe(before.get('/schema')?.id);
});

test('the shared-scan rating stays', async () => {
  const database = await publishedCatalog(stack, OLD);
  await controller.setScanRating(database, 'Object', 3);
  await loadNext(stack, database, ['Object', 'Filter'], NEW);
  await controller.publish(database);
  const ratings = (await controller.scanRatings()).filter((rating) => rating.database === database);
  expect(ratings.find((r) => r.table === 'Object')).toMatchObject({ rating: 3 });
  expect(ratings.find((r) => r.table === 'Source')).toMatchObject({ rating: 1 });
});

test('a query that runs on keeps its tables until it has read them', async () => {
  const database = await publishedCatalog(stack, OLD);
  await loadNext(stack, database, ['Object'], NEW);
  const loaded = await everything(stack, database);
  const places = await controller.chunks(database);
  const on = stack.workers.get(places.find(({ chunk }) => chunk === 7480)?.worker ?? '');
  let ended = 0;
  let renamed = 0;
  let query: Promise<void> | undefined;
  hook = async (step) => {
    if (step === 'replace.master') renamed = performance.now();
    if (step !== 'replace.rename' || query !== undefined) return;
    query = on?.connection('query', async (connection) => {
      await connection.run('lock', `LOCK TABLES ${quoteTable(database, 'Object_7480')} READ`);
      const wait = connection.rows('read', `SELECT SLEEP(0.5), COUNT(*) FROM ${quoteTable(database, 'Object_7480')}`);
      await wait;
      ended = performance.now();
      await connection.run('unlock', 'UNLOCK TABLES');
    });
    // It may have come to its end unseen.
    while (ended === 0 && !(await isReading())) await sleep(5);
  };
  const isReading = async () => {
    const rows = await on?.rows(
      'look',
      "SELECT 1 FROM information_schema.PROCESSLIST WHERE INFO LIKE 'SELECT SLEEP(0.5)%' AND INFO LIKE ?",
      [`%${database}%`],
    );
    return rows?.length === 1;
  };
  await controller.publish(database);
  await query;
  expect(ended).toBeGreaterThan(0);
  expect(renamed).toBeGreaterThan(ended);
  await expectReplaced(stack, database, loaded, ['Object'], NEW);
});

describe('one that was interrupted', () => {
  const isFirstWorker = ({ worker }: Record<string, unknown>) => worker === 'w1';

  /** Some tables have their new versions, some their old ones, and readers see neither. */
  const halfway = async () => {
    const database = await publishedCatalog(stack, OLD);
    await loadNext(stack, database, ['Object', 'Filter'], NEW);
    const loaded = await everything(stack, database);
    hook = failingAt('replace.rename', isFirstWorker);
    await expect(controller.publish(database)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    for (const table of ['Object', 'Filter']) {
      expect((await cssOf(stack.master, database, table)).get('')?.value).toBe('DO_NOT_USE');
    }
    expect((await cssOf(stack.master, database, 'Source')).get('')?.value).toBe('READY');
    const next = (await controller.database(database)).tables.find((t) => t.replaces === 'Object');
    expect(next?.replaced).toEqual({ hidden: expect.any(Number), shown: 0 });
    return { database, loaded };
  };

  test('is ended by publish, before anything is refused', async () => {
    const { database, loaded } = await halfway();
    const { id } = await openTransaction(database);
    await expect(controller.publish(database)).rejects.toMatchObject({ code: 'OPEN_TRANSACTIONS' });
    await expectReplaced(stack, database, loaded, ['Object', 'Filter'], NEW);
    await controller.endTransaction(id, 'abort');
    const { replaced } = await controller.publish(database);
    expect(replaced.map((r) => r.table)).toEqual(['Filter', 'Object']);
    await expectReplaced(stack, database, loaded, ['Object', 'Filter'], NEW);
  });

  test('lets nothing new be loaded, and chunks may be allocated', async () => {
    const { database, loaded } = await halfway();
    await expect(controller.beginTransaction(database, {})).rejects.toMatchObject({
      code: 'ILLEGAL_STATE',
      details: { tables: ['Filter', 'Object'] },
    });
    const [place] = await controller.allocateChunks({ database }, [170]);
    await controller.publish(database);
    const { Object_170: made } = await contents(stack.workers.get(place?.worker ?? '') as never, database);
    expect(made).toMatchObject({ rows: 0, partitions: [] });
    for (const on of stack.workers.values()) {
      for (const table of ['Object_170', 'ObjectFullOverlap_170', 'Source_170', 'SourceFullOverlap_170']) {
        await on.run('as if it had never been', `DROP TABLE IF EXISTS ${quoteTable(database, table)}`);
      }
    }
    await expectReplaced(stack, database, loaded, ['Object', 'Filter'], NEW);
  });

  test('is ended by registerTable, which then makes another next version', async () => {
    const { database, loaded } = await halfway();
    await loadNext(stack, database, ['Filter'], { chunks: CHUNKS, rows: 30 });
    expect((await controller.database(database)).tables.map((t) => t.definition.name)).toContain('Object');
    const { replaced } = await controller.publish(database);
    expect(replaced.map((r) => r.table)).toEqual(['Filter', 'Object']);
    expect(Object.values(loaded)).toHaveLength(2);
    for (const found of Object.values(await everything(stack, database))) expect(found.Filter?.rows).toBe(30);
  });

  test('is ended by deleteTable: there is no next version to delete any more', async () => {
    const { database, loaded } = await halfway();
    await controller.deleteTable(database, replacementName('Object'));
    await expectReplaced(stack, database, loaded, ['Object', 'Filter'], NEW);
    await controller.deleteTable(database, 'Filter');
    expect((await controller.publish(database)).database.tables.map((t) => t.definition.name)).toEqual([
      'Object',
      'Source',
    ]);
  });

  test('goes with its database', async () => {
    const { database } = await halfway();
    await controller.deleteDatabase(database);
    expect(await leftovers(stack, database)).toEqual([]);
  });

  test('is not shown, hidden and shown again when it had only not been noted as shown', async () => {
    const database = await publishedCatalog(stack, OLD);
    await loadNext(stack, database, ['Object'], NEW);
    hook = failingAt('replace.shown');
    await expect(controller.publish(database)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    const shown = await cssOf(stack.master, database, 'Object');
    expect(shown.get('')?.value).toBe('READY');
    const seen: string[] = [];
    hook = (step) => void seen.push(step);
    await controller.publish(database);
    expect(seen.filter((step) => ['replace.hide', 'replace.css', 'replace.show'].includes(step))).toEqual([]);
    expect(await cssOf(stack.master, database, 'Object')).toEqual(shown);
  });
});

/** A super-transaction of somebody who did not ask the controller. */
async function openTransaction(database: string): Promise<{ id: number }> {
  const [row] = await metadata.run(
    (sql) => sql<{ id: number }[]>`
      INSERT INTO qserv.transaction (database, state, begin_time) VALUES (${database}, 'STARTED', 1) RETURNING id`,
  );
  return row as { id: number };
}
