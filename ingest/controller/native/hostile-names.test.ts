import fc from 'fast-check';
import { hostileName, hostileType, newSeed } from '../../../test/support/hostile';
import { sharedServers } from '../../../test/support/native';
import { freshDatabase, uniqueName } from '../../../test/support/servers';
import { DUMMY_CHUNK, databaseNameFault, identifierFault } from '../../core/names';
import type { TableDefinition } from '../../core/tables';
import { DataServer, quoteTable } from '../../storage/data/connection';
import { type Metadata, openMetadata } from '../../storage/metadata';
import { NativeController } from './controller';

const GEOMETRY = { numStripes: 340, numSubStripes: 3, overlap: 0.01 };

/** Seconds on an idle machine; others may have work too. */
jest.setTimeout(120_000);

let metadata: Metadata;
let controller: NativeController;
let workers: DataServer[];
const sentinel = uniqueName('sentinel');

beforeAll(async () => {
  metadata = openMetadata(await freshDatabase());
  await metadata.migrate();
  const servers = await sharedServers();
  controller = new NativeController({ target: 'test', servers, metadata });
  workers = servers.workers.map(({ name, mysql }) => new DataServer(name, mysql));
  for (const worker of workers) {
    await worker.run('make', `CREATE DATABASE ${sentinel}`);
    await worker.run('make', `CREATE TABLE ${sentinel}.T SELECT seq FROM ${sentinel}.seq_1_to_100`);
  }
});

afterAll(async () => {
  for (const worker of workers) {
    await worker.run('drop', `DROP DATABASE ${sentinel}`);
    await worker.close();
  }
  await controller.close();
  await metadata.close();
});

const attempt = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error) => error,
  );

/** The answer to a hostile definition: what field is at fault, in words that are not those of an SQL parser. */
const REFUSED = {
  code: 'INVALID_INPUT',
  message: expect.not.stringContaining('SQL syntax'),
  details: { faults: expect.arrayContaining([{ path: expect.any(String), message: expect.any(String) }]) },
};

test('names that pass work, others are refused, and nothing else is touched', async () => {
  const seed = newSeed('hostile names');
  const names = fc.sample(hostileName, { numRuns: 300, seed });
  const columns = fc.sample(fc.array(fc.tuple(hostileName, hostileType), { minLength: 1, maxLength: 3 }), {
    numRuns: 300,
    seed,
  });
  const outcomes = { taken: 0, tables: 0, refused: 0 };
  for (const [i, raw] of names.entries()) {
    if (databaseNameFault(raw) !== undefined) {
      expect(await attempt(controller.registerDatabase({ name: raw, ...GEOMETRY }))).toMatchObject(REFUSED);
      outcomes.refused++;
      continue;
    }
    if (outcomes.taken >= 25) continue;
    // Of one's own, so that other tests' catalogs are not hit.
    const name = `h${i}_${sentinel.slice(-4)}${raw}`.slice(0, 40);
    if (databaseNameFault(name) !== undefined) continue;
    await controller.registerDatabase({ name, ...GEOMETRY });
    outcomes.taken++;
    const plain = names[names.length - 1 - i] ?? '';
    const schema = [
      { name: 'id', type: 'BIGINT NOT NULL' },
      ...(columns[i] ?? []).map(([column, type]) => ({ name: column, type })),
    ];
    const table = `t${plain.slice(0, 10)}`;
    const definition: TableDefinition = { kind: 'regular', name: table, schema };
    const error = await attempt(controller.registerTable(name, definition));
    if (error === undefined) {
      outcomes.tables++;
      expect(identifierFault(table)).toBeUndefined();
      for (const worker of workers)
        expect(await worker.rows('look', `SELECT * FROM ${quoteTable(name, table)}`)).toEqual([]);
    } else expect(error).toMatchObject(REFUSED);
    await controller.deleteDatabase(name);
  }
  expect(outcomes.taken).toBeGreaterThan(15);
  expect(outcomes.refused).toBeGreaterThan(50);
  for (const worker of workers) {
    expect(await worker.rows('look', `SELECT COUNT(*) AS n FROM ${sentinel}.T`)).toEqual([{ n: 100 }]);
    expect(await worker.rows('look', 'SHOW DATABASES LIKE ?', [`h%\\_${sentinel.slice(-4)}%`])).toEqual([]);
  }
});

test('the longest names, and those whose files have the longest names', async () => {
  const unique = sentinel.slice(-6);
  for (const [name, table] of [
    [`${unique}${'d'.repeat(8)}`, 'T'.repeat(42)],
    [`${unique}${'$'.repeat(8)}`, `T${'$'.repeat(34)}`],
    [`${unique}${'$'.repeat(40)}`, 'T'],
  ] as const) {
    await controller.registerDatabase({ name, ...GEOMETRY });
    const types = {
      id: 'BIGINT NOT NULL',
      ra: 'DOUBLE NOT NULL',
      decl: 'DOUBLE NOT NULL',
      chunkId: 'INT',
      subChunkId: 'INT',
    };
    const schema = Object.entries(types).map(([column, type]) => ({ name: column, type }));
    const keys = { directorKey: 'id', longitudeKey: 'ra', latitudeKey: 'decl' };
    await controller.registerTable(name, { kind: 'director', name: table, schema, ...keys });
    await controller.allocateChunks({ database: name }, [DUMMY_CHUNK]);
    await controller.publish(name);
    await controller.collectRowCounters(name, table, { policy: 'ENABLED' });
    await controller.deleteDatabase(name, { published: true });
  }
});
