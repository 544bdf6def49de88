import { loadFailurePrefix } from '../../core/contribution-texts';
import { chunkTable } from '../../core/names';
import type { LoadUnit } from '../../worker/worker';
import type { Statements } from '../data/connection';
import { scanMended } from '../data/mend';
import type { Metadata, Transaction } from '../metadata';
import { attachedRows, openNotes } from '../metadata/contribution-places';
import {
  type AttachingRows,
  clearAttachingNote,
  failRequest,
  finishRequest,
  lockNoted,
} from '../metadata/contribution-requests';

/** What became of rows that were noted. */
export type Settled = 'attached' | 'nothing' | 'harmed';

/** Final table that the partition belongs to. */
export function finalTableOf(place: LoadUnit, partitioned: boolean): string {
  return partitioned ? chunkTable(place.table, place.chunk, place.overlap) : place.table;
}

/**
 * Finds out what became of contributions that were noted and not brought to an end, and records it. The caller holds the partition's
 * lock, so that none of them can still attach: their connections are gone. By contribution id.
 */
export async function settlePlace(
  metadata: Metadata,
  server: Statements,
  worker: string,
  place: LoadUnit,
  finalTable: string,
): Promise<Map<number, Settled>> {
  const settled = new Map<number, Settled>();
  const notes = await metadata.run((sql) => openNotes(sql, worker, place));
  for (const { id, note } of notes) {
    const rows = (await scanMended(server, place.database, finalTable, place.transactionId)) ?? 0;
    settled.set(id, await metadata.transaction((tx) => settle(tx, worker, place, id, note, rows)));
  }
  return settled;
}

async function settle(
  tx: Transaction,
  worker: string,
  place: LoadUnit,
  id: number,
  note: AttachingRows,
  rows: number,
): Promise<Settled> {
  const { rowsLeftBy } = await attachedRows(tx, worker, place);
  const { before, record } = note;
  if (rowsLeftBy === null && rows === before + record.rowsLoaded) {
    await finishRequest(tx, id, record);
    return 'attached';
  }
  if (rowsLeftBy === null && rows === before) {
    await clearAttachingNote(tx, id);
    return 'nothing';
  }
  await failNoted(tx, id, harmedText(place, before, record.rowsLoaded, rows));
  return 'harmed';
}

function harmedText(place: LoadUnit, before: number, added: number, rows: number): string {
  return `the load was interrupted: the partition held ${before} rows, ${added} were to be added, it holds ${rows}; abort transaction ${place.transactionId}`;
}

/** Ends a noted contribution as failed, with rows of it that may be there. */
export async function failNoted(tx: Transaction, id: number, error: string): Promise<void> {
  const { token, channel, note } = await lockNoted(tx, id);
  const { record } = note;
  await failRequest(tx, id, token, {
    status: 'LOAD_FAILED',
    error: loadFailurePrefix(channel) + error,
    httpError: 0,
    systemError: 0,
    retryAllowed: false,
    bytes: record.bytes,
    rows: record.rows,
    readTime: record.readTime,
    loadTime: Date.now(),
    numWarnings: record.numWarnings,
    warnings: [],
    rowsLeft: true,
  });
}
