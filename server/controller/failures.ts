import type { Refusal } from '../../api/qserv/refusal';
import type { ErrorCode, IngestError } from '../../ingest/core/errors';
import { type RefusalTexts, saying } from '../http/refusals';

/** Codes under which the domain lists what failed by worker (`details.failures`): to be given up, or to be waited for. */
const LISTING: ErrorCode[] = ['TABLES_FAILED', 'INDEX_FAILED', 'UNAVAILABLE', 'BUSY', 'DISK_FULL'];

/** By worker, and by final table or chunk. */
export type Failures<T> = Record<string, Record<string, T>>;

/** What went wrong with one final table. */
export interface TableFailure {
  status: string;
  error: string;
}

/** Runs an operation that lists what failed by worker: then `list` says it; other failures are said by `texts`. */
export function listing<F, T>(
  list: (failures: Failures<F>) => Refusal,
  texts: RefusalTexts,
  work: () => Promise<T>,
): Promise<T> {
  const told = ({ details: { failures } }: IngestError) =>
    failures === undefined ? undefined : list(failures as Failures<F>);
  return saying({ ...Object.fromEntries(LISTING.map((code) => [code, told])), ...texts }, work);
}

/** The same failures with other words for them. */
export function mapFailures<F, T>(failures: Failures<F>, map: (failure: F) => T): Failures<T> {
  const workers = Object.entries(failures).map(([worker, tables]) => [
    worker,
    Object.fromEntries(Object.entries(tables).map(([name, failure]) => [name, map(failure)])),
  ]);
  return Object.fromEntries(workers);
}
