import { randomBytes } from 'node:crypto';
import { able } from '../../test/support/able';
import type { IngestError } from '../core/errors';
import { DUMMY_CHUNK } from '../core/names';
import type { TableDefinition } from '../core/tables';
import { administrationCases } from './contract/administration';
import { contributionCases, type PutContribution } from './contract/contributions';
import { directorIndexCases, type IndexCase } from './contract/director-index';
import { publishingCases } from './contract/publishing';
import { replacementCases } from './contract/replacements';
import { rowCounterCases } from './contract/row-counters';
import { scanRatingCases } from './contract/scan-ratings';
import { tableIndexCases } from './contract/table-indexes';
import { tableSchemaCases } from './contract/table-schema';
import { transactionCases } from './contract/transactions';
import type { Controller, ControllerCapabilities, DatabaseDefinition } from './controller';

export interface ControllerCase {
  /** A controller of a target that several cases share; closed by the suite. */
  newController: () => Promise<Controller>;
  /** What it says that it can do: the cases for the rest are skipped. */
  capabilities: ControllerCapabilities;
  /** Where rows can be loaded and indexes looked at. */
  index?: Omit<IndexCase, 'capabilities' | 'controller' | 'newName'>;
  /** Where contributions can be recorded. */
  putContribution?: PutContribution;
}

const object: TableDefinition = {
  kind: 'director',
  name: 'Object',
  directorKey: 'objectId',
  longitudeKey: 'ra',
  latitudeKey: 'decl',
  schema: [
    { name: 'objectId', type: 'BIGINT NOT NULL' },
    { name: 'ra', type: 'DOUBLE NOT NULL' },
    { name: 'decl', type: 'DOUBLE NOT NULL' },
    { name: 'chunkId', type: 'INT NOT NULL' },
    { name: 'subChunkId', type: 'INT NOT NULL' },
  ],
};
const source: TableDefinition = {
  kind: 'dependent',
  name: 'Source',
  director: 'Object',
  directorKey: 'objectId',
  schema: [
    { name: 'sourceId', type: 'BIGINT NOT NULL' },
    { name: 'objectId', type: 'BIGINT DEFAULT NULL' },
  ],
};
const filter: TableDefinition = {
  kind: 'regular',
  name: 'Filter',
  schema: [{ name: 'filterName', type: "CHAR(3) NOT NULL DEFAULT 'x'" }],
};

/** A catalog's definition with a name of its own. */
export function newCatalog(): DatabaseDefinition {
  return { name: `c_${randomBytes(5).toString('hex')}`, numStripes: 85, numSubStripes: 12, overlap: 0.01667 };
}

export const CATALOG_TABLES = { object, source, filter };

const failure = (code: IngestError['code'], message = '') =>
  expect.objectContaining({ code, message: expect.stringContaining(message) });

/** Behaviours that every backend shows. */
export function controllerContract({ newController, capabilities, index, putContribution }: ControllerCase): void {
  let controller: Controller;

  beforeAll(async () => {
    controller = await newController();
  });
  afterAll(async () => {
    await controller.close();
  });

  /** A registered catalog with its three tables. */
  const register = async (): Promise<string> => {
    const definition = newCatalog();
    await controller.registerDatabase(definition);
    for (const table of [object, source, filter]) await controller.registerTable(definition.name, table);
    return definition.name;
  };

  if (index !== undefined)
    directorIndexCases({ ...index, capabilities, controller: () => controller, newName: () => newCatalog().name });

  test('the capabilities are those that the suite goes by', () => {
    expect(controller.capabilities).toEqual(capabilities);
  });

  describe('registration', () => {
    test('a database and its tables are described as they were given', async () => {
      const name = await register();
      const database = await controller.database(name);
      expect(database).toMatchObject({ name, family: 'layout_85_12', isPublished: false, publishTime: 0 });
      expect(database.tables.map((t) => t.definition.name)).toEqual(['Filter', 'Object', 'Source']);
      expect(database.tables[1]).toMatchObject({ definition: object, isPublished: false });
      expect(database.tables[2]?.columns).toEqual([{ name: 'qserv_trans_id', type: 'INT NOT NULL' }, ...source.schema]);
      expect(await controller.family('layout_85_12')).toMatchObject({ numStripes: 85, numSubStripes: 12 });
      expect((await controller.databases()).map((d) => d.name)).toContain(name);
    });

    test('again is success, with other arguments a refusal that names what differs', async () => {
      const definition = newCatalog();
      const first = await controller.registerDatabase(definition);
      expect(await controller.registerDatabase(definition)).toEqual(first);
      await expect(controller.registerDatabase({ ...definition, numStripes: 340 })).rejects.toEqual(
        failure('ALREADY_EXISTS', 'numStripes'),
      );
      const table = await controller.registerTable(definition.name, object);
      expect(await controller.registerTable(definition.name, object)).toEqual(table);
      await expect(
        controller.registerTable(definition.name, { ...object, schema: [...object.schema].reverse() }),
      ).rejects.toEqual(failure('ALREADY_EXISTS', 'schema'));
    });

    test('faults are listed by their path', async () => {
      await expect(controller.registerDatabase({ ...newCatalog(), name: 'a b', overlap: -1 })).rejects.toMatchObject({
        code: 'INVALID_INPUT',
        details: { faults: [{ path: 'name' }, { path: 'overlap' }] },
      });
      const { name } = await controller.registerDatabase(newCatalog());
      await expect(controller.registerTable(name, source)).rejects.toMatchObject({
        code: 'INVALID_INPUT',
        details: { faults: [{ path: 'director' }] },
      });
    });

    test('what MariaDB alone can judge is refused before anything is recorded', async () => {
      const { name } = await controller.registerDatabase(newCatalog());
      const bad = { ...filter, schema: [{ name: 'a', type: 'INT NOT NULL DEFAULT NULL' }] };
      await expect(controller.registerTable(name, bad)).rejects.toEqual(failure('INVALID_INPUT', 'default'));
      expect((await controller.database(name)).tables).toEqual([]);
      await controller.registerTable(name, filter);
    });

    test('unknown names', async () => {
      await expect(controller.database('nope')).rejects.toEqual(failure('UNKNOWN_DATABASE'));
      await expect(controller.registerTable('nope', filter)).rejects.toEqual(failure('UNKNOWN_DATABASE'));
      await expect(controller.family('nope')).rejects.toEqual(failure('UNKNOWN_FAMILY'));
      await expect(controller.transaction(2_000_000_000)).rejects.toEqual(failure('UNKNOWN_TRANSACTION'));
      await expect(controller.beginTransaction('nope', {})).rejects.toEqual(failure('UNKNOWN_DATABASE'));
      await expect(controller.publish('nope')).rejects.toEqual(failure('UNKNOWN_DATABASE'));
    });
  });

  describe('super-transactions', () => {
    test('begin and commit', async () => {
      const name = await register();
      const begun = await controller.beginTransaction(name, { pod: 'ingest-0' });
      expect(begun).toMatchObject({ database: name, state: 'STARTED', context: { pod: 'ingest-0' }, endTime: 0 });
      expect(begun.startTime).toBeGreaterThanOrEqual(begun.beginTime);
      const ended = await controller.endTransaction(begun.id, 'commit', { done: true });
      expect(ended).toMatchObject({ id: begun.id, state: 'FINISHED', context: { done: true } });
      expect(ended.endTime).toBeGreaterThanOrEqual(ended.transitionTime);
      expect(await controller.endTransaction(begun.id, 'commit')).toMatchObject({ state: 'FINISHED' });
      await expect(controller.endTransaction(begun.id, 'abort')).rejects.toEqual(failure('ILLEGAL_STATE', 'FINISHED'));
    });

    test('abort', async () => {
      const name = await register();
      const { id } = await controller.beginTransaction(name, {});
      const ended = await controller.endTransaction(id, 'abort');
      expect(ended).toMatchObject({ state: 'ABORTED', context: {} });
      expect(ended.log.map((e) => [e.name, e.state])).toEqual([
        ['begin add dir idx part', 'IS_STARTING'],
        ['end add dir idx part', 'IS_STARTING'],
        ['begin del table part', 'IS_ABORTING'],
        ['end del table part', 'IS_ABORTING'],
        ['begin del dir idx part', 'IS_ABORTING'],
        ['end del dir idx part', 'IS_ABORTING'],
      ]);
      expect(await controller.endTransaction(id, 'abort')).toMatchObject({ state: 'ABORTED' });
      await expect(controller.endTransaction(id, 'commit')).rejects.toEqual(failure('ILLEGAL_STATE', 'ABORTED'));
    });

    test('the token in the context makes begin repeatable until the end', async () => {
      const name = await register();
      const context = { token: randomBytes(6).toString('hex') };
      const begun = await Promise.all([1, 2, 3, 4].map(() => controller.beginTransaction(name, context)));
      expect(new Set(begun.map((t) => t.id)).size).toBe(1);
      const id = begun[0]?.id as number;
      expect(await controller.beginTransaction(name, context)).toMatchObject({ id, state: 'STARTED' });
      await controller.endTransaction(id, 'commit');
      const next = await controller.beginTransaction(name, context);
      expect(next.id).toBeGreaterThan(id);
    });

    test('a token may be as long as a context', async () => {
      const name = await register();
      const context = { token: randomBytes(40_000).toString('hex') };
      const { id } = await controller.beginTransaction(name, context);
      expect(await controller.beginTransaction(name, context)).toMatchObject({ id, state: 'STARTED', context });
      const other = await controller.beginTransaction(name, { token: `${context.token}0` });
      expect(other.id).toBeGreaterThan(id);
    });

    test('without a token every begin is another one', async () => {
      const name = await register();
      const ids = await Promise.all([1, 2, 3].map(async () => (await controller.beginTransaction(name, {})).id));
      expect(new Set(ids).size).toBe(3);
      const listed = await controller.transactions({ database: name });
      expect(listed.map((t) => t.id)).toEqual([...ids].sort((a, b) => b - a));
      await controller.endTransaction(ids[0] as number, 'abort');
      expect(await controller.transactions({ database: name, states: ['STARTED'] })).toHaveLength(2);
    });

    test('ends at the same time agree on one outcome', async () => {
      const name = await register();
      const { id } = await controller.beginTransaction(name, {});
      const ends = await Promise.allSettled([
        controller.endTransaction(id, 'commit'),
        controller.endTransaction(id, 'abort'),
        controller.endTransaction(id, 'commit'),
        controller.endTransaction(id, 'abort'),
      ]);
      const { state } = await controller.transaction(id);
      expect(['FINISHED', 'ABORTED']).toContain(state);
      for (const end of ends) {
        if (end.status === 'fulfilled') expect(end.value.state).toBe(state);
        else expect(end.reason).toEqual(failure('ILLEGAL_STATE', state));
      }
      expect(ends.filter((end) => end.status === 'fulfilled')).toHaveLength(2);
    });
  });

  describe('places', () => {
    test('chunks are sticky, in the order asked for, and numbers must be valid', async () => {
      const name = await register();
      const asked = [7480, 7310, 7480, DUMMY_CHUNK, 170];
      const first = await controller.allocateChunks({ database: name }, asked);
      expect(first.map((l) => l.chunk)).toEqual(asked);
      expect(await controller.allocateChunks({ database: name }, asked)).toEqual(first);
      expect((await controller.chunks(name)).map((l) => l.chunk)).toEqual([170, 7310, 7480, DUMMY_CHUNK]);
      await expect(controller.allocateChunks({ database: name }, [1, 0, -3])).rejects.toMatchObject({
        code: 'INVALID_CHUNK',
        details: { chunks: [1, -3] },
      });
      expect(await controller.chunks(name)).toHaveLength(4);
    });

    test('callers at the same time get the same places', async () => {
      const name = await register();
      // Several rounds: in the first one connections are made one after the other.
      for (let round = 0; round < 4; round++) {
        const chunks = Array.from({ length: 40 }, (_, i) => 7140 + 40 * round + i);
        const all = await Promise.all(
          Array.from({ length: 10 }, (_, i) =>
            controller.allocateChunks({ database: name }, i % 2 === 0 ? chunks : [...chunks].reverse()),
          ),
        );
        const byChunk = new Map<number, Set<string>>();
        for (const { chunk, worker } of all.flat()) byChunk.set(chunk, (byChunk.get(chunk) ?? new Set()).add(worker));
        expect([...byChunk.values()].map((workers) => workers.size)).toEqual(chunks.map(() => 1));
        expect(await controller.chunks(name)).toHaveLength(40 * (round + 1));
      }
    });

    test('databases of a family have the same chunk on the same worker', async () => {
      const [a, b] = [await register(), await register()];
      const places = await controller.allocateChunks({ database: a }, [4424, 4425, 4426]);
      expect(await controller.allocateChunks({ database: b }, [4424, 4425, 4426])).toEqual(places);
    });

    test('by super-transaction, which must be STARTED', async () => {
      const name = await register();
      const { id } = await controller.beginTransaction(name, {});
      expect(await controller.allocateChunks({ transactionId: id }, [7480])).toHaveLength(1);
      const workers = await controller.locateRegular({ transactionId: id });
      expect(workers).toEqual(await controller.locateRegular({ database: name }));
      expect(workers.length).toBeGreaterThan(0);
      await controller.endTransaction(id, 'abort');
      await expect(controller.allocateChunks({ transactionId: id }, [7480])).rejects.toEqual(failure('ILLEGAL_STATE'));
      await expect(controller.locateRegular({ transactionId: id })).rejects.toEqual(failure('ILLEGAL_STATE'));
    });
  });

  describe('publish', () => {
    test('is refused while super-transactions are open and without chunks', async () => {
      const name = await register();
      const { id } = await controller.beginTransaction(name, {});
      await expect(controller.publish(name)).rejects.toEqual(failure('OPEN_TRANSACTIONS', String(id)));
      await controller.endTransaction(id, 'commit');
      await expect(controller.publish(name)).rejects.toEqual(failure('ILLEGAL_STATE', 'any chunks'));
    });

    test('sets the flags, and again is success', async () => {
      const name = await register();
      await controller.allocateChunks({ database: name }, [7480]);
      const { database } = await controller.publish(name);
      expect(database.isPublished).toBe(true);
      expect(database.publishTime).toBeGreaterThanOrEqual(database.createTime);
      expect(database.tables.map((t) => t.isPublished)).toEqual([true, true, true]);
      expect(await controller.publish(name)).toEqual({ database, renamed: 0, copied: 0, replaced: [] });
    });

    test('at the same time is one publish', async () => {
      const name = await register();
      await controller.allocateChunks({ database: name }, [7480]);
      const reports = await Promise.all([controller.publish(name), controller.publish(name)]);
      expect(reports[0]?.database).toEqual(reports[1]?.database);
    });

    test('a published database takes nothing more', async () => {
      const name = await register();
      await controller.allocateChunks({ database: name }, [7480]);
      await controller.publish(name);
      const published = failure('DATABASE_PUBLISHED');
      await expect(controller.beginTransaction(name, {})).rejects.toEqual(published);
      await expect(controller.registerTable(name, { ...filter, name: 'F2' })).rejects.toEqual(published);
      await expect(controller.allocateChunks({ database: name }, [7310])).rejects.toEqual(published);
      await expect(controller.locateRegular({ database: name })).rejects.toEqual(published);
      await expect(controller.deleteTable(name, 'Filter')).rejects.toEqual(published);
      await expect(controller.deleteDatabase(name)).rejects.toEqual(published);
    });

    able(capabilities, 'countRows').test('counts see every table', async () => {
      const name = await register();
      await controller.allocateChunks({ database: name }, [7480]);
      await controller.publish(name);
      const counts = await controller.countRows(name);
      expect(counts.map((c) => [c.table, c.rows, c.overlapRows, c.agree])).toEqual([
        ['Filter', 0, 0, true],
        ['Object', 0, 0, true],
        ['Source', 0, 0, true],
      ]);
    });
  });

  replacementCases(capabilities, () => controller, register, { object, source, filter });
  publishingCases(capabilities, () => controller, register);
  administrationCases(capabilities, () => controller, register);
  rowCounterCases(capabilities, () => controller, register);
  tableIndexCases(() => controller, register);
  scanRatingCases(() => controller, register);
  transactionCases(() => controller, register);
  if (putContribution !== undefined) {
    contributionCases(() => controller, putContribution, register);
  }
  tableSchemaCases(() => controller, register);

  describe('deletion', () => {
    test('of tables: dependents first', async () => {
      const name = await register();
      await expect(controller.deleteTable(name, 'Object')).rejects.toEqual(failure('ILLEGAL_STATE', 'Source'));
      await controller.deleteTable(name, 'Source');
      await controller.deleteTable(name, 'Object');
      await controller.deleteTable(name, 'Object');
      expect((await controller.database(name)).tables.map((t) => t.definition.name)).toEqual(['Filter']);
      await controller.registerTable(name, { ...object, schema: [...object.schema, { name: 'x', type: 'INT' }] });
    });

    test('of a database, with everything known of it', async () => {
      const name = await register();
      const { id } = await controller.beginTransaction(name, {});
      await controller.deleteDatabase(name);
      await controller.deleteDatabase(name);
      await expect(controller.database(name)).rejects.toEqual(failure('UNKNOWN_DATABASE'));
      await expect(controller.transaction(id)).rejects.toEqual(failure('UNKNOWN_TRANSACTION'));
    });
  });
}
