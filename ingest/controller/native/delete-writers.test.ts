import { mkdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { objectRows } from '../../../test/support/generate';
import { plainSource, TestCatalog } from '../../../test/support/load-catalog';
import { nativeServers } from '../../../test/support/native';
import { send } from '../../../test/support/sending';
import { freshDatabase, privateDir, sharedMariaDb, uniqueName } from '../../../test/support/servers';
import type { TableDescriptor } from '../../core/tables';
import type { MysqlAccess } from '../../storage/data/connection';
import { tableNames } from '../../storage/data/drop-tables';
import { findTable } from '../../storage/metadata/tables';
import { NativeIngestWorker } from '../../worker/native';
import type { LoadUnit } from '../../worker/worker';
import { NativeController, type NativeServers } from './controller';

/** Deletion of a table against loads into it that begin meanwhile: those that were there before, fencing.test.ts has. */

const folder = privateDir('delete');
let mysql: MysqlAccess;
let servers: NativeServers;
let catalog: TestCatalog;
let place: LoadUnit;

beforeAll(async () => {
  mkdirSync(folder);
  await writeFile(`${folder}/a.csv`, objectRows(20));
  mysql = await sharedMariaDb('w2');
  servers = nativeServers(await sharedMariaDb('master'), { w2: mysql });
});
beforeEach(async () => {
  catalog = await TestCatalog.create(uniqueName('deleted'), 'w2', await freshDatabase(), mysql);
  await catalog.allocate(100);
  place = catalog.unit(await catalog.begin(), 100);
});
afterEach(() => catalog.close());

/** A load that is ready to attach its rows when the deletion has dropped the tables. */
type Load = (worker: NativeIngestWorker) => Promise<unknown>;

const unit: Load = (worker) =>
  worker.load({ unit: place, sources: [plainSource('root://delete/a.csv')], quality: 'strict', maxNumWarnings: 0 });
const contribution: Load = (worker) => send(worker, place, objectRows(20));

/** Deletes the table; a load comes to `reached` before its tables are dropped, and goes on when they are. */
async function deleteWhile(load: Load, reached: string): Promise<unknown> {
  let isReady = () => {};
  const ready = new Promise<void>((resolve) => {
    isReady = resolve;
  });
  let goOn = () => {};
  const dropped = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const worker = new NativeIngestWorker({
    name: 'w2',
    mysql,
    metadata: catalog.metadata,
    sources: { roots: { delete: folder }, stallSeconds: 5 },
    steps: async (step) => {
      if (step !== reached) return;
      isReady();
      await dropped;
    },
  });
  let ended: Promise<unknown> | undefined;
  const controller = new NativeController({
    target: 'test',
    servers,
    metadata: catalog.metadata,
    steps: async (step) => {
      if (step === 'delete.css') {
        ended = load(worker).catch((error) => error);
        await Promise.race([ready, ended]);
      }
      if (step === 'delete.record') {
        goOn();
        await ended;
      }
    },
  });
  try {
    await controller.deleteTable(catalog.database, 'Object');
    return await ended;
  } finally {
    await controller.close();
    await worker.close();
  }
}

test.each([
  ['unit', unit, 'note'],
  ['contribution', contribution, 'ready'],
])('a %s whose load begins while its table is deleted leaves no table behind', async (_, load, reached) => {
  const ended = await deleteWhile(load, reached);
  expect(ended).toMatchObject({ code: 'ILLEGAL_STATE', message: expect.stringContaining('is being deleted') });
  expect(await tableNames(catalog.server, catalog.database)).toEqual(['Filter']);
});

test('a table whose deletion was interrupted takes no rows and is not published or registered; deleting it again ends it', async () => {
  const { database, metadata } = catalog;
  let broken = true;
  const controller = new NativeController({
    target: 'test',
    servers,
    metadata,
    steps: (step) => {
      if (step === 'delete.worker' && broken) throw new Error('interrupted');
    },
  });
  const { definition } = (await metadata.run((sql) => findTable(sql, database, 'Object'))) as TableDescriptor;
  await expect(controller.deleteTable(database, 'Object')).rejects.toThrow('interrupted');
  const half = { message: expect.stringContaining('delete it again'), details: { table: 'Object' } };
  await expect(controller.registerTable(database, definition)).rejects.toMatchObject({
    code: 'ALREADY_EXISTS',
    ...half,
  });
  await controller.endTransaction(place.transactionId, 'abort');
  await expect(controller.publish(database)).rejects.toMatchObject({ code: 'ILLEGAL_STATE', ...half });
  const { id } = await controller.beginTransaction(database, {});
  await controller.endTransaction(id, 'abort');
  broken = false;
  await controller.deleteTable(database, 'Object');
  expect(await metadata.run((sql) => findTable(sql, database, 'Object'))).toBeUndefined();
  expect(await tableNames(catalog.server, database)).toEqual(['Filter']);
  await controller.close();
});
