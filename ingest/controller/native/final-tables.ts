import { type ErrorCode, IngestError, WAITED_FOR } from '../../core/errors';
import { DUMMY_CHUNK } from '../../core/names';
import { type DataServer, MYSQL, mysqlErrno } from '../../storage/data/connection';
import type { HeldLocks } from '../../storage/metadata/locks';
import { replicasOf } from '../../storage/metadata/replicas';
import { forEach, type NativeContext } from './context';
import { refuseDuringReplacement } from './replacements';

/** What went wrong with one final table, in the words of docs/contract/controller.md §12 and §14. */
export interface FinalTableFailure {
  status: string;
  error: string;
}

/** By worker and final table. */
export type FinalTableFailures = Record<string, Record<string, FinalTableFailure>>;

/** Final tables that are treated side by side on one worker. */
const WIDTH = 4;
/** A worker on which so many final tables failed is asked nothing more: what fails there now is the worker. */
export const MANY_FAILURES = 100;

/** Qserv's names of failures (lsst/qserv src/replica/proto/protocol.proto, ProtocolStatusExt). */
const STATUS: Record<number, string> = {
  [MYSQL.NO_SUCH_TABLE]: 'NO_SUCH_TABLE',
  [MYSQL.NO_SUCH_DATABASE]: 'NO_SUCH_TABLE',
  [MYSQL.DUPLICATE_KEY_NAME]: 'DUPLICATE_KEY',
  [MYSQL.CANNOT_DROP_KEY]: 'CANT_DROP_KEY',
};

/** Failures collected over all workers, to be thrown as one. */
export class Failures {
  readonly byWorker: FinalTableFailures = {};
  private readonly codes = new Set<ErrorCode>();
  private readonly counts = new Map<string, number>();

  /** Returns how many the worker has now. Throws what is no failure of a table: a defect of ours, or a lost lock. */
  add(worker: string, name: string, error: unknown): number {
    if (!(error instanceof IngestError)) throw error;
    const errno = mysqlErrno(error);
    const status = (errno !== undefined && STATUS[errno]) || (error.details.status as string) || 'MYSQL_ERROR';
    const tables = this.byWorker[worker] ?? {};
    this.byWorker[worker] = tables;
    const count = (this.counts.get(worker) ?? 0) + (Object.hasOwn(tables, name) ? 0 : 1);
    this.counts.set(worker, count);
    tables[name] = { status, error: error.message };
    this.codes.add(error.code);
    return count;
  }

  get some(): boolean {
    return this.codes.size > 0;
  }

  /** One error for all: to be waited for when all are, else of the only code that another attempt may mend, else TABLES_FAILED. */
  throwIfAny(what: string): void {
    if (!this.some) return;
    const codes = [...this.codes];
    const passing = codes.every((code) => WAITED_FOR.has(code) || code === 'DISK_FULL');
    const code = passing ? (codes.find((c) => c === 'DISK_FULL') ?? codes.sort().reverse()[0]) : 'TABLES_FAILED';
    const workers = Object.entries(this.byWorker);
    const [worker, tables] = workers[0] as [string, Record<string, FinalTableFailure>];
    const [name, first] = Object.entries(tables)[0] as [string, FinalTableFailure];
    const count = workers.reduce((n, [, failed]) => n + Object.keys(failed).length, 0);
    const more = count > 1 ? ` (and ${count - 1} more)` : '';
    const message = `${what}: failed for ${name} on ${worker}: ${first.error}${more}`;
    throw new IngestError(code as ErrorCode, message, { failures: this.byWorker });
  }
}

/** Chunks with a replica, by worker: see `byWorker`. */
export async function chunksByWorker(context: NativeContext, database: string): Promise<Map<string, number[]>> {
  return byWorker(context, await context.metadata.run((sql) => replicasOf(sql, database)));
}

/** Chunks by worker, without the dummy chunk. Every worker of the target is there. UNKNOWN_WORKER as `worker`. */
export function byWorker(context: NativeContext, replicas: { chunk: number; worker: string }[]): Map<string, number[]> {
  const chunks = new Map<string, number[]>([...context.workers.keys()].map((name) => [name, []]));
  for (const { chunk, worker } of replicas) {
    if (chunk === DUMMY_CHUNK) continue;
    const here = chunks.get(context.worker(worker).name) as number[];
    here.push(chunk);
  }
  return chunks;
}

/**
 * Does something with each of these final tables, workers side by side. `before` announces and checks; what it throws ends
 * everything. What `statement` throws is that table's failure, and the others go on; but a worker that does not answer is left.
 */
export async function onFinalTables(
  context: NativeContext,
  tables: Map<string, string[]>,
  failures: Failures,
  {
    before,
    statement,
  }: {
    before: (server: DataServer, name: string) => Promise<void>;
    statement: (server: DataServer, name: string) => Promise<void>;
  },
): Promise<void> {
  await context.onWorkers(async (server) => {
    let left = false;
    await forEach(tables.get(server.name) ?? [], WIDTH, async (name) => {
      if (left) return;
      await before(server, name);
      try {
        await statement(server, name);
      } catch (error) {
        const many = failures.add(server.name, name, error) >= MANY_FAILURES;
        left ||= many || (error as IngestError).code === 'UNAVAILABLE';
      }
    });
  });
}

/**
 * Something long with published tables: super-transactions go on meanwhile; what would move or drop tables waits, and so does who
 * wants the same `lock`. ILLEGAL_STATE while next versions of tables are being put in place.
 */
export function besideTransactions<T>(
  context: NativeContext,
  database: string,
  lock: string,
  work: (held: HeldLocks) => Promise<T>,
): Promise<T> {
  return context.withinDatabase(database, async (held) => {
    await held.take({ name: lock });
    await refuseDuringReplacement(context, database);
    return work(held);
  });
}
