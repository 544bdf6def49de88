import type { Readable } from 'node:stream';
import { IngestError } from '../../core/errors';
import { partitionName, TRANSACTION_COLUMN } from '../../core/names';
import type { StepHook } from '../../core/steps';
import { SUB_CHUNK_COLUMN } from '../../core/tables/director';
import { type DataConnection, type DataServer, quoteId, quoteTable } from './connection';
import { integer } from './definition';
import { countMark, type MarkPlace, mark } from './index-marks';
import { prepareSession, warningsOf } from './load';
import { isAbsent } from './scan';
import { selectText } from './select-text';

/** Points of taking one chunk into an index; each is announced before the change that it names. */
export const INDEX_CHUNK_STEPS = ['index.chunk.mark', 'index.chunk.load', 'index.chunk.commit'] as const;

/** Seconds for which either server waits for the other one's bytes: for disks and locks, not for a process that is gone. */
const PEER_SECONDS = 120;
const MAX_WARNINGS = 64;
/** Warnings quoted in a chunk's failure. */
const QUOTED = 3;

export interface ChunkSource {
  worker: DataServer;
  database: string;
  /** The chunk's final table. */
  table: string;
  chunk: number;
  /** The director's key column. */
  key: string;
}

export interface IndexTarget {
  master: DataServer;
  /** `schema`.`table`, quoted. */
  index: string;
  place: MarkPlace;
  /** The layer is a partition of both tables and has the transaction's column; else all rows are taken. */
  layered: boolean;
}

export interface ChunkOptions {
  steps: StepHook;
  /** Asked before every change; throws when somebody else may be at work. */
  check: () => Promise<void>;
}

/**
 * Takes a chunk's rows into an index, and marks it, in one transaction of the master: the rows stream from the worker into
 * LOAD DATA. Returns their number, undefined when the chunk was marked already. A chunk table or partition that is not there has
 * no rows. BAD_ROWS when MariaDB warns of a row (a key that is there already above all): then nothing of the chunk is there.
 */
export async function indexChunk(
  source: ChunkSource,
  target: IndexTarget,
  options: ChunkOptions,
): Promise<number | undefined> {
  const { worker, table, database } = source;
  return worker.connection(`read ${database}.${table}`, async (from) => {
    await prepareSession(from, { maxWarnings: MAX_WARNINGS, readTimeoutSeconds: PEER_SECONDS });
    const selected = selectText(from, `${worker.name}: read ${database}.${table}`, selectSql(source, target));
    const any = await selected.any.catch((error) => {
      if (isAbsent(error)) return false;
      throw error;
    });
    const rows = await target.master.connection('fill the director index', (into) =>
      fill(into, source, target, any ? selected.text : undefined, options),
    );
    // Rows that nobody took are still on their way.
    if (rows === undefined) from.destroy();
    return rows;
  });
}

function selectSql({ database, table, key }: ChunkSource, { layered, place }: IndexTarget): string {
  const partition = layered ? ` PARTITION (${quoteId(partitionName(place.transactionId))})` : '';
  const id = quoteId(key);
  return `SELECT ${id}, ${quoteId(SUB_CHUNK_COLUMN)} FROM ${quoteTable(database, table)}${partition} ORDER BY ${id}`;
}

async function fill(
  into: DataConnection,
  source: ChunkSource,
  { index, place, layered }: IndexTarget,
  text: Readable | undefined,
  { steps, check }: ChunkOptions,
): Promise<number | undefined> {
  const { chunk } = source;
  const detail = { worker: source.worker.name, database: source.database, table: source.table, chunk };
  const step = async (name: (typeof INDEX_CHUNK_STEPS)[number]) => {
    await steps(name, detail);
    await check();
  };
  await step('index.chunk.mark');
  await prepareSession(into, { maxWarnings: MAX_WARNINGS, readTimeoutSeconds: PEER_SECONDS });
  await into.run('begin', 'START TRANSACTION');
  if (!(await mark(into, place, chunk))) {
    await into.run('roll back', 'ROLLBACK');
    return undefined;
  }
  let rows = 0;
  if (text !== undefined) {
    await step('index.chunk.load');
    const outcome = await into.runWithInput('LOAD DATA', loadSql(source, index, place, layered), text);
    rows = outcome.affectedRows;
    if (outcome.warnings > 0) {
      const refusal = await refusalOf(into);
      await into.run('roll back', 'ROLLBACK');
      throw refusal;
    }
    await countMark(into, place, chunk, rows);
  }
  await step('index.chunk.commit');
  await into.run('commit', 'COMMIT');
  return rows;
}

function loadSql({ chunk, key }: ChunkSource, index: string, place: MarkPlace, layered: boolean): string {
  const transaction = `${quoteId(TRANSACTION_COLUMN)} = ${integer(place.transactionId)}, `;
  return `LOAD DATA LOCAL INFILE 'index' INTO TABLE ${index} CHARACTER SET utf8mb4
    (${quoteId(key)}, ${quoteId(SUB_CHUNK_COLUMN)}) SET ${layered ? transaction : ''}${quoteId('chunkId')} = ${integer(chunk)}`;
}

async function refusalOf(into: DataConnection): Promise<IngestError> {
  const { numWarnings, warnings } = await warningsOf(into);
  const quoted = warnings.slice(0, QUOTED).map((w) => w.message);
  const more = numWarnings > quoted.length ? `, and ${numWarnings - quoted.length} more` : '';
  return new IngestError('BAD_ROWS', `${quoted.join('; ')}${more}`, {
    numWarnings,
    warnings: warnings.slice(0, QUOTED),
  });
}
