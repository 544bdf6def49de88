import { type IngestResponse, NO_CONTRIBUTION } from '../../api/binary/messages';
import type { Contribution } from '../../ingest/core/contributions';
import type { ErrorCode, IngestError } from '../../ingest/core/errors';
import type { OpenContribution, ValueRequest } from '../../ingest/worker/contributions';
import { asRefusal } from '../http/refusals';

/** What a worker answers over the binary protocol, docs/contract/binary-protocol.md §4, lsst/qserv src/replica/ingest. */

const CONNECTION = 'INGEST-SVC-CONN ';
const OPEN_FILE = 'INGEST-FILE-SVC openFile';

type Text = (error: IngestError, request: ValueRequest) => string;
const REFUSALS: Partial<Record<ErrorCode, Text>> = {
  UNKNOWN_TABLE: ({ details }, { table }) => `no such table '${table}' in database '${details.database}'.`,
  DATABASE_PUBLISHED: ({ details }) => `${OPEN_FILE} database '${details.database}' is already PUBLISHED`,
  TABLE_PUBLISHED: ({ details }, { table }) =>
    `table '${table}' of database '${details.database}' is already published.`,
  ILLEGAL_STATE: (_, { transactionId }) =>
    `${CONNECTION} _handshakeReceived transactionId=${transactionId} is not active`,
};

/** Why a contribution was not begun. Errors that are no failure of the domain have no text: ours are in the log. */
export function refusalText(error: unknown, worker: string, request: ValueRequest): string | undefined {
  const refusal = asRefusal(error);
  if (refusal === undefined) return undefined;
  const { code, details } = error as IngestError;
  if (code === 'CHUNK_NOT_ALLOCATED') {
    return `${OPEN_FILE} chunk ${request.chunk} of the UNPUBLISHED database '${details.database}' is not allocated to worker '${worker}'`;
  }
  return REFUSALS[code]?.(error as IngestError, request) ?? refusal.tail;
}

/** What is recorded when the data end before their end. */
export function brokenText(error: unknown): string {
  const { code, message } = error as IngestError;
  const what =
    code === 'UNAVAILABLE'
      ? 'failed to receive the data packet from the client'
      : 'failed to parse the data packet received from the client';
  return `${CONNECTION} _dataReceived ${what}, error: ${message}`;
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
export function ended({
  id,
  status,
  error,
  retryAllowed,
  numWarnings,
  rows,
  rowsLoaded,
}: Contribution): IngestResponse {
  if (status === 'FINISHED') {
    return { ...NOTHING, status, retryAllowed: false, numWarnings, numRows: rows, numRowsLoaded: rowsLoaded, id };
  }
  const loading = status === 'LOAD_FAILED';
  return {
    ...NOTHING,
    status: 'FAILED',
    error: loading ? `${CONNECTION} _dataReceived data load failed: ${error}` : error,
    retryAllowed: loading ? retryAllowed : true,
    numRows: rows,
    id,
  };
}

/** Nobody knows how a contribution ended. */
export function unrecorded(id: number, error: string): IngestResponse {
  return { ...NOTHING, status: 'FAILED', error: `${CONNECTION} _dataReceived ${error}`, retryAllowed: false, id };
}
