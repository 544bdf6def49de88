import { setTimeout as sleep } from 'node:timers/promises';
import type { MariaDbServer } from '../../dev/mariadb';
import { NativeController, type NativeServers } from '../../ingest/controller/native/controller';
import { ROW_COUNTERS_STEPS } from '../../ingest/controller/native/row-counters';
import { TABLE_INDEX_STEPS } from '../../ingest/controller/native/table-indexes';
import { META_SCHEMA, rowCountersTable } from '../../ingest/core/names';
import type { StepHook } from '../../ingest/core/steps';
import { type DataServer, quoteTable } from '../../ingest/storage/data/connection';
import { tableNames } from '../../ingest/storage/data/drop-tables';
import { shownColumns } from '../../ingest/storage/data/table-columns';
import { type Metadata, openMetadata } from '../../ingest/storage/metadata';
import type { ControllerOrder } from '../support/controller-child';
import { ControllerProcess } from '../support/controller-process';
import { nativeServers } from '../support/native';
import { contents, dataServer, facts, putRows, registerCatalog } from '../support/registered';
import { freshDatabase, privateMariaDb } from '../support/servers';

/**
 * The controller's process, and the MariaDB at work, are killed (SIGKILL) at every named step of row counters and table indexes, and
 * MariaDB while tables are changed; a repeat comes to the same as if nothing had happened. Every other round MariaDB is killed while the step's statement runs.
 */

const ROUNDS = process.env.FAULT_ROUNDS === undefined ? 2 : 10;
const TARGET = 'test';
const byId = { index: 'by_id', columns: [{ column: 'objectId' }] };
const INDEX_STEPS = TABLE_INDEX_STEPS;
/** Steps that come once for each final table. */
const ONE_BY_ONE = /^(index\.|alter\.table)/;
const DEPLOY_STEPS = ROW_COUNTERS_STEPS.filter((step) => !['counters.scan', 'counters.store'].includes(step));

jest.setTimeout(120_000 + ROUNDS * 30_000);

let postgresUrl: string;
let metadata: Metadata;
let master: MariaDbServer;
let worker: MariaDbServer;
let servers: NativeServers;
let server: DataServer;
let masterServer: DataServer;
let hook: StepHook = () => {};
let controller: NativeController;

beforeAll(async () => {
  postgresUrl = await freshDatabase();
  metadata = openMetadata(postgresUrl);
  await metadata.migrate();
  master = privateMariaDb('finishing-master', 'master');
  worker = privateMariaDb('finishing-worker');
  await Promise.all([master.start(), worker.start()]);
  servers = nativeServers(master.mysql, { worker: worker.mysql });
  server = dataServer('worker', worker.mysql);
  masterServer = dataServer('master', master.mysql);
  controller = new NativeController({ target: TARGET, servers, metadata, steps: (step, detail) => hook(step, detail) });
});

afterAll(async () => {
  await Promise.all([controller.close(), server.close(), masterServer.close()]);
  await metadata.close();
  await Promise.all([master.stop(), worker.stop()]);
});

/** A published catalog with rows in two chunks of Object. */
async function published(): Promise<string> {
  const database = await registerCatalog(controller);
  const { id } = await controller.beginTransaction(database, {});
  await controller.allocateChunks({ database }, [7480, 7310]);
  await putRows(server, database, 'Object', 7480, false, id, 20_000);
  await putRows(server, database, 'Object', 7310, false, id, 300);
  await putRows(server, database, 'Object', 7310, true, id, 7);
  await controller.endTransaction(id, 'commit');
  await controller.publish(database);
  return database;
}

async function deployed(database: string): Promise<unknown[]> {
  const sql = `SELECT chunk, num_rows AS n FROM ${quoteTable(META_SCHEMA, rowCountersTable(database, 'Object'))} ORDER BY chunk`;
  return (await masterServer.rows('read counters', sql)).map(({ chunk, n }) => [chunk, n]);
}

const RIGHT = [
  [7310, 300],
  [7480, 20_000],
];

/** Collects, deploys; afterwards everything is as it must be, with nothing left beside. */
async function countersAreRight(database: string): Promise<void> {
  const report = await controller.collectRowCounters(database, 'Object', { policy: 'ENABLED' });
  expect(report).toMatchObject({ stored: true, rows: 20_300, overlapRows: 7 });
  expect((await controller.rowCounters(database, 'Object')).map((c) => c.rows)).toEqual([300, 7, 20_000, 0]);
  await controller.deployRowCounters(database, 'Object');
  expect(await deployed(database)).toEqual(RIGHT);
  const left = (await tableNames(masterServer, META_SCHEMA)).filter((name) => name.startsWith('qserv_ingest_rows'));
  expect(left).toEqual([]);
}

/** Makes, or drops, the index; afterwards it is, or is not, on every final table, and every row is there. */
async function indexIsRight(database: string, step: string, before: unknown): Promise<void> {
  if (step === 'index.create') {
    await controller.createTableIndex(database, 'Object', byId);
    expect(await controller.tableIndexes(database, 'Object')).toMatchObject([{ status: 'COMPLETE', replicas: 3 }]);
  } else {
    await controller.dropTableIndex(database, 'Object', 'by_id');
    expect(await controller.tableIndexes(database, 'Object')).toEqual([]);
  }
  const after = await contents(server, database);
  expect(facts(after)).toEqual(before);
}

/** Every table of Object has the change, and every row. */
async function altered(database: string): Promise<void> {
  for (const [where, count] of [
    [masterServer, 1],
    [server, 7],
  ] as const) {
    const tables = await where.rows('list', `SHOW TABLES FROM ${database} LIKE 'Object%'`);
    expect(tables).toHaveLength(count);
    for (const name of tables.flatMap((row) => Object.values(row))) {
      const columns = (await shownColumns(where, database, String(name))).map((column) => column.name);
      expect(columns).toEqual(['qserv_trans_id', 'objectId', 'ra', 'decl', 'chunk', 'subChunkId', 'c']);
    }
  }
  const sum = (name: string) => `SELECT SUM(1) AS n, SUM(c) AS c, SUM(objectId) AS ids FROM ${database}.${name}`;
  expect(await server.rows('sum', sum('Object_7480'))).toEqual([{ n: '20000', c: '60000', ids: '200010000' }]);
  expect(await server.rows('sum', sum('ObjectFullOverlap_7310'))).toEqual([{ n: '7', c: '21', ids: '28' }]);
}

describe('the controller’s process is killed', () => {
  const killedAt = async (waitAt: string, ...call: ControllerOrder['call']) => {
    const child = await ControllerProcess.waitingAt({ postgresUrl, target: TARGET, servers, call, waitAt });
    await child.kill();
  };

  test.each(['counters.scan', 'counters.store'])('at %s', async (step) => {
    const database = await published();
    await killedAt(step, 'collectRowCounters', database, 'Object', { policy: 'ENABLED' });
    expect(await controller.rowCounters(database, 'Object')).toEqual([]);
    await countersAreRight(database);
  });

  test.each(DEPLOY_STEPS)('at %s', async (step) => {
    const database = await published();
    await countersAreRight(database);
    await killedAt(step, 'deployRowCounters', database, 'Object');
    expect(await deployed(database)).toEqual(RIGHT);
    await countersAreRight(database);
  });

  test.each(INDEX_STEPS)('at %s', async (step) => {
    const database = await published();
    const before = facts(await contents(server, database));
    if (step === 'index.drop') await controller.createTableIndex(database, 'Object', byId);
    const call: ControllerOrder['call'] =
      step === 'index.create'
        ? ['createTableIndex', database, 'Object', byId]
        : ['dropTableIndex', database, 'Object', 'by_id'];
    await killedAt(step, ...call);
    await indexIsRight(database, step, before);
  });
});

describe('MariaDB is killed', () => {
  /** Does something that reaches the step, at which the server is killed: at once, or while the statement runs. */
  async function killAt(step: string, victim: MariaDbServer, inside: boolean, work: () => Promise<unknown>) {
    let killed: Promise<void> | undefined;
    hook = async (name, { table }) => {
      if (name !== step || killed !== undefined || (ONE_BY_ONE.test(step) && table !== 'Object_7480')) return;
      if (!inside) {
        killed = victim.kill();
        await killed;
      } else killed = sleep(Math.random() * 15).then(() => victim.kill());
    };
    const outcome = await work().then(
      () => 'done',
      (error: { code: string }) => error.code,
    );
    hook = () => {};
    expect(killed).toBeDefined();
    await killed;
    // Storing needs no MariaDB.
    expect(['UNAVAILABLE', ...(inside || step === 'counters.store' ? ['done'] : [])]).toContain(outcome);
    await victim.start();
  }

  test.each(['counters.scan', 'counters.store'])('at %s', async (step) => {
    for (let round = 0; round < ROUNDS; round++) {
      const database = await published();
      await killAt(step, worker, round % 2 === 1, () =>
        controller.collectRowCounters(database, 'Object', { policy: 'ENABLED' }),
      );
      await countersAreRight(database);
    }
  });

  test.each(DEPLOY_STEPS)('at %s', async (step) => {
    for (let round = 0; round < ROUNDS; round++) {
      const database = await published();
      await countersAreRight(database);
      await killAt(step, master, round % 2 === 1, () => controller.deployRowCounters(database, 'Object'));
      // Readers always find whole counters.
      expect(await deployed(database)).toEqual(RIGHT);
      await countersAreRight(database);
    }
  });

  test.each(INDEX_STEPS)('at %s', async (step) => {
    for (let round = 0; round < ROUNDS; round++) {
      const database = await published();
      const before = facts(await contents(server, database));
      if (step === 'index.drop') await controller.createTableIndex(database, 'Object', byId);
      await killAt(step, worker, round % 2 === 1, () =>
        step === 'index.create'
          ? controller.createTableIndex(database, 'Object', byId)
          : controller.dropTableIndex(database, 'Object', 'by_id'),
      );
      await indexIsRight(database, step, before);
    }
  });

  test.each(['alter.shell', 'alter.table'])('at %s', async (step) => {
    const spec = 'ADD c INT NOT NULL DEFAULT 3, RENAME COLUMN chunkId TO chunk';
    for (let round = 0; round < ROUNDS; round++) {
      const database = await published();
      const alter = () => controller.alterTable(database, 'Object', spec);
      await killAt(step, step === 'alter.shell' ? master : worker, round % 2 === 1, alter);
      // Not again where it had come to its end before the server was gone.
      const columns = await controller.tableSchema(database, 'Object');
      expect([6, 7]).toContain(columns.length);
      await alter().catch((error) => expect(error).toMatchObject({ code: 'INVALID_INPUT' }));
      await altered(database);
    }
  });
});
