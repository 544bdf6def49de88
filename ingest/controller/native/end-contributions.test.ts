import { setTimeout as sleep } from 'node:timers/promises';
import { objectRows } from '../../../test/support/generate';
import { TestCatalog } from '../../../test/support/load-catalog';
import { nativeServers } from '../../../test/support/native';
import { send } from '../../../test/support/sending';
import { freshDatabase, sharedMariaDb, uniqueName } from '../../../test/support/servers';
import { settleLock, unitLock } from '../../core/names';
import type { DataConnection, MysqlAccess } from '../../storage/data/connection';
import { killHolder, lockHolder, releaseLocks, takeLock } from '../../storage/data/user-locks';
import type { Metadata } from '../../storage/metadata';
import { takePlaceToSettle } from '../../storage/places/lock';
import { NativeIngestWorker } from '../../worker/native';
import type { LoadUnit } from '../../worker/worker';
import { NativeController, type NativeServers } from './controller';

/** Ends of super-transactions against what contributions that came one by one left in their partitions. */

let mysql: MysqlAccess;
let servers: NativeServers;
let catalog: TestCatalog;
let chunk = 100;

beforeAll(async () => {
  mysql = await sharedMariaDb('w2');
  servers = nativeServers(await sharedMariaDb('master'), { w2: mysql });
  catalog = await TestCatalog.create(uniqueName('ends'), 'w2', await freshDatabase(), mysql);
});
afterAll(() => catalog.close());

async function newPlace(): Promise<LoadUnit> {
  chunk += 1;
  await catalog.allocate(chunk);
  return catalog.unit(await catalog.begin(), chunk);
}

async function withController<T>(
  options: { connections?: number; metadata?: Metadata },
  work: (controller: NativeController) => Promise<T>,
): Promise<T> {
  const { connections = 10, metadata = catalog.metadata } = options;
  const controller = new NativeController({ target: 'test', servers, metadata, connections: { connections } });
  try {
    return await work(controller);
  } finally {
    await controller.close();
  }
}

async function withWorker<T>(work: (worker: NativeIngestWorker) => Promise<T>): Promise<T> {
  const sources = { roots: {}, stallSeconds: 5 };
  const worker = new NativeIngestWorker({ name: 'w2', mysql, metadata: catalog.metadata, sources });
  try {
    return await work(worker);
  } finally {
    await worker.close();
  }
}

/** Rows in the partition whose contribution is as a process leaves it that is gone: noted, or about to take the partition's lock. */
async function leave(place: LoadUnit, { thread = 1, noted = false } = {}): Promise<number> {
  const { id } = await withWorker((worker) => send(worker, place, objectRows(20)));
  const record = { bytes: 1, rows: 20, rowsLoaded: 20, numWarnings: 0, warnings: [], readTime: 5 };
  const note = { staging: 'gone', plain: 'gone', before: 0, record };
  await catalog.metadata.transaction(async (tx) => {
    await tx`UPDATE qserv.contribution_request SET phase = 'working', session = 'gone', token = 'gone', staging = 'gone',
      thread = ${thread}, attached = NULL, attaching = ${noted ? tx.json(note) : null} WHERE contrib_id = ${id}`;
    await tx`UPDATE qserv.transaction_contrib SET status = 'IN_PROGRESS', load_time = 0 WHERE id = ${id}`;
  });
  return id;
}

test('an abort ends whoever is in its way, also when all connections are taken by those who wait for partitions', async () => {
  const place = await newPlace();
  const { server } = catalog;
  const lost = server.connection('attempt', async (attempt) => {
    await leave(place, { thread: attempt.threadId });
    await takeLock(attempt, unitLock(place), 0);
    await withController({ connections: 1 }, async (controller) => {
      expect(await controller.endTransaction(place.transactionId, 'abort')).toMatchObject({ state: 'ABORTED' });
    });
    await attempt.rows('look', 'SELECT 1');
  });
  await expect(lost).rejects.toMatchObject({ code: 'UNAVAILABLE' });
});

test('a commit and a worker that starts anew settle the same partition one after the other', async () => {
  const place = await newPlace();
  const id = await leave(place, { noted: true });
  let worker: Promise<void> | undefined;
  // The worker comes when the commit, which has the partition, is about to write what became of the rows.
  const transaction: Metadata['transaction'] = async (work) => {
    const holder = await lockHolder(catalog.server, unitLock(place));
    if (holder !== null && worker === undefined) {
      worker = restarted();
      await sleep(1500);
    }
    return catalog.metadata.transaction(work);
  };
  await withController({ metadata: { ...catalog.metadata, transaction } }, async (controller) => {
    const { transactionId } = place;
    const ended = await controller.endTransaction(transactionId, 'commit', undefined, { once: true });
    expect(ended).toMatchObject({ state: 'FINISHED' });
    expect(await controller.contribution(id)).toMatchObject({ status: 'FINISHED', rowsLoaded: 20 });
  });
  expect(worker).toBeDefined();
  await worker;
});

/** A worker's process that brings what it finds to an end. */
async function restarted(): Promise<void> {
  await withWorker(async (worker) => {
    const queue = worker.runQueue({ threads: 1 });
    await sleep(2000);
    await queue.close();
  });
}

test('an attempt at a worker that left the target keeps nobody from an abort', async () => {
  const { transactionId, database } = await newPlace();
  await catalog.metadata.run(async (sql) => {
    await sql`INSERT INTO qserv.config_worker VALUES ('gone', false, false)`;
    await sql`INSERT INTO qserv.load_unit (transaction_id, worker, database, "table", chunk, is_overlap, request, attempts, token, attaching)
      VALUES (${transactionId}, 'gone', ${database}, 'Object', ${chunk}, false, '', 1, 'gone', '{}')`;
  });
  await withController({}, async (controller) => {
    expect(await controller.endTransaction(transactionId, 'abort')).toMatchObject({ state: 'ABORTED' });
  });
});

test('of those who settle a partition one waits for the other', async () => {
  const place = await newPlace();
  const access = { metadata: catalog.metadata, control: catalog.server, worker: 'w2', place };
  const settle = (work: (connection: DataConnection) => Promise<void>) =>
    catalog.server.connection('settle', async (connection) => {
      await takePlaceToSettle(access, connection);
      await work(connection);
      await releaseLocks(connection);
    });
  const order: string[] = [];
  let second: Promise<void> | undefined;
  await settle(async (connection) => {
    second = settle(async () => void order.push('second'));
    // Longer than one question for the lock.
    await sleep(1200);
    order.push('first');
    for (const lock of [settleLock(place), unitLock(place)]) {
      expect(await lockHolder(connection, lock)).toBe(connection.threadId);
    }
  });
  await second;
  expect(order).toEqual(['first', 'second']);
});

test('a connection is killed for a lock that it holds, and not for one that it held', async () => {
  const lock = unitLock(await newPlace());
  await catalog.server.connection('hold', async (connection) => {
    await takeLock(connection, lock, 0);
    await releaseLocks(connection);
    await killHolder(catalog.server, lock, connection.threadId);
    expect(await connection.rows('live', 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await takeLock(connection, lock, 0);
    await killHolder(catalog.server, lock, connection.threadId);
    await expect(connection.rows('live', 'SELECT 1')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await killHolder(catalog.server, lock, connection.threadId);
  });
});
