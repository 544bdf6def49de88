import { type IngestResponse, NO_CONTRIBUTION } from '../../api/binary/messages';
import { dataBroken } from '../../ingest/core/contribution-texts';
import type { Contribution } from '../../ingest/core/contributions';
import { IngestError } from '../../ingest/core/errors';
import type { OpenContribution } from '../../ingest/worker/contributions';
import { asRefusal } from '../http/refusals';

/** What a worker answers over the binary protocol, docs/contract/binary-protocol.md §4. */

/** Why a contribution was not begun; undefined when that is no failure of the domain. */
export function refusalText(error: unknown): string | undefined {
  if (error instanceof IngestError && error.code === 'UNKNOWN_TABLE') {
    return `no such table '${error.details.table}' in database '${error.details.database}'.`;
  }
  // What was recorded is recorded in Qserv's words.
  if (error instanceof IngestError && error.details.contribution !== undefined) return error.message;
  return asRefusal(error)?.tail;
}

/** What is recorded when the data end before their end. */
export function brokenText(error: unknown): string {
  const { code, message } = error as IngestError;
  return dataBroken(code === 'UNAVAILABLE', message);
}

const NOTHING = { error: '', numWarnings: 0, numRows: 0, numRowsLoaded: 0 };

/** The worker wants data. */
export function ready(open: OpenContribution): IngestResponse {
  return { ...NOTHING, status: 'READY_TO_READ_DATA', retryAllowed: true, numRows: open.rows(), id: open.id };
}

/** The worker does not begin. `id` is that of the contribution if one was recorded. */
export function refused(error: string, id: unknown = NO_CONTRIBUTION): IngestResponse {
  return { ...NOTHING, status: 'FAILED', error, retryAllowed: true, id: typeof id === 'number' ? id : NO_CONTRIBUTION };
}

/** How a contribution ended. */
export function ended({ id, status, error, retryAllowed, ...counts }: Contribution): IngestResponse {
  const { numWarnings, rows: numRows, rowsLoaded: numRowsLoaded } = counts;
  if (status === 'FINISHED') return { status, error: '', retryAllowed: false, numWarnings, numRows, numRowsLoaded, id };
  const beforeLoading = status !== 'LOAD_FAILED';
  return { ...NOTHING, status: 'FAILED', error, retryAllowed: beforeLoading || retryAllowed, numRows, id };
}

/** Nobody knows how a contribution ended. */
export function unrecorded(id: number, error: string): IngestResponse {
  return { ...NOTHING, status: 'FAILED', error, retryAllowed: false, id };
}
