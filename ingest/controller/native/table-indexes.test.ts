import { sharedServers } from '../../../test/support/native';
import { contents, dataServer, facts, loadedCatalog } from '../../../test/support/registered';
import { freshDatabase } from '../../../test/support/servers';
import { chunkTable, DUMMY_CHUNK, replacementName } from '../../core/names';
import type { TableDescriptor } from '../../core/tables';
import type { DataServer } from '../../storage/data/connection';
import { type Metadata, openMetadata } from '../../storage/metadata';
import type { NativeServers } from './context';
import { NativeController } from './controller';

/** SQL indexes on the final tables of tables that hold rows. */

let metadata: Metadata;
let servers: NativeServers;
let controller: NativeController;
/** Final tables that were announced, by step. */
let announced: string[] = [];
let failAt = '';
const workers = new Map<string, DataServer>();

beforeAll(async () => {
  metadata = openMetadata(await freshDatabase());
  await metadata.migrate();
  servers = await sharedServers();
  const steps = (step: string, { table }: Record<string, unknown>) => {
    if (step === failAt) throw new Error(`stopped at ${step}`);
    if (step.startsWith('index.')) announced.push(`${step} ${table}`);
  };
  controller = new NativeController({ target: 'test', servers, metadata, steps });
  for (const { name, mysql } of servers.workers) workers.set(name, dataServer(name, mysql));
});
afterAll(async () => {
  await controller.close();
  await Promise.all([...workers.values()].map((server) => server.close()));
  await metadata.close();
});

/** A published catalog with rows in one chunk, on the server. */
async function published() {
  const catalog = await loadedCatalog(controller, workers, { rows: 2000 });
  announced = [];
  return catalog;
}

const byId = { index: 'by_id', columns: [{ column: 'objectId' }] };
const dummy = chunkTable('Object', DUMMY_CHUNK, false);

test('rows stay, prototypes get none, chunks and dummy chunks get it', async () => {
  const { database, server } = await published();
  const before = facts(await contents(server, database));
  await controller.createTableIndex(database, 'Object', byId);
  expect(facts(await contents(server, database))).toEqual(before);
  expect(announced.sort()).toEqual(
    ['index.create Object_7480', `index.create ${dummy}`, `index.create ${dummy}`].sort(),
  );
  const [index] = await controller.tableIndexes(database, 'Object');
  expect(index).toMatchObject({ status: 'COMPLETE', replicas: 3, replicasTotal: 3 });
  const used = await server.rows('explain', `EXPLAIN SELECT * FROM ${database}.Object_7480 WHERE objectId = 7`);
  expect(used).toMatchObject([{ key: 'by_id' }]);
  expect(await server.rows('prototype', `SHOW INDEX FROM ${database}.Object`)).toEqual([]);
});

test('a repeat makes what is missing; differing ones are seen', async () => {
  const { database, server } = await published();
  await controller.createTableIndex(database, 'Object', byId);
  await server.run('break', `ALTER TABLE ${database}.Object_7480 DROP INDEX by_id`);
  expect(await controller.tableIndexes(database, 'Object')).toMatchObject([
    { name: 'by_id', status: 'INCOMPLETE', replicas: 2, replicasTotal: 3 },
  ]);
  announced = [];
  await controller.createTableIndex(database, 'Object', byId);
  expect(announced).toEqual(['index.create Object_7480']);
  await server.run('break', `ALTER TABLE ${database}.Object_7480 DROP INDEX by_id, ADD UNIQUE INDEX by_id (objectId)`);
  expect(await controller.tableIndexes(database, 'Object')).toMatchObject([{ status: 'INCONSISTENT', replicas: 3 }]);
  announced = [];
  await controller.dropTableIndex(database, 'Object', 'by_id');
  expect(announced).toHaveLength(3);
  expect(await controller.tableIndexes(database, 'Object')).toEqual([]);
});

test('failures are listed by worker and final table, the others are made, and a repeat does what is left', async () => {
  const { database, server, worker } = await published();
  await server.run('double', `INSERT INTO ${database}.Object_7480 SELECT * FROM ${database}.Object_7480 LIMIT 1`);
  const unique = { ...byId, spec: 'UNIQUE' as const };
  await expect(controller.createTableIndex(database, 'Object', unique)).rejects.toMatchObject({
    code: 'TABLES_FAILED',
    message: expect.stringContaining('Object_7480'),
    details: {
      failures: { [worker]: { Object_7480: { status: 'MYSQL_ERROR', error: expect.stringContaining('Duplicate') } } },
    },
  });
  expect(await controller.tableIndexes(database, 'Object')).toMatchObject([{ status: 'INCOMPLETE', replicas: 2 }]);
  await server.run('mend', `DELETE FROM ${database}.Object_7480 LIMIT 1`);
  announced = [];
  await controller.createTableIndex(database, 'Object', unique);
  expect(announced).toEqual(['index.create Object_7480']);

  await server.run('break', `DROP TABLE ${database}.Object_7480`);
  const error = {
    code: 'TABLES_FAILED',
    details: { failures: { [worker]: { Object_7480: { status: 'NO_SUCH_TABLE' } } } },
  };
  await expect(controller.createTableIndex(database, 'Object', { ...byId, index: 'b' })).rejects.toMatchObject(error);
  await expect(controller.tableIndexes(database, 'Object')).rejects.toMatchObject(error);
  await expect(controller.dropTableIndex(database, 'Object', 'by_id')).rejects.toMatchObject(error);
});

test('what MariaDB alone can judge is refused before anything is changed', async () => {
  const { database } = await published();
  const wide = Array.from({ length: 4 }, (_, i) => ({ name: `c${i}`, type: 'CHAR(255) NOT NULL' }));
  await metadata.run((sql) => sql`UPDATE qserv.config_database SET is_published = false WHERE database = ${database}`);
  await controller.registerTable(database, { kind: 'regular', name: 'Wide', schema: wide, charset: 'utf8mb4' });
  await controller.publish(database);
  const columns = wide.map(({ name }) => ({ column: name }));
  await expect(controller.createTableIndex(database, 'Wide', { index: 'i', columns })).rejects.toMatchObject({
    code: 'INVALID_INPUT',
    message: expect.stringContaining('too long'),
  });
  expect(announced).toEqual([]);
});

test('nothing is changed while a next version is being put in place', async () => {
  const { database } = await published();
  await controller.unpublish(database);
  const { tables } = await controller.database(database);
  const filter = tables.find((t) => t.definition.name === 'Filter') as TableDescriptor;
  const next = { ...filter.definition, name: replacementName('Filter') };
  await controller.registerTable(database, next, { replaces: 'Filter' });
  failAt = 'replace.show';
  await expect(controller.publish(database)).rejects.toThrow('stopped');
  failAt = '';
  const byName = { index: 'i', columns: [{ column: 'filterName' }] };
  const refused = { code: 'ILLEGAL_STATE', message: expect.stringContaining('Filter') };
  await expect(controller.createTableIndex(database, 'Filter', byName)).rejects.toMatchObject(refused);
  await expect(controller.collectRowCounters(database, 'Filter')).rejects.toMatchObject(refused);
  await controller.publish(database);
  await controller.createTableIndex(database, 'Filter', byName);
});

test('chunks that come later have the index too', async () => {
  const { database } = await published();
  await controller.createTableIndex(database, 'Object', byId);
  await controller.unpublish(database);
  await controller.allocateChunks({ database }, [7310]);
  // Its tables come with publish.
  expect(await controller.tableIndexes(database, 'Object')).toMatchObject([{ status: 'COMPLETE', replicasTotal: 3 }]);
  await controller.publish(database);
  expect(await controller.tableIndexes(database, 'Object')).toMatchObject([{ status: 'COMPLETE', replicasTotal: 4 }]);
});

test('an index is made beside a reader who stays a while', async () => {
  const { database, server } = await published();
  const reading = server.rows('read slowly', `SELECT SLEEP(3) FROM ${database}.Object_7480 LIMIT 1`);
  await controller.createTableIndex(database, 'Object', byId);
  await reading;
  expect(await controller.tableIndexes(database, 'Object')).toMatchObject([{ status: 'COMPLETE' }]);
});
