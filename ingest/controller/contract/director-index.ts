import type { IngestError } from '../../core/errors';
import { ChunkGeometry } from '../../core/geometry';
import type { TableDefinition } from '../../core/tables';
import type { Controller, ControllerCapabilities } from '../controller';

export interface SkyObject {
  id: number;
  ra: number;
  decl: number;
  chunk: number;
  subChunk: number;
}

/** What a backend's tests do and see beside the controller. Indexes are of tables whose key is called objectId. */
export interface IndexData {
  /** Loads rows (CSV) as one unit of a super-transaction. */
  load(unit: {
    transactionId: number;
    database: string;
    table: string;
    chunk: number;
    overlap?: boolean;
    worker: string;
    lines: string[];
  }): Promise<void>;
  /** By id and chunk. */
  index(database: string, table: string): Promise<{ id: number; chunk: number; subChunk: number }[]>;
  partitions(database: string, table: string): Promise<string[]>;
  /** Deletes an object's row from a chunk's table. */
  remove(database: string, table: string, worker: string, chunk: number, id: number): Promise<void>;
}

export interface IndexCase {
  capabilities: ControllerCapabilities;
  controller: () => Controller;
  data: () => IndexData;
  /** The director of the project's example: every row with its line of the file. */
  example: () => { definition: TableDefinition; objects: SkyObject[]; lines: string[] };
  /** Objects in several chunks. */
  sky: (count: number, first?: number) => SkyObject[];
  /** A database's name of the case's own. */
  newName: () => string;
}

const director = (more: Partial<Extract<TableDefinition, { kind: 'director' }>> = {}): TableDefinition => ({
  kind: 'director',
  name: 'Object',
  directorKey: 'objectId',
  longitudeKey: 'ra',
  latitudeKey: 'decl',
  schema: [
    { name: 'objectId', type: 'BIGINT NOT NULL' },
    { name: 'ra', type: 'DOUBLE NOT NULL' },
    { name: 'decl', type: 'DOUBLE NOT NULL' },
    { name: 'subChunkId', type: 'INT NOT NULL' },
  ],
  ...more,
});

const line = ({ id, ra, decl, subChunk }: SkyObject) => `${id},${ra},${decl},${subChunk}`;
const entries = (objects: SkyObject[]) =>
  objects.map(({ id, chunk, subChunk }) => ({ id, chunk, subChunk })).sort((a, b) => a.id - b.id || a.chunk - b.chunk);
const failure = (code: IngestError['code'], message = '') =>
  expect.objectContaining({ code, message: expect.stringContaining(message) });

/** The director index, as every backend keeps it. */
export function directorIndexCases({ capabilities, controller, data, example, sky, newName }: IndexCase): void {
  /** Rows read, where that is told. */
  const told = (rows: number) => (capabilities.reports ? rows : 0);
  const register = async (auto: boolean, definition = director()): Promise<string> => {
    const name = newName();
    const layout = { numStripes: 85, numSubStripes: 12, overlap: 0.01667 };
    await controller().registerDatabase({ name, ...layout, autoBuildDirectorIndex: auto });
    await controller().registerTable(name, definition);
    return name;
  };
  const begin = async (database: string) => (await controller().beginTransaction(database, {})).id;
  /** Loads objects chunk by chunk; returns the worker of each chunk. */
  const load = async (database: string, transactionId: number, objects: SkyObject[]): Promise<Map<number, string>> => {
    const chunks = [...new Set(objects.map((o) => o.chunk))];
    const places = await controller().allocateChunks({ transactionId }, chunks);
    for (const { chunk, worker } of places) {
      const lines = objects.filter((o) => o.chunk === chunk).map(line);
      await data().load({ transactionId, database, table: 'Object', chunk, worker, lines });
    }
    return new Map(places.map(({ chunk, worker }) => [chunk, worker]));
  };
  /** The objects in two super-transactions, and others in an aborted one between them. */
  const loadAll = async (database: string, objects: SkyObject[]) => {
    const third = Math.floor(objects.length / 3);
    const [a, b, c] = [await begin(database), await begin(database), await begin(database)];
    await load(database, b, sky(50, 1_000_000));
    const places = await load(database, a, objects.slice(0, third));
    await controller().endTransaction(a, 'commit');
    await controller().endTransaction(b, 'abort');
    for (const [chunk, worker] of await load(database, c, objects.slice(third))) places.set(chunk, worker);
    await controller().endTransaction(c, 'commit');
    return { transactions: { a, b, c }, places };
  };

  describe('director index', () => {
    test.each(['automatic', 'on request'])('the example, %s: every object is where it is', async (how) => {
      const { definition, objects, lines } = example();
      const name = await register(how === 'automatic', definition);
      const geometry = new ChunkGeometry(85, 12);
      const [place] = await controller().allocateChunks({ database: name }, [7480, 7310]);
      const worker = place?.worker as string;
      const unit = { database: name, table: 'Object', chunk: 7480, worker };
      const [a, b, aborted] = [await begin(name), await begin(name), await begin(name)];
      await data().load({ ...unit, transactionId: a, lines: lines.slice(0, 600) });
      await data().load({ ...unit, transactionId: b, lines: lines.slice(600) });
      await data().load({ ...unit, transactionId: b, overlap: true, lines: lines.slice(0, 20) });
      await data().load({ ...unit, transactionId: aborted, lines: lines.slice(300, 700) });
      const ended = await controller().endTransaction(a, 'commit');
      expect(ended.directorIndexBuilt).toBe(how === 'automatic');
      await controller().endTransaction(aborted, 'abort');
      if (how === 'automatic') expect(await data().index(name, 'Object')).toEqual(entries(objects.slice(0, 600)));
      await controller().endTransaction(b, 'commit');
      await controller().publish(name, { consolidateDirectorIndex: true });
      if (how === 'on request') {
        expect(await controller().buildDirectorIndex(name, 'Object')).toEqual({ chunks: 2, rows: told(1000) });
      }
      const found = await data().index(name, 'Object');
      expect(found).toHaveLength(1000);
      expect(found).toEqual(entries(objects));
      expect(found).toEqual(entries(objects.map((o) => ({ ...o, ...geometry.locate(o.ra, o.decl) }))));
      expect(await data().partitions(name, 'Object')).toEqual([]);
    });

    test('several chunks, workers and super-transactions', async () => {
      const objects = sky(400);
      const name = await register(true);
      const { transactions, places } = await loadAll(name, objects);
      expect(places.size).toBeGreaterThan(8);
      expect(new Set(places.values()).size).toBeGreaterThan(1);
      expect(await data().index(name, 'Object')).toEqual(entries(objects));
      expect(await data().partitions(name, 'Object')).toEqual(['p0', `p${transactions.a}`, `p${transactions.c}`]);

      const again = await controller().endTransaction(transactions.c, 'commit');
      expect(again.directorIndexBuilt).toBe(true);
      await controller().registerTable(name, director());
      expect(await data().index(name, 'Object')).toEqual(entries(objects));

      await controller().publish(name);
      expect(await data().partitions(name, 'Object')).toHaveLength(3);
      await controller().publish(name, { consolidateDirectorIndex: true });
      expect(await data().partitions(name, 'Object')).toHaveLength(3);
      await controller().buildDirectorIndex(name, 'Object', { rebuild: true });
      expect(await data().index(name, 'Object')).toEqual(entries(objects));
      expect(await data().partitions(name, 'Object')).toEqual([]);
    });

    test('the log tells of it', async () => {
      const name = await register(true);
      const id = await begin(name);
      await load(name, id, sky(30));
      const { log } = await controller().endTransaction(id, 'commit');
      expect(log.map((e) => [e.name, e.state])).toEqual([
        ['begin add dir idx part', 'IS_STARTING'],
        ['end add dir idx part', 'IS_STARTING'],
        ['begin bld dir idx', 'IS_FINISHING'],
        ['end bld dir idx', 'IS_FINISHING'],
      ]);
      const job = expect.stringMatching(/^[0-9a-f-]{36}$/);
      expect(log[0]?.data).toEqual({ table: 'Object' });
      expect(log[1]?.data).toEqual({ table: 'Object', success: 1, error: '' });
      expect(log[2]?.data).toEqual({ table: 'Object', job });
      expect(log[3]?.data).toEqual({ table: 'Object', job, success: 1, error: null });
    });

    test('a key twice in a super-transaction is refused by worker and chunk, and nothing of it stays', async () => {
      const name = await register(true);
      const objects = sky(60);
      const kept = await begin(name);
      await load(name, kept, objects);
      await controller().endTransaction(kept, 'commit');
      const bad = await begin(name);
      // Chunks of their own would be in other super-transactions: within one, the second of the two is refused.
      const twice = sky(40, 5000);
      const [first, second] = [twice[0] as SkyObject, twice.find((o) => o.chunk !== twice[0]?.chunk) as SkyObject];
      const places = await load(name, bad, [...twice, { ...first, chunk: second.chunk }]);
      const refusal = await controller()
        .endTransaction(bad, 'commit')
        .catch((error: IngestError) => error as IngestError);
      expect(refusal).toMatchObject({ code: 'INDEX_FAILED' });
      const { failures } = (refusal as IngestError).details as { failures: Record<string, Record<string, string>> };
      const listed = Object.entries(failures).flatMap(([worker, of]) =>
        Object.entries(of).map(([chunk, text]) => ({ worker, chunk: Number(chunk), text })),
      );
      expect(listed).toHaveLength(1);
      const [one] = listed;
      expect([first.chunk, second.chunk]).toContain(one?.chunk);
      expect(one?.worker).toBe(places.get(one?.chunk as number));
      expect(one?.text).toContain(String(first.id));
      const { state, log } = await controller().transaction(bad);
      expect(state).toBe('FINISH_FAILED');
      expect(log.at(-1)).toMatchObject({ name: 'end bld dir idx', data: { success: 0, error: failures } });
      const aborted = await controller().endTransaction(bad, 'abort');
      expect(aborted).toMatchObject({ state: 'ABORTED', directorIndexBuilt: false });
      expect(await data().index(name, 'Object')).toEqual(entries(objects));
    });

    test('a key twice in different super-transactions, or without unique keys, is taken', async () => {
      const name = await register(true);
      for (const _ of [1, 2]) {
        const id = await begin(name);
        await load(name, id, sky(5));
        await controller().endTransaction(id, 'commit');
      }
      expect(await data().index(name, 'Object')).toEqual(entries([...sky(5), ...sky(5)]));

      const plain = await register(true, director({ uniquePrimaryKey: false }));
      const id = await begin(plain);
      await load(plain, id, [...sky(5), ...sky(5)]);
      await controller().endTransaction(id, 'commit');
      expect(await data().index(plain, 'Object')).toEqual(entries([...sky(5), ...sky(5)]));
    });

    test('on request: only what failed is done again', async () => {
      const name = await register(false);
      const objects = sky(60);
      const moved = objects[0] as SkyObject;
      const other = objects.find((o) => o.chunk !== moved.chunk) as SkyObject;
      const id = await begin(name);
      const places = await load(name, id, [...objects, { ...moved, chunk: other.chunk }]);
      await controller().endTransaction(id, 'commit');
      await controller().publish(name);
      const refusal = await controller()
        .buildDirectorIndex(name, 'Object')
        .catch((error: IngestError) => error as IngestError);
      expect(refusal).toMatchObject({ code: 'INDEX_FAILED' });
      const { failures } = (refusal as IngestError).details as { failures: Record<string, Record<string, string>> };
      const [[worker, of] = ['', {}]] = Object.entries(failures);
      const [chunk] = Object.keys(of).map(Number) as [number];
      expect(places.get(chunk)).toBe(worker);
      await expect(data().index(name, 'Object')).rejects.toThrow();

      await data().remove(name, 'Object', worker, chunk, moved.id);
      // What was taken in is not read again: a row that goes from there meanwhile stays in the index.
      const kept = objects.find((o) => o.chunk !== chunk && o.id !== moved.id) as SkyObject;
      await data().remove(name, 'Object', places.get(kept.chunk) as string, kept.chunk, kept.id);
      const report = await controller().buildDirectorIndex(name, 'Object');
      expect(report).toEqual({ chunks: places.size, rows: told(60) });
      const where = chunk === moved.chunk ? { ...moved, chunk: other.chunk } : moved;
      expect(await data().index(name, 'Object')).toEqual(entries([...objects.slice(1), where]));

      await expect(controller().buildDirectorIndex(name, 'Object')).rejects.toEqual(failure('ALREADY_EXISTS'));
      // A build that ended is not continued: this one reads everything.
      await controller().buildDirectorIndex(name, 'Object', { rebuild: true });
      expect(await data().index(name, 'Object')).toEqual(
        entries([...objects.slice(1).filter((o) => o !== kept), where]),
      );
    });

    test('on request, with keys that need not be unique; the old one is read until the new one is whole', async () => {
      const name = await register(false);
      const objects = [...sky(20), { ...(sky(1)[0] as SkyObject), chunk: sky(2)[1]?.chunk as number }];
      const id = await begin(name);
      await load(name, id, objects);
      await controller().endTransaction(id, 'commit');
      await controller().publish(name);
      await controller().buildDirectorIndex(name, 'Object', { unique: false });
      expect(await data().index(name, 'Object')).toEqual(entries(objects));
      const unique = { rebuild: true, unique: true };
      await expect(controller().buildDirectorIndex(name, 'Object', unique)).rejects.toEqual(failure('INDEX_FAILED'));
      expect(await data().index(name, 'Object')).toEqual(entries(objects));
      await controller().buildDirectorIndex(name, 'Object', { rebuild: true, unique: false });
      expect(await data().index(name, 'Object')).toEqual(entries(objects));
    });

    test('on request: refusals', async () => {
      const name = await register(false);
      const regular: TableDefinition = { kind: 'regular', name: 'Filter', schema: [{ name: 'a', type: 'INT' }] };
      await controller().registerTable(name, regular);
      const build = (database: string, table: string) => controller().buildDirectorIndex(database, table);
      await expect(build('nope', 'Object')).rejects.toEqual(failure('UNKNOWN_DATABASE'));
      await expect(build(name, 'Nope')).rejects.toEqual(failure('UNKNOWN_TABLE'));
      await expect(build(name, 'Filter')).rejects.toEqual(failure('INVALID_INPUT', 'not a director'));
      await expect(build(name, 'Object')).rejects.toEqual(failure('ILLEGAL_STATE', 'not published'));
    });
  });
}
