import type { CampaignLedger } from '../ingest/campaign/ledger';
import { type BatchResult, loadBatch, verifyLoaded } from '../ingest/campaign/load-batch';
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
}

export interface VerifyInput {
  target: string;
  planId: string;
  transactionId: number;
  worker: string;
}

export interface IngestServices {
  ledger: CampaignLedger;
  /** UNKNOWN_TARGET, UNKNOWN_WORKER. */
  worker(target: string, name: string): IngestWorker;
}

/** Activities on the queues `ingest-NAME`: where the data stream into the worker's MariaDB. */
export function createIngestActivities({ ledger, worker }: IngestServices) {
  return {
    /** Loads a batch of units; the result is the provenance of every contribution. */
    loadBatch: (input: LoadBatchInput): Promise<BatchResult> =>
      run(({ signal, report }) =>
        loadBatch(input, { ledger, worker: worker(input.target, input.worker) }, { signal, onProgress: report }),
      ),

    /** Scans this worker's part of a super-transaction before commit; what disagrees is emptied and planned again. */
    verifyLoaded: (input: VerifyInput): Promise<{ checked: number; redo: number }> =>
      run(({ signal }) => verifyLoaded(input, { ledger, worker: worker(input.target, input.worker) }, { signal })),
  };
}

export type IngestActivities = ReturnType<typeof createIngestActivities>;
