import { IngestError } from '../../core/errors';
import { STAGING_SCHEMA } from '../../core/names';
import { type OpenedSource, type SourceCounts, shownUrl } from '../../source';
import type { DataConnection } from '../../storage/data/connection';
import { type LoadOutcome, loadFile, prepareSession } from '../../storage/data/load';
import { scanRows } from '../../storage/data/scan';
import { createStaging } from '../../storage/data/staging';
import { takeLock } from '../../storage/data/user-locks';
import type { ContributionSource, LoadOptions, LoadProgress, LoadRequest, LoadUnit } from '../worker';
import { type AttemptName, step, type WorkerContext } from './context';
import type { FailureStage } from './failures';

/** Qserv's default when a contribution names no character set. */
const DEFAULT_CHARSET = 'latin1';
const PROGRESS_MS = 250;
/** The server waits this much longer for bytes than we do, so that it is we who find a source stalled. */
const READ_TIMEOUT_MARGIN_SECONDS = 60;

/** One file of an attempt: its CSV, wherever it comes from. */
export interface Input extends Pick<ContributionSource, 'url' | 'dialect' | 'charset'> {
  open(signal?: AbortSignal): Promise<OpenedSource>;
}

/** What an attempt fills its staging table with, and how far it came. */
export interface Preparation extends AttemptName {
  unit: LoadUnit;
  /** Final table that the unit's partition belongs to. */
  finalTable: string;
  inputs: Input[];
  /** Of the table, in file order. */
  columns: string[];
  /** unchecked: whatever MySQL makes of the rows is taken. */
  quality: LoadRequest['quality'] | 'unchecked';
  maxNumWarnings: number;
  options: LoadOptions;
  /** What the inputs gave so far. */
  files: PreparedFile[];
  /** For the records of a failure. */
  stage: FailureStage;
}

/** One source of an attempt. */
export interface PreparedFile {
  counts(): SourceCounts;
  /** Set when the source was read to its end. */
  sha256: string;
  readTime: number;
  loadTime: number;
  outcome: LoadOutcome;
}

/**
 * Fills the attempt's staging table from its sources, one LOAD a file, and checks it by a scan.
 * The connection holds the table's lock, which tells a sweep that somebody is at work.
 */
export async function prepare(
  worker: WorkerContext,
  attempt: Preparation,
  connection: DataConnection,
  definition: string,
): Promise<void> {
  await step(worker, attempt, 'stage');
  await prepareSession(connection, {
    maxWarnings: attempt.maxNumWarnings,
    readTimeoutSeconds: Math.ceil(worker.sources.stallSeconds) + READ_TIMEOUT_MARGIN_SECONDS,
  });
  await takeLock(connection, attempt.staging, 0);
  await createStaging(connection, attempt.staging, definition, attempt.unit.transactionId);
  for (const input of attempt.inputs) await loadInput(worker, attempt, connection, input);
  await step(worker, attempt, 'check');
  const made = attempt.files.reduce((sum, file) => sum + file.outcome.rowsLoaded, 0);
  const scanned = await scanRows(connection, STAGING_SCHEMA, attempt.staging, attempt.unit.transactionId);
  if (scanned !== made) {
    throw new IngestError('LOAD_FAILED', `${made} rows were read, but the staging table holds ${scanned}`, {
      wholeUnit: true,
    });
  }
}

async function loadInput(
  worker: WorkerContext,
  attempt: Preparation,
  connection: DataConnection,
  input: Input,
): Promise<void> {
  attempt.stage = 'read';
  const nothing = { bytes: 0, rows: 0, storedBytes: 0 };
  const file: PreparedFile = {
    counts: () => nothing,
    sha256: '',
    readTime: 0,
    loadTime: 0,
    outcome: { rowsLoaded: 0, numWarnings: 0, warnings: [] },
  };
  attempt.files.push(file);
  await step(worker, attempt, 'open');
  const opened = await input.open(attempt.options.signal);
  file.counts = opened.counts;
  opened.stream.once('end', () => {
    file.readTime = Date.now();
  });
  const stopReporting = reportProgress(attempt, connection);
  try {
    await step(worker, attempt, 'load');
    const load = {
      staging: attempt.staging,
      finalTable: { schema: attempt.unit.database, table: attempt.finalTable },
      transactionId: attempt.unit.transactionId,
      columns: attempt.columns,
      dialect: input.dialect,
      charset: input.charset || DEFAULT_CHARSET,
    };
    file.outcome = await loadFile(connection, load, opened.stream);
    attempt.stage = 'load';
    file.sha256 = opened.sha256();
    file.loadTime = Date.now();
  } catch (error) {
    if (!isReadFault(error)) attempt.stage = 'load';
    throw error;
  } finally {
    stopReporting();
    await opened.close();
  }
  if (attempt.quality !== 'unchecked') checkRows(attempt, input, file);
}

/** The source is at fault when it says so, else MySQL. BAD_ROWS of the reader: a row that is too long. */
function isReadFault(error: unknown): boolean {
  return error instanceof IngestError && (error.code.startsWith('SOURCE_') || error.code === 'BAD_ROWS');
}

/** Calls `onProgress` now and then with the unit's sums; what it throws breaks the load. */
function reportProgress(attempt: Preparation, connection: DataConnection): () => void {
  const { onProgress } = attempt.options;
  if (!onProgress) return () => {};
  const timer = setInterval(() => {
    const progress: LoadProgress = { source: attempt.files.length - 1, bytes: 0, rows: 0 };
    for (const file of attempt.files) {
      const { bytes, rows } = file.counts();
      progress.bytes += bytes;
      progress.rows += rows;
    }
    try {
      onProgress(progress);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      connection.destroy(new IngestError('CANCELLED', `the load was cancelled: ${why}`));
    }
  }, PROGRESS_MS);
  return () => clearInterval(timer);
}

function checkRows(attempt: Preparation, input: Input, file: PreparedFile): void {
  const { rowsLoaded, numWarnings, warnings } = file.outcome;
  const { rows } = file.counts();
  const url = shownUrl(input.url);
  const details = { url, rows, rowsLoaded, numWarnings, warnings };
  if (attempt.quality === 'strict' && numWarnings > 0) {
    const first = warnings[0];
    const said = first ? `, the first: ${first.message} (${first.code})` : '';
    throw new IngestError('BAD_ROWS', `${url}: ${numWarnings} warnings${said}`, details);
  }
  if (rowsLoaded !== rows) {
    throw new IngestError('BAD_ROWS', `${url}: it has ${rows} rows, MySQL made ${rowsLoaded} of them`, details);
  }
}
