import { sharedMariaDb, uniqueName } from '../../../test/support/servers';
import type { FamilyDescriptor } from '../../controller/controller';
import { TRANSACTION_COLUMN, TRANSACTION_COLUMN_TYPE } from '../../core/names';
import type { TableDefinition, TableDescriptor } from '../../core/tables';
import { DataServer } from './connection';
import {
  cssStatuses,
  readSharedScans,
  removeCssDatabase,
  removeCssTable,
  setCssStatus,
  writeCssDatabase,
  writeCssTables,
  writeSharedScan,
} from './css';
import { CssReader, changeCss } from './css-store';
import { KV_TABLE } from './master-schemas';

const family: FamilyDescriptor = {
  name: 'layout_85_12',
  replicationLevel: 1,
  numStripes: 85,
  numSubStripes: 12,
  overlap: 0.01667,
};
const column = (name: string, type = 'BIGINT NOT NULL') => ({ name, type });
const table = (definition: TableDefinition): TableDescriptor => ({
  definition,
  columns: [{ name: TRANSACTION_COLUMN, type: TRANSACTION_COLUMN_TYPE }, ...definition.schema],
  isPublished: false,
  createTime: 0,
  publishTime: 0,
});
const object = table({
  kind: 'director',
  name: 'Object',
  directorKey: 'objectId',
  longitudeKey: 'ra',
  latitudeKey: 'decl',
  schema: [column('objectId'), column('ra', 'DOUBLE')],
});
const source = table({
  kind: 'dependent',
  name: 'Source',
  director: 'elsewhere.Object',
  directorKey: 'objectId',
  schema: [column('sourceId'), column('objectId', 'BIGINT DEFAULT NULL')],
});
const match = table({
  kind: 'refMatch',
  name: 'Match',
  director: 'Object',
  directorKey: 'objectId',
  director2: 'other.Ref',
  directorKey2: 'refId',
  flag: 'flags',
  angSep: 0.01,
  schema: [column('flags', 'INT')],
});
const filter = table({ kind: 'regular', name: 'Filter', schema: [column('name', "CHAR(3) DEFAULT 'x'")] });

let master: DataServer;
let database: string;

beforeAll(async () => {
  master = new DataServer('master', await sharedMariaDb('master'));
});
afterAll(() => master.close());
beforeEach(() => {
  // An underscore: no wildcard may reach its neighbour.
  database = uniqueName('css');
});
afterEach(() => removeCssDatabase(master, database));

/** Keys below a database's, with their values. */
const tree = async (of = database) => {
  const found = await new CssReader(master).tree(`/DBS/${of}`);
  return Object.fromEntries([...found].map(([key, value]) => [key.slice(`/DBS/${of}`.length), value]));
};
const json = (text: string | undefined) => JSON.parse(text ?? 'null');

test('all four kinds of tables, as the contract has them', async () => {
  await writeCssDatabase(master, database, family, []);
  await writeCssTables(master, database, family, [object, source, match, filter]);
  const found = await tree();
  const id = json(found['/.packed.json']).partitioningId;
  expect(id).toMatch(/^[0-9]{10}$/);
  expect(found).toEqual({
    '': 'READY',
    '/.packed.json': `{"partitioningId":"${id}","releaseStatus":"RELEASED","storageClass":"L2"}`,
    '/TABLES': '',
    '/TABLES/Object': 'READY',
    '/TABLES/Object/schema': '(`qserv_trans_id` INT NOT NULL, `objectId` BIGINT NOT NULL, `ra` DOUBLE)',
    '/TABLES/Object/partitioning': '',
    '/TABLES/Object/partitioning/.packed.json': JSON.stringify({
      dirColName: 'objectId',
      dirDb: database,
      dirTable: '',
      latColName: 'decl',
      lonColName: 'ra',
      overlap: '0.016670',
      subChunks: '1',
    }),
    '/TABLES/Object/sharedScan': '',
    '/TABLES/Object/sharedScan/.packed.json': '{"lockInMem":"1","scanRating":"1"}',
    '/TABLES/Source': 'READY',
    '/TABLES/Source/schema':
      '(`qserv_trans_id` INT NOT NULL, `sourceId` BIGINT NOT NULL, `objectId` BIGINT DEFAULT NULL)',
    '/TABLES/Source/partitioning': '',
    '/TABLES/Source/partitioning/.packed.json': JSON.stringify({
      dirColName: 'objectId',
      dirDb: 'elsewhere',
      dirTable: 'Object',
      latColName: '',
      lonColName: '',
      subChunks: '0',
    }),
    '/TABLES/Source/sharedScan': '',
    '/TABLES/Source/sharedScan/.packed.json': '{"lockInMem":"1","scanRating":"1"}',
    '/TABLES/Match': 'READY',
    '/TABLES/Match/schema': '(`qserv_trans_id` INT NOT NULL, `flags` INT)',
    '/TABLES/Match/match': '1',
    '/TABLES/Match/match/.packed.json': JSON.stringify({
      angSep: '0.010000',
      dirColName1: 'objectId',
      dirColName2: 'refId',
      dirTable1: 'Object',
      dirTable2: 'other.Ref',
      flagColName: 'flags',
    }),
    '/TABLES/Match/partitioning': '',
    '/TABLES/Filter': 'READY',
    '/TABLES/Filter/schema': "(`qserv_trans_id` INT NOT NULL, `name` CHAR(3) DEFAULT 'x')",
  });
  const partitioning = await new CssReader(master).tree(`/PARTITIONING/_${id}`);
  expect(Object.fromEntries(partitioning)).toEqual({
    [`/PARTITIONING/_${id}`]: '',
    [`/PARTITIONING/_${id}/.packed.json`]: '{"nStripes":"85","nSubStripes":"12","overlap":"0.016670"}',
  });
});

test('every key but the root has its parent', async () => {
  await writeCssDatabase(master, database, family, []);
  await writeCssTables(master, database, family, [object, match]);
  const orphans = await master.rows(
    'look for orphans',
    `SELECT k.kvKey FROM ${KV_TABLE} k LEFT JOIN ${KV_TABLE} p ON p.kvId = k.parentKvId
     WHERE k.kvKey LIKE ? AND (p.kvKey IS NULL OR p.kvKey <> LEFT(k.kvKey, LENGTH(k.kvKey) - LOCATE('/', REVERSE(k.kvKey))))`,
    // Others write and delete theirs meanwhile.
    [`/DBS/${database}%`],
  );
  expect(orphans).toEqual([]);
});

test('the partitioning is that of a published database of the family; a new one counts on', async () => {
  const others = [uniqueName('css'), uniqueName('css')] as const;
  const idOf = async (name: string) => json((await tree(name))['/.packed.json']).partitioningId;
  await writeCssDatabase(master, others[0], family, []);
  await writeCssDatabase(master, others[1], family, []);
  expect(Number(await idOf(others[1]))).toBeGreaterThan(Number(await idOf(others[0])));
  await writeCssDatabase(master, database, family, ['unknown', others[0], others[1]]);
  expect(await idOf(database)).toBe(await idOf(others[0]));
  const before = await tree();
  await writeCssDatabase(master, database, family, [others[1]]);
  expect(await tree()).toEqual(before);
  for (const name of others) await removeCssDatabase(master, name);
});

test('databases of a family that come at the same time have one partitioning', async () => {
  const names = Array.from({ length: 5 }, () => uniqueName('css'));
  await Promise.all(
    names.map((name) =>
      writeCssDatabase(
        master,
        name,
        family,
        names.filter((other) => other !== name),
      ),
    ),
  );
  const ids = await Promise.all(names.map(async (name) => json((await tree(name))['/.packed.json']).partitioningId));
  expect(new Set(ids).size).toBe(1);
  await Promise.all(names.map((name) => removeCssDatabase(master, name)));
});

test('databases that are written at once get partitionings of their own', async () => {
  const names = Array.from({ length: 8 }, () => uniqueName('css'));
  await Promise.all(names.map((name) => writeCssDatabase(master, name, family, [])));
  const ids = await Promise.all(names.map(async (name) => json((await tree(name))['/.packed.json']).partitioningId));
  expect(new Set(ids).size).toBe(names.length);
  for (const name of names) await removeCssDatabase(master, name);
});

test('half an entry, one with another status and one that says something else are written anew', async () => {
  await writeCssDatabase(master, database, family, []);
  await writeCssTables(master, database, family, [object]);
  const whole = await tree();
  await changeCss(master, async (store) => {
    await store.remove(`/DBS/${database}/TABLES/Object/partitioning`);
    await store.set(`/DBS/${database}/TABLES/Object`, 'DO_NOT_USE');
  });
  await writeCssTables(master, database, family, [object]);
  expect(await tree()).toEqual(whole);
  await setCssStatus(master, database, 'Object', 'DO_NOT_USE');
  await writeCssTables(master, database, family, [object]);
  expect(await tree()).toEqual(whole);
  // What a table of another kind had is gone.
  const regular = table({ kind: 'regular', name: 'Object', schema: object.definition.schema });
  await writeCssTables(master, database, family, [regular], 'DO_NOT_USE');
  expect(Object.keys(await tree()).filter((key) => key.startsWith('/TABLES/'))).toEqual([
    '/TABLES/Object',
    '/TABLES/Object/schema',
  ]);
  expect(await cssStatuses(master, database)).toEqual(new Map([['Object', 'DO_NOT_USE']]));
});

test('hiding and showing', async () => {
  await setCssStatus(master, database, 'Object', 'DO_NOT_USE');
  expect(await tree()).toEqual({});
  await expect(setCssStatus(master, database, 'Object', 'READY')).rejects.toMatchObject({ code: 'ILLEGAL_STATE' });
  await writeCssTables(master, database, family, [object, filter]);
  await setCssStatus(master, database, 'Object', 'DO_NOT_USE');
  expect(await cssStatuses(master, database)).toEqual(
    new Map([
      ['Filter', 'READY'],
      ['Object', 'DO_NOT_USE'],
    ]),
  );
  await setCssStatus(master, database, 'Object', 'READY');
  expect((await cssStatuses(master, database)).get('Object')).toBe('READY');
});

test('removing takes a tree, and nothing beside it', async () => {
  const neighbour = database.replace('_', 'x');
  for (const name of [database, neighbour]) {
    await writeCssDatabase(master, name, family, []);
    await writeCssTables(master, name, family, [
      object,
      { ...filter, definition: { ...filter.definition, name: 'Object2' } },
    ]);
  }
  const untouched = await tree(neighbour);
  await removeCssTable(master, database, 'Object');
  await removeCssTable(master, database, 'Object');
  expect([...(await cssStatuses(master, database)).keys()]).toEqual(['Object2']);
  await removeCssDatabase(master, database);
  expect(await tree()).toEqual({});
  expect(await tree(neighbour)).toEqual(untouched);
  await removeCssDatabase(master, neighbour);
});

test('shared-scan ratings', async () => {
  const ofMine = async () => (await readSharedScans(master)).filter((one) => one.database === database);
  await writeCssTables(master, database, family, [object, source, match, filter]);
  expect(await ofMine()).toEqual([
    { database, table: 'Object', scan: { lockInMem: true, scanRating: 1 } },
    { database, table: 'Source', scan: { lockInMem: true, scanRating: 1 } },
  ]);
  await changeCss(master, (store) => store.set(`/DBS/${database}/TABLES/Object/sharedScan/scanRating`, '7'));
  expect((await ofMine())[0]?.scan).toEqual({ lockInMem: true, scanRating: 7 });
  await writeSharedScan(master, database, 'Object', { lockInMem: false, scanRating: 20 });
  expect((await ofMine())[0]?.scan).toEqual({ lockInMem: false, scanRating: 20 });
  await writeCssTables(master, database, family, [object]);
  expect((await ofMine())[0]?.scan).toEqual({ lockInMem: false, scanRating: 20 });
  await expect(writeSharedScan(master, database, 'Nope', { lockInMem: false, scanRating: 1 })).rejects.toMatchObject({
    code: 'UNKNOWN_TABLE',
  });
});
