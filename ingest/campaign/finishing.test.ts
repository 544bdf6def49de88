import { finish, tableIndexes } from '../../api/campaign/finishing';
import { sharedServers } from '../../test/support/native';
import { registerCatalog } from '../../test/support/registered';
import { freshDatabase } from '../../test/support/servers';
import { CATALOG_TABLES, newCatalog } from '../controller/contract';
import { NativeController } from '../controller/native/controller';
import { type Metadata, openMetadata } from '../storage/metadata';
import { logEvent } from '../storage/metadata/transactions';
import { type FinishingResult, type FinishingWishes, finishingTasks, finishTable } from './finishing';

let metadata: Metadata;
let controller: NativeController;

beforeAll(async () => {
  metadata = openMetadata(await freshDatabase());
  await metadata.migrate();
  controller = new NativeController({ target: 'test', servers: await sharedServers(), metadata });
});
afterAll(async () => {
  await controller.close();
  await metadata.close();
});

async function published(): Promise<string> {
  const database = await registerCatalog(controller);
  await controller.allocateChunks({ database }, [7480]);
  await controller.publish(database);
  return database;
}

const byId = { index: 'by_id', columns: [{ column: 'objectId' }], overlap: 'both' as const };
const wishes = (change: Partial<FinishingWishes> = {}): FinishingWishes => ({
  finish: finish.parse({ directorIndex: true, rowCounters: 'deploy' }),
  tables: {
    Object: { indexes: tableIndexes.parse([byId]), scanRating: 2 },
    Filter: { indexes: tableIndexes.parse([{ index: 'f', columns: [{ column: 'filterName' }], overlap: 'both' }]) },
  },
  autoBuildDirectorIndex: true,
  ...change,
});

async function finishAll(database: string, all: FinishingWishes): Promise<FinishingResult[]> {
  const results: FinishingResult[] = [];
  for (const task of await finishingTasks(controller, database, all)) {
    results.push(await finishTable(controller, database, task));
  }
  return results;
}

test('the work that wishes come to', async () => {
  const database = await published();
  const short = async (w: FinishingWishes) =>
    (await finishingTasks(controller, database, w)).map((task) => {
      const detail = task.what === 'tableIndex' ? ` ${task.index.index}${task.overlap ? '+' : ''}` : '';
      return `${task.what} ${task.table}${detail}`;
    });
  expect(await short(wishes())).toEqual([
    'scanRating Object',
    'tableIndex Object by_id',
    'tableIndex Object by_id+',
    'tableIndex Filter f',
    'rowCounters Object',
    'rowCounters Filter',
  ]);
  expect(await short(wishes({ autoBuildDirectorIndex: false }))).toContain('directorIndex Object');
  expect(await short(wishes({ finish: finish.parse({}), tables: { Source: { indexes: [] } } }))).toEqual([]);
  await expect(
    finishingTasks(controller, database, wishes({ tables: { Nope: { indexes: [] } } })),
  ).rejects.toMatchObject({ code: 'UNKNOWN_TABLE' });
});

test('is done once, and found done when repeated', async () => {
  const database = await published();
  const first = await finishAll(database, wishes());
  expect(first.map((r) => [r.task.what, r.task.table, r.already])).toEqual([
    ['scanRating', 'Object', false],
    ['tableIndex', 'Object', false],
    ['tableIndex', 'Object', false],
    ['tableIndex', 'Filter', false],
    ['rowCounters', 'Object', false],
    ['rowCounters', 'Filter', false],
  ]);
  expect(first[1]).toMatchObject({ counts: { finalTables: 3 } });
  expect(await controller.tableIndexes(database, 'Object', { overlap: true })).toMatchObject([{ status: 'COMPLETE' }]);
  expect(await controller.rowCounters(database, 'Object')).toHaveLength(2);

  const collect = finish.parse({ rowCounters: 'collect' });
  const again = await finishAll(database, wishes({ finish: collect }));
  expect(again.map((r) => r.already)).toEqual(again.map(() => true));
  expect(again.map(({ counts }) => counts)).toMatchObject([
    { rating: 2 },
    { finalTables: 3 },
    { finalTables: 3 },
    { finalTables: 2 },
    { rows: 0, overlapRows: 0 },
    { rows: 0, overlapRows: 0 },
  ]);
});

test('director indexes are built where commits do not build them', async () => {
  const definition = { ...newCatalog(), autoBuildDirectorIndex: false };
  await controller.registerDatabase(definition);
  await controller.registerTable(definition.name, CATALOG_TABLES.object);
  await controller.allocateChunks({ database: definition.name }, [7480]);
  await controller.publish(definition.name);
  const own = wishes({
    finish: finish.parse({ directorIndex: true }),
    tables: { Object: { indexes: [] } },
    autoBuildDirectorIndex: false,
  });
  expect(await finishAll(definition.name, own)).toMatchObject([
    { task: { what: 'directorIndex', table: 'Object' }, already: false, counts: { chunks: 1, rows: 0 } },
  ]);
  expect(await finishAll(definition.name, own)).toMatchObject([{ already: true }]);
});

test('a director index that lacks rows of a committed super-transaction is built anew', async () => {
  const own = wishes({ finish: finish.parse({}), tables: { Object: { indexes: [] } } });
  // Of each super-transaction, what Qserv says of the index, in this order.
  const committed = async (...successes: number[]) => {
    const database = await registerCatalog(controller);
    await controller.allocateChunks({ database }, [7480]);
    const { id } = await controller.beginTransaction(database, {});
    await controller.endTransaction(id, 'commit');
    for (const success of successes) {
      const data = { job: 'a', table: 'Object', success, error: {} };
      await metadata.run((sql) => logEvent(sql, id, 'end bld dir idx', data));
    }
    await controller.publish(database);
    return database;
  };
  expect(await finishAll(await committed(0, 1), own)).toEqual([]);
  expect(await finishAll(await committed(0), own)).toMatchObject([
    { task: { what: 'directorIndex', table: 'Object', rebuild: true }, already: false },
  ]);
});

test('an index that is there and is another one is not taken for it', async () => {
  const database = await published();
  await controller.createTableIndex(database, 'Object', { index: 'by_id', columns: [{ column: 'ra' }] });
  await expect(finishAll(database, wishes())).rejects.toMatchObject({
    code: 'ALREADY_EXISTS',
    message: expect.stringContaining('columns'),
  });
});
