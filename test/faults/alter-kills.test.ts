import { ALTER_TABLE_STEPS } from '../../ingest/controller/native/alter-run';
import { NativeController, type NativeServers } from '../../ingest/controller/native/controller';
import type { DataServer } from '../../ingest/storage/data/connection';
import { shownColumns } from '../../ingest/storage/data/table-columns';
import { type Metadata, openMetadata } from '../../ingest/storage/metadata';
import { ControllerProcess } from '../support/controller-process';
import { sharedServers } from '../support/native';
import { dataServer, putRows, registerCatalog } from '../support/registered';
import { freshDatabase } from '../support/servers';

/** A controller process is killed (SIGKILL) at every named step of changing a table; whoever makes the same call brings it to an end. */

jest.setTimeout(120_000);

const TARGET = 'test';
let postgresUrl: string;
let metadata: Metadata;
let servers: NativeServers;
let controller: NativeController;
let workers: DataServer[];

beforeAll(async () => {
  postgresUrl = await freshDatabase();
  metadata = openMetadata(postgresUrl);
  await metadata.migrate();
  servers = await sharedServers();
  controller = new NativeController({ target: TARGET, servers, metadata });
  workers = servers.workers.map(({ name, mysql }) => dataServer(name, mysql));
});
afterAll(async () => {
  await Promise.all([controller, ...workers].map((one) => one.close()));
  await metadata.close();
});

test.each(ALTER_TABLE_STEPS)('killed at %s', async (waitAt) => {
  const database = await registerCatalog(controller);
  const { id } = await controller.beginTransaction(database, {});
  const [place] = await controller.allocateChunks({ database }, [7480]);
  const server = workers.find(({ name }) => name === place?.worker) as DataServer;
  await putRows(server, database, 'Source', 7480, false, id, 100);
  await controller.endTransaction(id, 'commit');
  await controller.publish(database);

  // Adding what is there fails, and renaming what is renamed.
  const spec = 'ADD c INT NOT NULL DEFAULT 3, RENAME COLUMN sourceId TO id';
  const order = { postgresUrl, target: TARGET, servers, waitAt, passes: waitAt === 'alter.table' ? 3 : 0 };
  const child = await ControllerProcess.waitingAt({ ...order, call: ['alterTable', database, 'Source', spec] });
  await child.kill();
  await controller.alterTable(database, 'Source', spec);

  for (const one of workers) {
    const tables = await one.rows('list', `SHOW TABLES FROM ${database} LIKE 'Source%'`);
    expect(tables).toHaveLength(one === server ? 5 : 3);
    for (const name of tables.flatMap((row) => Object.values(row))) {
      const columns = await shownColumns(one, database, String(name));
      expect(columns.map((column) => column.name)).toEqual(['qserv_trans_id', 'id', 'objectId', 'c']);
    }
  }
  expect(await server.rows('sum', `SELECT SUM(id) AS id, SUM(c) AS c FROM ${database}.Source_7480`)).toEqual([
    { id: '5050', c: '300' },
  ]);
  const { tables } = await controller.database(database);
  expect(tables.find(({ definition }) => definition.name === 'Source')?.columns.slice(1)).toEqual([
    { name: 'id', type: 'BIGINT NOT NULL' },
    { name: 'objectId', type: 'BIGINT DEFAULT NULL' },
    { name: 'c', type: 'INT NOT NULL DEFAULT 3' },
  ]);
});
