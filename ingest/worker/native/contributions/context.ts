import type { Session } from '../../../storage/metadata/sessions';
import type { WorkerContext } from '../context';

/** Qserv's settings of a worker, docs/contract/worker.md §1. */
export interface ContributionSettings {
  /** Character set of rows whose contribution names none (`ingest-charset-name`). */
  charset: string;
  /** Reads after the first one where a contribution does not say (`ingest-num-retries`), and at most (`ingest-max-retries`). */
  numRetries: number;
  maxRetries: number;
  /** Warnings kept where a contribution does not say (`loader-max-warnings`). */
  maxWarnings: number;
  /** Seconds for which a database that is away is waited for when rows may be attached, or an end is to be recorded. */
  settleSeconds: number;
  /** Contributions in one list, which is put together in memory. */
  mostListed: number;
}

export const CONTRIBUTION_SETTINGS: ContributionSettings = {
  charset: 'latin1',
  numRetries: 1,
  maxRetries: 10,
  maxWarnings: 64,
  settleSeconds: 60,
  mostListed: 100_000,
};

/** What contributions one by one work with. */
export interface ContributionContext extends WorkerContext {
  session: Session;
  settings: ContributionSettings;
}
