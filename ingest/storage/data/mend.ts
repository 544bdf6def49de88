import { partitionName } from '../../core/names';
import { DDL_BUSY_SECONDS, whileBusy } from './again';
import { mysqlErrno, quoteId, quoteTable, type Statements } from './connection';
import { scanRows } from './scan';

/**
 * MyISAM partitions that were written to when the server was killed. Until one is repaired, statements that open it fail, and so may
 * any ALTER of its table; the server's recover options, which repair other tables when they are opened, fail with partitions.
 */

/** HA_ERR_CRASHED, HA_ERR_CRASHED_ON_USAGE, HA_ERR_CRASHED_ON_REPAIR; ER_CRASHED_ON_USAGE, ER_CRASHED_ON_REPAIR; ER_NOT_KEYFILE. */
const CRASHED = new Set([126, 144, 145, 1034, 1194, 1195]);

/** True when a statement met a table or partition that was being written to when the server was killed. */
export function isCrashed(error: unknown): boolean {
  return CRASHED.has(mysqlErrno(error) ?? 0);
}

/** Makes the server open the table anew: it remembers that one of its partitions could not be opened, also when others are asked for. */
export async function reopenTable(server: Statements, database: string, table: string): Promise<void> {
  await whileBusy(DDL_BUSY_SECONDS, () =>
    server.run(`reopen ${database}.${table}`, `FLUSH TABLES ${quoteTable(database, table)}`),
  );
}

/** As `scanRows`, after a repair where it is needed: then with all rows that had come to the file. */
export async function scanMended(
  server: Statements,
  database: string,
  table: string,
  transactionId: number,
): Promise<number | null> {
  try {
    return await scanRows(server, database, table, transactionId);
  } catch (error) {
    if (!isCrashed(error)) throw error;
  }
  await reopenTable(server, database, table);
  // What it cannot do is in its result, and shows in the scan.
  await whileBusy(DDL_BUSY_SECONDS, () =>
    server.rows(
      `repair ${database}.${table}`,
      `ALTER TABLE ${quoteTable(database, table)} REPAIR PARTITION ${quoteId(partitionName(transactionId))}`,
    ),
  );
  return scanRows(server, database, table, transactionId);
}
