import { execFile, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { MockActivityEnvironment } from '@temporalio/testing';
import { createIngestActivities } from '../activities/ingest';
import { databaseDefinition } from '../api/qserv/database';
import { tableRegistration } from '../api/qserv/table';
import { checkout } from '../dev/files';
import type { Plan, PlannedUnit } from '../ingest/campaign/ledger';
import type { BatchResult } from '../ingest/campaign/load-batch';
import { DEFAULT_DIALECT } from '../ingest/core/dialect';
import { partitionName, TRANSACTION_COLUMN } from '../ingest/core/names';
import { DataServer, quoteId, quoteTable } from '../ingest/storage/data/connection';
import { definitionOf, partitionsClause } from '../ingest/storage/data/definition';
import { PostgresLedger } from '../ingest/storage/metadata/ledger';
import { median, print } from './figures';
import { type BenchServers, withServers } from './servers';

const DATABASE = 'test101';
const TABLE = 'Source';
const CHUNK = 7480;
const EXAMPLE = join(checkout, 'examples', 'test101');
const MIB = 1024 * 1024;

interface Figures {
  bytes: number;
  rows: number;
  activitySeconds: number[];
  clientSeconds: number[];
  activityMedian: number;
  clientMedian: number;
  ratio: number;
}

/**
 * The load activity as Temporal runs it, from taking the unit to its record, against `mariadb --local-infile` loading the same file
 * into the same kind of table: the example's Source rows, repeated. Interleaved pairs, medians. Options: [MEGABYTES] [PAIRS].
 */
export function benchLoad([megabytes = '200', pairs = '5']: string[]): Promise<Figures> {
  return withServers(async (servers) => {
    const { file, bytes, rows } = await writeInput(servers.dir, Number(megabytes) * 1_000_000);
    print(`${(bytes / 1e6).toFixed(0)} MB, ${rows} rows of ${DATABASE}.${TABLE}`);
    await register(servers);
    const data = new DataServer('bench', servers.mariadb.mysql);
    const activitySeconds: number[] = [];
    const clientSeconds: number[] = [];
    try {
      const activity = await activityLoad(servers, bytes, rows);
      const client = clientLoad(servers, data, file, rows);
      // One of each that does not count: caches and compilers warm up.
      for (let pair = 0; pair <= Number(pairs); pair++) {
        const seconds: Record<string, number> = {};
        for (const [name, load] of pair % 2 === 0
          ? ([
              ['activity', activity],
              ['client', client],
            ] as const)
          : ([
              ['client', client],
              ['activity', activity],
            ] as const)) {
          execFileSync('sync');
          seconds[name] = await load(pair);
        }
        const { activity: ours = 0, client: theirs = 0 } = seconds;
        const label = pair === 0 ? 'warm-up' : `pair ${pair} `;
        print(
          `${label}  activity ${ours.toFixed(2)} s   mariadb client ${theirs.toFixed(2)} s   ${(ours / theirs).toFixed(2)}`,
        );
        if (pair === 0) continue;
        activitySeconds.push(ours);
        clientSeconds.push(theirs);
      }
    } finally {
      await data.close();
    }
    const activityMedian = median(activitySeconds);
    const clientMedian = median(clientSeconds);
    const ratio = activityMedian / clientMedian;
    const speed = (seconds: number) => `${seconds.toFixed(2)} s (${(bytes / 1e6 / seconds).toFixed(0)} MB/s)`;
    print(`median   activity ${speed(activityMedian)}   mariadb client ${speed(clientMedian)}   ${ratio.toFixed(2)}`);
    return { bytes, rows, activitySeconds, clientSeconds, activityMedian, clientMedian, ratio };
  });
}

/** A load of the pair's own; returns its seconds and puts everything back. */
type Load = (pair: number) => Promise<number>;

async function activityLoad(servers: BenchServers, bytes: number, rows: number): Promise<Load> {
  const { controller, worker, metadata } = servers;
  const ledger = new PostgresLedger(metadata);
  const activities = createIngestActivities({ ledger, worker: () => worker });
  return async (pair) => {
    const { id } = await controller.beginTransaction(DATABASE, {});
    await controller.allocateChunks({ transactionId: id }, [CHUNK]);
    const plan = planOf(pair, bytes);
    const { planId } = plan.summary;
    await ledger.savePlan(plan, plan.units);
    await ledger.place(planId, 0, id, new Map([[CHUNK, ['w1']]]), ['w1']);
    const input = { target: 'bench', planId, transactionId: id, worker: 'w1', units: [0], attempts: 1 };
    const started = performance.now();
    const result: BatchResult = await new MockActivityEnvironment().run(() => activities.loadBatch(input));
    const seconds = (performance.now() - started) / 1000;
    if (result.loaded[0]?.rows !== rows) throw new Error(`the activity loaded ${JSON.stringify(result)}`);
    await controller.endTransaction(id, 'abort');
    return seconds;
  };
}

function clientLoad({ mariadb }: BenchServers, data: DataServer, file: string, rows: number): Load {
  const run = promisify(execFile);
  const table = `${TABLE}_${CHUNK}_client`;
  const { host, port, user, password } = mariadb.mysql;
  return async (pair) => {
    const transaction = pair + 1;
    const definition = await definitionOf(data, DATABASE, TABLE);
    await data.run(
      'create',
      `CREATE TABLE ${quoteTable(DATABASE, table)} ${definition} ${partitionsClause(transaction)}`,
    );
    const columns = schemaOf(TABLE).schema.map((column) => quoteId(column.name));
    const sql = `LOAD DATA LOCAL INFILE '${file}' INTO TABLE ${quoteTable(DATABASE, table)} CHARACTER SET latin1
      FIELDS TERMINATED BY ',' (${columns.join(', ')}) SET ${quoteId(TRANSACTION_COLUMN)} = ${transaction}`;
    const started = performance.now();
    await run('mariadb', ['--no-defaults', '--local-infile=1', `-h${host}`, `-P${port}`, `-u${user}`, '-e', sql], {
      env: { ...process.env, MYSQL_PWD: password },
    });
    const seconds = (performance.now() - started) / 1000;
    const count = `SELECT SUM(1) AS n FROM ${quoteTable(DATABASE, table)} PARTITION (${partitionName(transaction)})`;
    const [found] = await data.rows('count', count);
    if (Number(found?.n) !== rows) throw new Error(`the client loaded ${found?.n} rows`);
    await data.run('drop', `DROP TABLE ${quoteTable(DATABASE, table)}`);
    return seconds;
  };
}

async function register({ controller }: BenchServers): Promise<void> {
  const text = readFileSync(join(EXAMPLE, 'database_test101.json'), 'utf8');
  await controller.registerDatabase(databaseDefinition.parse(JSON.parse(text)));
  for (const table of ['Object', TABLE]) await controller.registerTable(DATABASE, schemaOf(table));
}

function schemaOf(table: string) {
  return tableRegistration.parse(JSON.parse(readFileSync(join(EXAMPLE, `table_${table}.json`), 'utf8'))).definition;
}

function planOf(pair: number, bytes: number): Plan {
  const unit: PlannedUnit = {
    unit: 0,
    transactionSeq: 0,
    table: TABLE,
    chunk: CHUNK,
    overlap: false,
    everyWorker: false,
    bytes,
    sources: [{ url: 'root://bench/input.csv', dialect: { ...DEFAULT_DIALECT, fieldsTerminatedBy: ',' }, charset: '' }],
    fingerprint: `bench-${pair}`,
  };
  const sums = { transactions: 1, units: 1, contributions: 1, bytes, tables: [], alreadyCommitted: 0 };
  return {
    summary: { planId: `bench-${pair}`, target: 'bench', database: DATABASE, fingerprint: `bench-${pair}`, ...sums },
    databaseDefinition: { name: DATABASE, numStripes: 85, numSubStripes: 12, overlap: 0.01667 },
    tables: [],
    quality: 'strict',
    maxNumWarnings: 0,
    finishing: {},
    units: [unit],
  };
}

async function writeInput(dir: string, bytes: number): Promise<{ file: string; bytes: number; rows: number }> {
  const part = readFileSync(join(EXAMPLE, 'data', TABLE, `chunk_${CHUNK}.txt`));
  const rows = part.toString('latin1').split('\n').length - 1;
  const file = join(dir, 'input.csv');
  const out = createWriteStream(file, { highWaterMark: 4 * MIB });
  const parts = Math.ceil(bytes / part.length);
  for (let i = 0; i < parts; i++) if (!out.write(part)) await once(out, 'drain');
  out.end();
  await once(out, 'close');
  return { file, bytes: parts * part.length, rows: parts * rows };
}
