import { createHash } from 'node:crypto';
import { IngestError } from '../../core/errors';
import { chunkTable, stagingTable } from '../../core/names';
import { openSource } from '../../source';
import { claimForUnit } from '../../storage/metadata/contribution-context';
import { createContributions, failContributions, retryContributions } from '../../storage/metadata/load-contributions';
import { type LoadTarget, loadTarget } from '../../storage/metadata/load-target';
import {
  giveUpUnit,
  lockTransactionState,
  setContributions,
  type TakenUnit,
  takeUnit,
} from '../../storage/metadata/load-units';
import type { ContributionSource, LoadOptions, LoadRequest } from '../worker';
import type { WorkerContext } from './context';
import { failuresOf } from './failures';
import type { Preparation } from './prepare';

const DEFAULT_WARNINGS = 64;

/** One try at loading one unit. */
export interface Attempt extends Preparation {
  /** What it exchanges with the final table's partition. */
  plain: string;
  /** Hash of the request. */
  request: string;
  sources: ContributionSource[];
  target: LoadTarget;
  taken: TakenUnit;
  /** In the order of the sources. */
  contributions: number[];
}

/** Takes the unit for a new attempt and starts its contributions. Errors as in `IngestWorker.load`. */
export async function beginAttempt(
  worker: WorkerContext,
  request: LoadRequest,
  options: LoadOptions,
): Promise<Attempt> {
  const { unit, sources } = request;
  if (sources.length === 0) throw new IngestError('INVALID_INPUT', 'a load unit needs at least one source', { unit });
  const token = worker.attemptId();
  const staging = stagingTable(unit, token);
  const hash = requestHash(sources);
  const maxNumWarnings = request.maxNumWarnings || DEFAULT_WARNINGS;
  const now = Date.now();
  const begun = await worker.metadata.transaction(async (tx) => {
    const target = await loadTarget(tx, worker.name, unit);
    const state = await lockTransactionState(tx, unit.transactionId);
    if (state !== 'STARTED') {
      const id = unit.transactionId;
      throw new IngestError('ILLEGAL_STATE', `super-transaction ${id} is ${state}, not STARTED`, { id, state });
    }
    await claimForUnit(tx, worker.name, unit);
    const taken = await takeUnit(tx, worker.name, unit, { token, staging, request: hash });
    let { contributions } = taken;
    if (!taken.record) {
      if (contributions.length > 0) {
        await retryContributions(tx, contributions, now);
      } else {
        contributions = await createContributions(tx, worker.name, unit, sources, maxNumWarnings, now);
        await setContributions(tx, worker.name, unit, contributions);
      }
    }
    return { target, taken, contributions };
  });
  return {
    ...begun,
    token,
    staging,
    plain: stagingTable(unit, `${token}x`),
    request: hash,
    unit,
    sources,
    inputs: sources.map((source) => ({
      url: source.url,
      dialect: source.dialect,
      charset: source.charset,
      open: (signal) => openSource(source, worker.sources, signal),
    })),
    columns: begun.target.columns,
    quality: request.quality,
    maxNumWarnings,
    finalTable: begun.target.partitioned ? chunkTable(unit.table, unit.chunk, unit.overlap) : unit.table,
    options,
    files: [],
    stage: 'start',
  };
}

/** Gives the unit back and says in its contributions why. Nothing when the attempt was overtaken: then it has no say. */
export async function recordFailure(worker: WorkerContext, attempt: Attempt, error: IngestError): Promise<void> {
  await worker.metadata.transaction(async (tx) => {
    if (!(await giveUpUnit(tx, worker.name, attempt.unit, attempt.token))) return;
    await failContributions(tx, failuresOf(attempt, error));
  });
}

/** Equal hashes mean the same rows from the same places. */
function requestHash(sources: ContributionSource[]): string {
  const facts = sources.map(({ url, dialect, charset, expect, http, compression }) => [
    url,
    [dialect.fieldsTerminatedBy, dialect.fieldsEnclosedBy, dialect.fieldsEscapedBy, dialect.linesTerminatedBy],
    charset,
    [expect?.bytes ?? null, expect?.etag ?? null, expect?.mtimeMs ?? null],
    [http?.method ?? null, http?.data ?? null, http?.headers ?? null],
    compression ?? null,
  ]);
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex');
}
