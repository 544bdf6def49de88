import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import type { MysqlAccess } from '../ingest/storage/data/connection';
import { DataServer, quoteTable } from '../ingest/storage/data/connection';
import { type BenchServers, withServers } from './servers';

const DATABASE = 'bench_index';
const FIRST_CHUNK = 7140;
/** Chunks that are read from one worker at the same time, by either. */
const AT_ONCE = 2;

interface Figures {
  rows: number;
  chunks: number;
  buildSeconds: number[];
  clientSeconds: number[];
  buildMedian: number;
  clientMedian: number;
  ratio: number;
}

/**
 * Building a director index on request against `mariadb -e SELECT | mariadb -e 'LOAD DATA LOCAL'` chunk by chunk into the same kind
 * of table, as many chunks at once. Interleaved pairs, medians. Options: [ROWS] [CHUNKS] [PAIRS].
 */
export function benchIndex([rows = '3000000', chunks = '6', pairs = '3']: string[]): Promise<Figures> {
  return withServers(async (servers) => {
    const worker = new DataServer('bench worker', servers.mariadb.mysql);
    const master = new DataServer('bench master', servers.master.mysql);
    try {
      const numbers = Array.from({ length: Number(chunks) }, (_, i) => FIRST_CHUNK + i);
      const each = Math.floor(Number(rows) / numbers.length);
      await fill(servers, worker, numbers, each);
      const build = () => servers.controller.buildDirectorIndex(DATABASE, 'Object', { rebuild: true });
      const ours = async () => {
        const report = await build();
        if (report.rows !== each * numbers.length) throw new Error(`the index has ${report.rows} rows`);
      };
      const theirs = () => clientBuild(servers, master, numbers, each);
      const figures: Record<'build' | 'client', number[]> = { build: [], client: [] };
      // One of each that does not count: caches and compilers warm up.
      for (let pair = 0; pair <= Number(pairs); pair++) {
        const order: ('build' | 'client')[] = pair % 2 === 0 ? ['build', 'client'] : ['client', 'build'];
        const seconds = { build: 0, client: 0 };
        for (const name of order) {
          execFileSync('sync');
          const started = performance.now();
          await (name === 'build' ? ours() : theirs());
          seconds[name] = (performance.now() - started) / 1000;
          if (pair > 0) figures[name].push(seconds[name]);
        }
        const { build: b, client: c } = seconds;
        const label = pair === 0 ? 'warm-up' : `pair ${pair} `;
        print(`${label}  build ${b.toFixed(2)} s   mariadb clients ${c.toFixed(2)} s   ${(b / c).toFixed(2)}`);
      }
      const [buildMedian, clientMedian] = [median(figures.build), median(figures.client)];
      const ratio = buildMedian / clientMedian;
      const total = each * numbers.length;
      print(
        `median   build ${buildMedian.toFixed(2)} s   mariadb clients ${clientMedian.toFixed(2)} s   ${ratio.toFixed(2)}`,
      );
      return {
        rows: total,
        chunks: numbers.length,
        buildSeconds: figures.build,
        clientSeconds: figures.client,
        buildMedian,
        clientMedian,
        ratio,
      };
    } finally {
      await Promise.all([worker.close(), master.close()]);
    }
  });
}

/** A published director; ids are scattered over the chunks, and lie in a chunk in no order. */
async function fill({ controller }: BenchServers, worker: DataServer, chunks: number[], each: number): Promise<void> {
  await controller.registerDatabase({
    name: DATABASE,
    numStripes: 85,
    numSubStripes: 12,
    overlap: 0.01667,
    autoBuildDirectorIndex: false,
  });
  await controller.registerTable(DATABASE, {
    kind: 'director',
    name: 'Object',
    directorKey: 'objectId',
    longitudeKey: 'ra',
    latitudeKey: 'decl',
    schema: [
      { name: 'objectId', type: 'BIGINT NOT NULL' },
      { name: 'ra', type: 'DOUBLE NOT NULL' },
      { name: 'decl', type: 'DOUBLE NOT NULL' },
      { name: 'note', type: 'CHAR(60) NOT NULL' },
      { name: 'subChunkId', type: 'INT NOT NULL' },
    ],
  });
  await controller.allocateChunks({ database: DATABASE }, chunks);
  await controller.publish(DATABASE);
  for (const [i, chunk] of chunks.entries()) {
    const from = quoteTable(DATABASE, `seq_0_to_${each - 1}`);
    await worker.run(
      'fill a chunk',
      `INSERT INTO ${quoteTable(DATABASE, `Object_${chunk}`)}
       SELECT 1, 433327840000000 + ((seq * 7919) % ${each}) * ${chunks.length} + ${i}, 0, 0, 'an object', seq % 800 FROM ${from}`,
    );
  }
}

async function clientBuild({ mariadb, master }: BenchServers, data: DataServer, chunks: number[], each: number) {
  const table = quoteTable('qservMeta', 'bench_client');
  await data.run('drop', `DROP TABLE IF EXISTS ${table}`);
  await data.run(
    'create',
    `CREATE TABLE ${table} (objectId BIGINT NOT NULL, chunkId INT, subChunkId INT, UNIQUE KEY (objectId)) ENGINE=InnoDB`,
  );
  const waiting = [...chunks];
  const lane = async () => {
    for (let chunk = waiting.shift(); chunk !== undefined; chunk = waiting.shift()) {
      const select = `SELECT objectId, subChunkId FROM ${DATABASE}.Object_${chunk} ORDER BY objectId`;
      const load = `LOAD DATA LOCAL INFILE '/dev/stdin' INTO TABLE qservMeta.bench_client (objectId, subChunkId) SET chunkId = ${chunk}`;
      const from = `${client(mariadb.mysql)} --batch --quick --skip-column-names -e "${select}"`;
      await promisify(execFile)('bash', ['-o', 'pipefail', '-c', `${from} | ${client(master.mysql)} -e "${load}"`]);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  const [found] = await data.rows('count', `SELECT COUNT(*) AS n FROM ${table}`);
  if (Number(found?.n) !== each * chunks.length) throw new Error(`the clients loaded ${found?.n} rows`);
}

const client = ({ host, port, user, password }: MysqlAccess) =>
  `MYSQL_PWD='${password}' mariadb --no-defaults --local-infile=1 -h${host} -P${port} -u${user}`;

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

function print(line: string): void {
  process.stderr.write(`${line}\n`);
}
