/** Temporal's task queues, docs/design.md §3. */

/** Workflows, operations of controllers, the ledger. */
export const CAMPAIGNS = 'campaigns';

/** Loads of remote targets: they wait for hours without doing anything, so that nothing else may stand in one row with them. */
export const REMOTE_LOADS = 'campaigns-remote';

const INGEST = 'ingest-';

/** Loads of one native worker, beside its MariaDB. */
export const ingestQueue = (worker: string) => INGEST + worker;

/** True for the queue of a native worker, which a process of its own serves. */
export const isIngestQueue = (taskQueue: string) => taskQueue.startsWith(INGEST);
