import { IngestError } from '../../core/errors';
import { unitLock } from '../../core/names';
import type { TransactionState } from '../../core/transactions';
import type { LoadedContribution, LoadUnit } from '../../worker/worker';
import type { ContributionTimes } from './load-contributions';
import { checkStays, checkUnpublished } from './load-target';
import type { Queryable, Transaction } from './open';

/** Fencing and results of load units, docs/design.md §4; the table is migration 002. */

/** What a unit's partition holds. */
export interface UnitRecord {
  /** Hash of the request that was loaded. */
  request: string;
  rows: number;
  /** Bytes of CSV. */
  bytes: number;
  contributions: (LoadedContribution & ContributionTimes)[];
}

/** What an attempt says before it attaches, so that whoever comes after a crash can tell whose rows are there. */
export interface AttachNote {
  token: string;
  /** The attempt's tables: what it loaded into, and what is exchanged with the final table's partition. */
  staging: string;
  plain: string;
  record: UnitRecord;
}

/** An attempt's place in the order of attempts. */
export interface TakenUnit {
  /** Attempts so far, this one included. */
  attempts: number;
  /** True when the unit was last asked for with the same request. */
  sameRequest: boolean;
  /** Contribution ids, in the order of the request's sources; empty on the first attempt. */
  contributions: number[];
  /** Left by an attempt that did not come to its end. */
  attaching?: AttachNote;
  /** The unit is loaded; no token was given. */
  record?: UnitRecord;
}

interface UnitRow {
  attempts: number;
  request: string;
  contributions: number[];
  attaching: AttachNote | null;
  record: UnitRecord | null;
}

/** State of a super-transaction, kept from changing until this transaction ends. UNKNOWN_TRANSACTION. */
export async function lockTransactionState(tx: Transaction, id: number): Promise<TransactionState> {
  const [row] = await tx<{ state: TransactionState }[]>`SELECT state FROM qserv.transaction WHERE id = ${id} FOR SHARE`;
  if (!row) throw new IngestError('UNKNOWN_TRANSACTION', `no such super-transaction ${id}`, { id });
  return row.state;
}

/**
 * Gives the unit to a new attempt: from here on no earlier one can note, attach or record. The caller has locked the
 * super-transaction's state and seen it STARTED. A unit that is recorded is not given, but shown.
 */
export async function takeUnit(
  tx: Transaction,
  worker: string,
  unit: LoadUnit,
  attempt: { token: string; staging: string; request: string },
): Promise<TakenUnit> {
  await tx`
    INSERT INTO qserv.load_unit (transaction_id, worker, database, "table", chunk, is_overlap, request, attempts)
    VALUES (${unit.transactionId}, ${worker}, ${unit.database}, ${unit.table}, ${unit.chunk}, ${unit.overlap},
      ${attempt.request}, 0)
    ON CONFLICT DO NOTHING`;
  const [row] = await tx<UnitRow[]>`
    SELECT attempts, request, contributions, attaching, record FROM qserv.load_unit
    WHERE ${key(tx, worker, unit)} FOR UPDATE`;
  if (!row) throw new IngestError('INTERNAL', 'a load unit that was just made is not there', { unit });
  const sameRequest = row.request === attempt.request;
  if (row.record) {
    return { attempts: row.attempts, sameRequest, contributions: row.contributions, record: row.record };
  }
  const contributions = sameRequest ? row.contributions : [];
  await tx`
    UPDATE qserv.load_unit
    SET request = ${attempt.request}, token = ${attempt.token}, staging = ${attempt.staging},
      contributions = ${contributions}, attempts = attempts + 1
    WHERE ${key(tx, worker, unit)}`;
  const attaching = row.attaching ? { attaching: row.attaching } : {};
  return { attempts: row.attempts + 1, sameRequest, contributions, ...attaching };
}

/** Sets the contribution ids of a unit that was just taken. */
export async function setContributions(tx: Transaction, worker: string, unit: LoadUnit, ids: number[]): Promise<void> {
  await tx`UPDATE qserv.load_unit SET contributions = ${ids} WHERE ${key(tx, worker, unit)}`;
}

/** Notes under the token what is about to be attached. REVOKED when the token is gone. */
export async function noteAttaching(sql: Queryable, worker: string, unit: LoadUnit, note: AttachNote): Promise<void> {
  const rows = await sql`
    UPDATE qserv.load_unit SET attaching = ${sql.json(note as never)}
    WHERE ${key(sql, worker, unit)} AND token = ${note.token} AND record IS NULL`;
  if (rows.count === 0) throw revoked(unit);
}

/**
 * Whether the attempt may still attach: its token stands, the super-transaction is STARTED, neither table nor database is
 * published, and the table is not being deleted. REVOKED, TABLE_PUBLISHED, DATABASE_PUBLISHED or ILLEGAL_STATE otherwise. Asked
 * in a transaction, it keeps the unit from being taken by a later attempt until that ends.
 */
export async function checkToken(sql: Queryable, worker: string, unit: LoadUnit, token: string): Promise<void> {
  const [row] = await sql<{ database_published: boolean; table_published: boolean; being_deleted: boolean }[]>`
    SELECT (SELECT d.is_published FROM qserv.config_database d WHERE d.database = u.database) AS database_published,
      c.is_published AS table_published, c.being_deleted
    FROM qserv.load_unit u LEFT JOIN LATERAL (
      SELECT t.is_published, t.being_deleted FROM qserv.config_database_table t
      WHERE t.database = u.database AND t."table" = u."table") c ON true
    WHERE ${key(sql, worker, unit)} AND token = ${token} AND record IS NULL
      AND EXISTS (SELECT 1 FROM qserv.transaction x WHERE x.id = transaction_id AND x.state = 'STARTED')
    FOR SHARE OF u`;
  if (!row) throw revoked(unit);
  checkUnpublished(unit, row.database_published, row.table_published);
  checkStays(unit, row.being_deleted);
}

/** Notes under the token that the unit is loaded, and ends the attempt. REVOKED when the token is gone. */
export async function recordUnit(
  sql: Queryable,
  worker: string,
  unit: LoadUnit,
  token: string,
  record: UnitRecord,
): Promise<void> {
  const rows = await sql`
    UPDATE qserv.load_unit SET record = ${sql.json(record as never)}, request = ${record.request}, attaching = NULL, staging = NULL, token = NULL
    WHERE ${key(sql, worker, unit)} AND token = ${token} AND record IS NULL`;
  if (rows.count === 0) throw revoked(unit);
}

/** Clears the note of an attempt of which is known that it attached nothing. REVOKED when the token is gone. */
export async function clearNote(sql: Queryable, worker: string, unit: LoadUnit, token: string): Promise<void> {
  const rows = await sql`
    UPDATE qserv.load_unit SET attaching = NULL
    WHERE ${key(sql, worker, unit)} AND token = ${token} AND record IS NULL`;
  if (rows.count === 0) throw revoked(unit);
}

/** True when the token stood and is now given back: the attempt failed without
 * attaching anything, and may say so. */
export async function giveUpUnit(tx: Transaction, worker: string, unit: LoadUnit, token: string): Promise<boolean> {
  const rows = await tx`
    UPDATE qserv.load_unit SET token = NULL, staging = NULL, attaching = NULL
    WHERE ${key(tx, worker, unit)} AND token = ${token} AND record IS NULL`;
  return rows.count > 0;
}

/** Forgets what the unit holds, and its attempt if there is one; contributions keep their records. */
export async function forgetUnit(sql: Queryable, worker: string, unit: LoadUnit): Promise<void> {
  await sql`
    UPDATE qserv.load_unit SET record = NULL, attaching = NULL, staging = NULL, token = NULL
    WHERE ${key(sql, worker, unit)}`;
}

/** Takes the unit away from whoever has it, so that nobody attaches while it is emptied. */
export async function revokeUnit(sql: Queryable, worker: string, unit: LoadUnit): Promise<void> {
  await sql`UPDATE qserv.load_unit SET token = NULL WHERE ${key(sql, worker, unit)}`;
}

/**
 * Takes all units of a super-transaction away from their attempts. Commit and abort call it in the Postgres transaction that
 * changes the state; afterwards they kill the holders of `lockNames`, who might have looked just before.
 */
export async function revokeTransaction(tx: Transaction, transactionId: number): Promise<void> {
  await tx`UPDATE qserv.load_unit SET token = NULL WHERE transaction_id = ${transactionId} AND token IS NOT NULL`;
}

/**
 * MySQL user locks under which a revoked attempt may still be about to attach, by worker. Units that are recorded are left
 * out: their last attempt is over, and it killed its forerunners.
 */
export async function lockNames(sql: Queryable, transactionId: number): Promise<{ worker: string; lock: string }[]> {
  const rows = await sql<{ worker: string; database: string; table: string; chunk: number; is_overlap: boolean }[]>`
    SELECT worker, database, "table", chunk, is_overlap FROM qserv.load_unit
    WHERE transaction_id = ${transactionId} AND record IS NULL AND attaching IS NOT NULL`;
  return rows.map(({ worker, database, table, chunk, is_overlap }) => ({
    worker,
    lock: unitLock({ database, transactionId, table, chunk, overlap: is_overlap }),
  }));
}

/** Takes all units of a table away from their attempts, in every super-transaction. As `revokeTransaction`. */
export async function revokeTable(tx: Transaction, database: string, table: string): Promise<void> {
  await tx`
    UPDATE qserv.load_unit SET token = NULL WHERE database = ${database} AND "table" = ${table} AND token IS NOT NULL`;
}

/** Every unit of a table, with its worker, and whether a revoked attempt may still be about to attach it (as `lockNames`). */
export async function unitsOfTable(
  sql: Queryable,
  database: string,
  table: string,
): Promise<{ worker: string; unit: LoadUnit; attaching: boolean }[]> {
  const rows = await sql<
    { transaction_id: number; worker: string; chunk: number; is_overlap: boolean; is_attaching: boolean }[]
  >`
    SELECT transaction_id, worker, chunk, is_overlap, record IS NULL AND attaching IS NOT NULL AS is_attaching
    FROM qserv.load_unit WHERE database = ${database} AND "table" = ${table}`;
  return rows.map(({ transaction_id, worker, chunk, is_overlap, is_attaching }) => ({
    worker,
    unit: { transactionId: transaction_id, database, table, chunk, overlap: is_overlap },
    attaching: is_attaching,
  }));
}

/** The units of a super-transaction that are recorded on a worker. */
export async function recordedUnits(
  sql: Queryable,
  worker: string,
  transactionId: number,
): Promise<{ unit: LoadUnit; rows: number }[]> {
  const rows = await sql<{ database: string; table: string; chunk: number; is_overlap: boolean; rows: number }[]>`
    SELECT database, "table", chunk, is_overlap, (record->>'rows')::bigint AS rows FROM qserv.load_unit
    WHERE transaction_id = ${transactionId} AND worker = ${worker} AND record IS NOT NULL
    ORDER BY "table", chunk, is_overlap`;
  return rows.map(({ database, table, chunk, is_overlap, rows }) => ({
    unit: { transactionId, database, table, chunk, overlap: is_overlap },
    rows,
  }));
}

/** What the records say of the staging tables of some super-transactions on a worker. */
export interface StagingRecords {
  /** Of attempts that hold their token. */
  current: Set<string>;
  /** Noted as attaching in a super-transaction that is not ended: evidence for the next attempt. */
  noted: Set<string>;
  /** Databases of the super-transactions that the records know. */
  databases: Map<number, string>;
}

export async function stagingRecords(
  sql: Queryable,
  worker: string,
  transactionIds: number[],
): Promise<StagingRecords> {
  const rows = await sql<
    { id: number; database: string; current: string | null; noted: string | null; noted_plain: string | null }[]
  >`
    SELECT t.id, t.database,
      CASE WHEN u.token IS NOT NULL THEN u.staging END AS current,
      CASE WHEN t.state NOT IN ('FINISHED', 'ABORTED') THEN u.attaching->>'staging' END AS noted,
      CASE WHEN t.state NOT IN ('FINISHED', 'ABORTED') THEN u.attaching->>'plain' END AS noted_plain
    FROM qserv.transaction t
    LEFT JOIN qserv.load_unit u ON u.transaction_id = t.id AND u.worker = ${worker} AND u.record IS NULL
    WHERE t.id = ANY(${transactionIds})`;
  const requests = await sql<{ current: string | null; noted: string | null; noted_plain: string | null }[]>`
    SELECT CASE WHEN token IS NOT NULL THEN staging END AS current, attaching->>'staging' AS noted,
      attaching->>'plain' AS noted_plain
    FROM qserv.contribution_request
    WHERE worker = ${worker} AND phase = 'working' AND transaction_id = ANY(${transactionIds})`;
  const names = (...of: ('current' | 'noted' | 'noted_plain')[]) =>
    new Set(
      [...rows, ...requests]
        .flatMap((row) => of.map((column) => row[column]))
        .filter((name): name is string => name !== null),
    );
  return {
    current: names('current'),
    noted: names('noted', 'noted_plain'),
    databases: new Map(rows.map((row) => [row.id, row.database])),
  };
}

function key(sql: Queryable, worker: string, unit: LoadUnit) {
  return (sql as Transaction)`transaction_id = ${unit.transactionId} AND worker = ${worker}
    AND database = ${unit.database} AND "table" = ${unit.table} AND chunk = ${unit.chunk} AND is_overlap = ${unit.overlap}`;
}

function revoked(unit: LoadUnit): IngestError {
  return new IngestError(
    'REVOKED',
    `this attempt was overtaken by another one, or super-transaction ${unit.transactionId} was ended`,
    { unit },
  );
}
