import { randomBytes } from 'node:crypto';
import { CATALOG_TABLES, newCatalog } from '../../ingest/controller/contract';
import type { TableDefinition } from '../../ingest/controller/controller';
import { INDEX_BUILD_STEPS } from '../../ingest/controller/native/build-index';
import type { NativeController } from '../../ingest/controller/native/controller';
import {
  INDEX_ABORT_STEPS,
  INDEX_BEGIN_STEPS,
  INDEX_COMMIT_STEPS,
  INDEX_PUBLISH_STEPS,
  INDEX_REGISTER_STEPS,
} from '../../ingest/controller/native/director-index';
import { chunkTable, directorIndexTable, META_SCHEMA, PUBLISH_SCHEMA } from '../../ingest/core/names';
import { type DataServer, quoteTable } from '../../ingest/storage/data/connection';
import { partitionClause } from '../../ingest/storage/data/definition';
import { tableNames } from '../../ingest/storage/data/drop-tables';
import { INDEX_CHUNK_STEPS } from '../../ingest/storage/data/index-chunk';
import { partitionNames } from '../../ingest/storage/data/partitions';
import type { Metadata } from '../../ingest/storage/metadata';
import type { ControllerOrder } from './controller-child';

/** Where a scenario happens. */
export interface IndexServers {
  controller: NativeController;
  metadata: Metadata;
  master: DataServer;
  workers: Map<string, DataServer>;
}

/** What is interrupted, and how things must be once it was repeated and went well. */
export interface Interrupted {
  call: ControllerOrder['call'];
  check(): Promise<void>;
}

export interface IndexScenario {
  name: string;
  steps: readonly string[];
  /** Steps that need the workers. */
  onWorkers: readonly string[];
  prepare(servers: IndexServers): Promise<Interrupted>;
}

/** Keys may come twice: then an object that is taken in twice shows as two rows, and is not refused. */
const DIRECTOR = { ...CATALOG_TABLES.object, uniquePrimaryKey: false } as TableDefinition;
const CHUNKS = [7140, 7141, 7310, 7311, 7480, 7481];
const ROWS = 300;

/** `id chunk sub-chunk`, as many times as they are there. */
type Entries = string[];

/** Puts objects into chunks of a super-transaction, as loads leave them; returns what an index of them holds. */
async function putObjects(
  { controller, metadata, workers }: IndexServers,
  database: string,
  transactionId: number,
  first: number,
): Promise<Entries> {
  const entries: Entries = [];
  for (const [i, { chunk, worker }] of (await controller.allocateChunks({ transactionId }, CHUNKS)).entries()) {
    const server = workers.get(worker) as DataServer;
    const table = quoteTable(database, chunkTable('Object', chunk, false));
    const from = first + i * ROWS;
    const like = quoteTable(database, 'Object');
    await server.run('make a chunk table', `CREATE TABLE IF NOT EXISTS ${table} LIKE ${like}`);
    await server.run('add a partition', `ALTER TABLE ${table} ADD PARTITION (${partitionClause(transactionId)})`);
    await server.run(
      'put objects',
      `INSERT INTO ${table} (qserv_trans_id, objectId, ra, decl, chunkId, subChunkId)
       SELECT ${transactionId}, seq, 0, 0, ${chunk}, seq % 800 FROM ${quoteTable(database, `seq_${from}_to_${from + ROWS - 1}`)}`,
    );
    await metadata.run(
      (sql) => sql`
        INSERT INTO qserv.transaction_contrib (transaction_id, worker, database, "table", chunk, is_overlap, url, status)
        VALUES (${transactionId}, ${worker}, ${database}, 'Object', ${chunk}, false, 'file:///x', 'FINISHED')`,
    );
    for (let id = from; id < from + ROWS; id++) entries.push(`${id} ${chunk} ${id % 800}`);
  }
  return entries;
}

async function indexOf({ master }: IndexServers, database: string): Promise<Entries> {
  const name = quoteTable(META_SCHEMA, directorIndexTable(database, 'Object'));
  const sql = `SELECT CONCAT_WS(' ', objectId, chunkId, subChunkId) AS entry FROM ${name}`;
  const rows = await master.rows<{ entry: string }>('read the index', sql);
  return rows.map(({ entry }) => entry).sort();
}

async function register({ controller }: IndexServers): Promise<string> {
  const catalog = newCatalog();
  await controller.registerDatabase(catalog);
  await controller.registerTable(catalog.name, DIRECTOR);
  return catalog.name;
}

/** A catalog with a committed super-transaction, and another one with rows that is open. */
async function loaded(servers: IndexServers) {
  const database = await register(servers);
  const [a, b] = [
    await servers.controller.beginTransaction(database, {}),
    await servers.controller.beginTransaction(database, {}),
  ];
  const committed = await putObjects(servers, database, a.id, 1);
  await servers.controller.endTransaction(a.id, 'commit');
  // Some keys are those of the other one.
  const open = await putObjects(servers, database, b.id, 4 * ROWS);
  return { database, a: a.id, b: b.id, committed, open };
}

async function checkIndex(servers: IndexServers, database: string, entries: Entries, partitions: string[]) {
  expect(await indexOf(servers, database)).toEqual([...entries].sort());
  expect(await partitionNames(servers.master, META_SCHEMA, directorIndexTable(database, 'Object'))).toEqual(partitions);
}

/** Nothing is left of building but, while super-transactions are open, the (empty) table of marks. */
async function checkLeftovers({ master }: IndexServers, database: string, marks: 'may be there' | 'gone') {
  const names = (await tableNames(master, PUBLISH_SCHEMA)).filter((name) => name.includes(database));
  if (marks === 'gone') expect(names).toEqual([]);
  else expect(names.filter((name) => !name.startsWith('index_marks'))).toEqual([]);
  for (const name of names) {
    expect(await master.rows('look into the marks', `SELECT * FROM ${quoteTable(PUBLISH_SCHEMA, name)}`)).toEqual([]);
  }
}

export const INDEX_SCENARIOS: IndexScenario[] = [
  {
    name: 'register',
    steps: INDEX_REGISTER_STEPS,
    onWorkers: [],
    async prepare(servers) {
      const catalog = newCatalog();
      await servers.controller.registerDatabase(catalog);
      return {
        call: ['registerTable', catalog.name, DIRECTOR],
        check: () => checkIndex(servers, catalog.name, [], ['p0']),
      };
    },
  },
  {
    name: 'begin',
    steps: INDEX_BEGIN_STEPS,
    onWorkers: [],
    async prepare(servers) {
      const database = await register(servers);
      const context = { token: randomBytes(6).toString('hex') };
      return {
        call: ['beginTransaction', database, context],
        async check() {
          const [begun, ...others] = await servers.controller.transactions({ database });
          expect(others).toEqual([]);
          expect(begun?.state).toBe('STARTED');
          await checkIndex(servers, database, [], ['p0', `p${begun?.id}`]);
        },
      };
    },
  },
  {
    name: 'commit',
    steps: [...INDEX_COMMIT_STEPS, ...INDEX_CHUNK_STEPS],
    onWorkers: INDEX_CHUNK_STEPS,
    async prepare(servers) {
      const { database, a, b, committed, open } = await loaded(servers);
      return {
        call: ['endTransaction', b, 'commit'],
        async check() {
          expect(await servers.controller.transaction(b)).toMatchObject({ state: 'FINISHED' });
          await checkIndex(servers, database, [...committed, ...open], ['p0', `p${a}`, `p${b}`]);
          await servers.controller.publish(database);
          await checkLeftovers(servers, database, 'gone');
        },
      };
    },
  },
  {
    name: 'abort',
    steps: INDEX_ABORT_STEPS,
    onWorkers: [],
    async prepare(servers) {
      const { database, a, b, committed } = await loaded(servers);
      return {
        call: ['endTransaction', b, 'abort'],
        async check() {
          expect(await servers.controller.transaction(b)).toMatchObject({ state: 'ABORTED' });
          await checkIndex(servers, database, committed, ['p0', `p${a}`]);
          await checkLeftovers(servers, database, 'may be there');
        },
      };
    },
  },
  {
    name: 'publish',
    steps: INDEX_PUBLISH_STEPS,
    onWorkers: [],
    async prepare(servers) {
      const { database, b, committed, open } = await loaded(servers);
      await servers.controller.endTransaction(b, 'commit');
      return {
        call: ['publish', database, { consolidateDirectorIndex: true }],
        async check() {
          expect(await servers.controller.database(database)).toMatchObject({ isPublished: true });
          await checkIndex(servers, database, [...committed, ...open], []);
          await checkLeftovers(servers, database, 'gone');
        },
      };
    },
  },
  {
    name: 'build',
    steps: [...INDEX_BUILD_STEPS, ...INDEX_CHUNK_STEPS],
    onWorkers: INDEX_CHUNK_STEPS,
    /** Over an automatic index with partitions, and over a build of the other kind that was not finished. */
    async prepare(servers) {
      const { controller } = servers;
      const { database, b, committed, open } = await loaded(servers);
      await controller.endTransaction(b, 'commit');
      await controller.publish(database);
      const refused = { rebuild: true, unique: true };
      await expect(controller.buildDirectorIndex(database, 'Object', refused)).rejects.toMatchObject({
        code: 'INDEX_FAILED',
      });
      return {
        call: ['buildDirectorIndex', database, 'Object', { rebuild: true }],
        async check() {
          await checkIndex(servers, database, [...committed, ...open], []);
          await checkLeftovers(servers, database, 'gone');
        },
      };
    },
  },
];
