import { Readable } from 'node:stream';
import type { Contribution } from '../../ingest/core/contributions';
import type { ContributionOperations, ReferenceRequest, ValueRequest } from '../../ingest/worker/contributions';
import type { LoadUnit } from '../../ingest/worker/worker';

const DEFAULTS = { fieldsTerminatedBy: '', fieldsEnclosedBy: '', fieldsEscapedBy: '', linesTerminatedBy: '' };

const target = ({ transactionId, table, chunk, overlap }: LoadUnit) => ({
  transactionId,
  table,
  chunk,
  overlap,
  charset: '',
  dialect: DEFAULTS,
  maxNumWarnings: 0,
});

/** A contribution by reference into the partition, with defaults. */
export function reference(place: LoadUnit, url: string, more: Partial<ReferenceRequest> = {}): ReferenceRequest {
  const http = { method: 'GET', data: '', headers: [] };
  return { ...target(place), url, http, maxRetries: 0, isAsync: false, ...more };
}

/** Sends rows into the partition. */
export async function send(
  worker: ContributionOperations,
  place: LoadUnit,
  csv: string,
  more: Partial<ValueRequest> = {},
): Promise<Contribution> {
  const url = 'data-csv://127.0.0.1/a.csv';
  const open = await worker.receive({ ...target(place), channel: 'csv', url, ...more });
  return open.load(Readable.from([Buffer.from(csv)]));
}
