import { execFileSync } from 'node:child_process';
import type { TableDefinition } from '../ingest/controller/controller';
import { chunkTable, partitionName, replacementName } from '../ingest/core/names';
import { DataServer, quoteTable } from '../ingest/storage/data/connection';
import { definitionOf, partitionClause, partitionsClause } from '../ingest/storage/data/definition';
import { median, print, seconds } from './figures';
import { type BenchServers, withServers } from './servers';

/** Chunk tables of each table; the same for small and large ones, so that only the bytes differ. */
const CHUNKS = Array.from({ length: 20 }, (_, i) => 7140 + i);
/** Of a row, about: the transaction's id, a BIGINT, two DOUBLEs, two INTs and the padding. */
const ROW_BYTES = 256;
const PADDING = ROW_BYTES - 4 - 8 - 16 - 8 - 1;

interface Compared {
  /** Seconds, one a round. */
  small: number[];
  large: number[];
  /** Of the medians. */
  ratio: number;
}

/**
 * Publishing tables of SMALL megabytes and of FACTOR times as many, in the same number of chunk tables: by rename (one partition a
 * table), by copy (two), and by MariaDB's own REMOVE PARTITIONING. Then a republish, which replaces a table of the same size beside
 * untouched tables of either size. Interleaved rounds, medians. Options: [SMALL] [FACTOR] [ROUNDS].
 */
export function benchPublish([small = '200', factor = '10', rounds = '3']: string[]): Promise<unknown> {
  return withServers(async (servers) => {
    const data = new DataServer('bench', servers.mariadb.mysql);
    const sizes = { small: Number(small) * 1e6, large: Number(small) * Number(factor) * 1e6 };
    try {
      const bench = new PublishBench(servers, data);
      const compare = (what: string, measure: (bytes: number) => Promise<number>) =>
        compared(what, sizes, Number(rounds), measure);
      return {
        bytes: sizes,
        rename: await compare('publish by rename', (bytes) => bench.publish(bytes, 1)),
        copy: await compare('publish by copy', (bytes) => bench.publish(bytes, 2)),
        removePartitioning: await compare('REMOVE PARTITIONING', (bytes) => bench.removePartitioning(bytes)),
        republish: await compare('republish beside', (bytes) => bench.republish(bytes)),
      };
    } finally {
      await data.close();
    }
  });
}

async function compared(
  what: string,
  sizes: { small: number; large: number },
  rounds: number,
  measure: (bytes: number) => Promise<number>,
): Promise<Compared> {
  const small: number[] = [];
  const large: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? (['small', 'large'] as const) : (['large', 'small'] as const);
    const got = { small: 0, large: 0 };
    for (const size of order) got[size] = await measure(sizes[size]);
    small.push(got.small);
    large.push(got.large);
    print(
      `${what.padEnd(20)} ${megabytes(sizes.small)} ${text(got.small)}   ${megabytes(sizes.large)} ${text(got.large)}`,
    );
  }
  const ratio = median(large) / median(small);
  print(`${what.padEnd(20)} median ${text(median(small))} and ${text(median(large))}: ${ratio.toFixed(2)}`);
  return { small, large, ratio };
}

/** Databases of one table each, filled on the server. */
class PublishBench {
  private number = 0;

  constructor(
    private readonly servers: BenchServers,
    private readonly data: DataServer,
  ) {}

  async publish(bytes: number, partitions: number): Promise<number> {
    const database = await this.filled(bytes, partitions);
    const time = await seconds(() => this.servers.controller.publish(database));
    await this.drop(database);
    return time;
  }

  /** What Qserv does instead, on the tables themselves. */
  async removePartitioning(bytes: number): Promise<number> {
    const database = await this.filled(bytes, 1);
    const time = await seconds(async () => {
      for (const chunk of CHUNKS) {
        const table = quoteTable(database, chunkTable('Object', chunk, false));
        await this.data.run('remove partitioning', `ALTER TABLE ${table} REMOVE PARTITIONING`);
      }
    });
    await this.drop(database);
    return time;
  }

  /** Unpublish, register and fill the next version of a table of 20 MB, publish; the untouched one has `bytes`. */
  async republish(bytes: number): Promise<number> {
    const { controller } = this.servers;
    const database = await this.filled(bytes, 1);
    await controller.registerTable(database, tableOf('Other'));
    await this.fill(database, 'Other', 20e6);
    await controller.publish(database);
    settle();
    const next = replacementName('Other');
    const time = await seconds(async () => {
      await controller.unpublish(database);
      await controller.registerTable(database, tableOf(next), { replaces: 'Other' });
      await this.fill(database, next, 20e6);
      await controller.publish(database);
    });
    await this.drop(database);
    return time;
  }

  private async filled(bytes: number, partitions: number): Promise<string> {
    const { controller } = this.servers;
    const database = `bench_${++this.number}`;
    const partitioning = { numStripes: 85, numSubStripes: 12, overlap: 0.01667 };
    await controller.registerDatabase({ name: database, ...partitioning, autoBuildDirectorIndex: false });
    await controller.allocateChunks({ database }, CHUNKS);
    await controller.registerTable(database, tableOf('Object'));
    for (let i = 0; i < partitions; i++) await this.fill(database, 'Object', bytes / partitions);
    settle();
    return database;
  }

  /** One super-transaction's rows, evenly over the chunk tables. */
  private async fill(database: string, table: string, bytes: number): Promise<void> {
    const { controller } = this.servers;
    const { id } = await controller.beginTransaction(database, {});
    const rows = Math.ceil(bytes / CHUNKS.length / ROW_BYTES);
    for (const chunk of CHUNKS) {
      const name = quoteTable(database, chunkTable(table, chunk, false));
      const definition = await definitionOf(this.data, database, table);
      await this.data.run('create', `CREATE TABLE IF NOT EXISTS ${name} ${definition} ${partitionsClause(id)}`);
      await this.data.run('add', `ALTER TABLE ${name} ADD PARTITION IF NOT EXISTS (${partitionClause(id)})`);
      const values = `${id}, seq, seq / 7, -seq / 11, ${chunk}, seq % 800, REPEAT('x', ${PADDING})`;
      await this.data.run(
        'fill',
        `INSERT INTO ${name} SELECT ${values} FROM ${quoteTable(database, `seq_1_to_${rows}`)}`,
      );
      const [found] = await this.data.rows<{ n: string }>(
        'count',
        `SELECT SUM(1) AS n FROM ${name} PARTITION (${partitionName(id)})`,
      );
      if (Number(found?.n) !== rows) throw new Error(`${name} has ${found?.n} rows instead of ${rows}`);
    }
    await controller.endTransaction(id, 'commit');
  }

  private drop(database: string): Promise<void> {
    return this.servers.controller.deleteDatabase(database, { published: true });
  }
}

function tableOf(name: string): TableDefinition {
  return {
    kind: 'director',
    name,
    directorKey: 'objectId',
    longitudeKey: 'ra',
    latitudeKey: 'decl',
    schema: [
      { name: 'objectId', type: 'BIGINT NOT NULL' },
      { name: 'ra', type: 'DOUBLE NOT NULL' },
      { name: 'decl', type: 'DOUBLE NOT NULL' },
      { name: 'chunkId', type: 'INT NOT NULL' },
      { name: 'subChunkId', type: 'INT NOT NULL' },
      { name: 'padding', type: `CHAR(${PADDING}) NOT NULL` },
    ],
  };
}

/** Lets what was written reach the disk first. */
function settle(): void {
  execFileSync('sync');
}

const text = (value: number) => `${value.toFixed(2)} s`;
const megabytes = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;
