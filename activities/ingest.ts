import { ApplicationFailure } from '@temporalio/common';
import type { CampaignLedger } from '../ingest/campaign/ledger';
import { type BatchResult, loadBatch, verifyLoaded } from '../ingest/campaign/load-batch';
import { IngestError } from '../ingest/core/errors';
import type { IngestWorker } from '../ingest/worker/worker';
import { run } from './run';

export interface LoadBatchInput {
  target: string;
  planId: string;
  transactionId: number;
  worker: string;
  units: number[];
  /** Failures of a unit after which it is held. */
  attempts: number;
  /** How long a worker's service may stay away before NO_WORKERS. */
  awaySeconds?: number;
}

export interface VerifyInput {
  target: string;
  planId: string;
  transactionId: number;
  worker: string;
  /** As in LoadBatchInput. */
  awaySeconds?: number;
}

/** A worker whose service may be away while this process is there. */
interface Away {
  /** Returns as soon as the service answers; NO_WORKERS when it has not for so long. */
  reach?(seconds: number, signal?: AbortSignal): Promise<void>;
}

export interface IngestServices {
  ledger: CampaignLedger;
  /** UNKNOWN_TARGET, UNKNOWN_WORKER. */
  worker(target: string, name: string): IngestWorker & Away;
}

/** Of inputs that do not say. */
const AWAY_SECONDS = 600;

/** Activities on the queues `ingest-NAME`: where the data stream into the worker's MariaDB. */
export function createIngestActivities(services: IngestServices) {
  const { ledger } = services;
  return {
    /** Loads a batch of units; the result is the provenance of every contribution. */
    loadBatch: (input: LoadBatchInput): Promise<BatchResult> =>
      run(async ({ signal, isGivenUp, report }) => {
        const worker = await reached(services, input, signal);
        return loadBatch(input, { ledger, worker }, { signal, isGivenUp, onProgress: report });
      }),

    /** Scans this worker's part of a super-transaction before commit; what disagrees is emptied and planned again. */
    verifyLoaded: (input: VerifyInput): Promise<{ checked: number; redo: number }> =>
      run(async ({ signal }) => {
        const worker = await reached(services, input, signal);
        return verifyLoaded(input, { ledger, worker }, { signal });
      }),
  };
}

/** The worker, which is there. It was waited for as long as it may be, so its absence is not tried again. */
async function reached(
  services: IngestServices,
  { target, worker: name, awaySeconds = AWAY_SECONDS }: Pick<VerifyInput, 'target' | 'worker' | 'awaySeconds'>,
  signal: AbortSignal,
): Promise<IngestWorker> {
  const worker = services.worker(target, name);
  try {
    await worker.reach?.(awaySeconds, signal);
  } catch (error) {
    if (!(error instanceof IngestError) || error.code !== 'NO_WORKERS') throw error;
    throw ApplicationFailure.nonRetryable(error.message, error.code, error.details);
  }
  return worker;
}

export type IngestActivities = ReturnType<typeof createIngestActivities>;
