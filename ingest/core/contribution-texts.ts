import type { TransactionState } from './transactions';

/** Stands before what the service of the binary protocol says of its own, docs/contract/binary-protocol.md §4. */
const BINARY = 'INGEST-SVC-CONN ';

/** How Qserv says what became of contributions, docs/contract/worker.md §1, §4 and §6. */

export const databasePublished = (database: string) => `database '${database}' is already published.`;

export const tablePublished = (database: string, table: string) =>
  `table '${table}' of database '${database}' is already published.`;

export const beingDeleted = (database: string, table: string) =>
  `table '${table}' of database '${database}' is being deleted`;

export const notActive = (transactionId: number, channel?: ContributionChannel) =>
  `${channel === 'binary' ? `${BINARY} _handshakeReceived ` : ''}transactionId=${transactionId} is not active`;

export const NO_SCHEMA = 'incomplete or missing table schema';

/** The data of a binary contribution came to no end: the connection was lost, or what came cannot be read. */
export const dataBroken = (lost: boolean, why: string) =>
  `${BINARY} _dataReceived failed to ${lost ? 'receive the data packet from' : 'parse the data packet received from'} the client, error: ${why}`;

/** A binary contribution whose URL is none of a file. */
export const unsupportedUrl = (shown: string) => `${BINARY} _handshakeReceived unsupported url '${shown}'`;

/** Refusals of the file that a contribution's rows go through first. */
export const openRefusals = {
  notActive: (transactionId: number) => `INGEST-FILE-SVC openFile transaction ${transactionId} is not active`,
  published: (database: string) => `INGEST-FILE-SVC openFile database '${database}' is already PUBLISHED`,
  notAllocated: (database: string, chunk: number, worker: string) =>
    `INGEST-FILE-SVC openFile chunk ${chunk} of the UNPUBLISHED database '${database}' is not allocated to worker '${worker}'`,
};

export const changedState = (transactionId: number, state: TransactionState) =>
  `INGEST-FILE-SVC loadDataIntoTable transaction ${transactionId} changed state to ${state} while the input file was being prepared for the ingest.`;

export const gotAborted = (transactionId: number) =>
  `INGEST-FILE-SVC loadDataIntoTable transaction ${transactionId} got aborted while the file was being ingested into the table.`;

export const CANCELLED = {
  queued: 'cancelled before beginning processing the request.',
  read: 'cancelled before reading the input file.',
  load: 'cancelled before loading data into MySQL',
};

/** By which way a contribution's rows come. */
export const CONTRIBUTION_CHANNELS = ['reference', 'json', 'csv', 'binary'] as const;
export type ContributionChannel = (typeof CONTRIBUTION_CHANNELS)[number];

/** What stands before the text of a failure of the load itself. */
export function loadFailurePrefix(channel: ContributionChannel): string {
  if (channel === 'binary') return `${BINARY} _dataReceived data load failed: `;
  return channel === 'reference' ? '' : 'MySQL load failed, ex: ';
}
