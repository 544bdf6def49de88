import type {
  TransactionDescriptor,
  TransactionEvent,
  TransactionFilter,
  TransactionParts,
} from '../../controller/controller';
import { checkMove, TRANSACTION_TIMES, type TransactionState } from '../../core/transactions';
import type { Queryable } from './open';

type Json = Record<string, unknown>;

interface TransactionRow {
  id: number;
  database: string;
  state: TransactionState;
  begin_time: number;
  start_time: number;
  transition_time: number;
  end_time: number;
  context: Json;
}

const descriptor = (row: TransactionRow, log: TransactionEvent[]): TransactionDescriptor => ({
  id: row.id,
  database: row.database,
  state: row.state,
  beginTime: row.begin_time,
  startTime: row.start_time,
  transitionTime: row.transition_time,
  endTime: row.end_time,
  context: row.context,
  log,
});

const json = (sql: Queryable, value: Json) => sql.json(value as never);

/** An id for a super-transaction that is about to be recorded, so that its lock can be held before anybody sees it. */
export async function nextTransactionId(sql: Queryable): Promise<number> {
  const [row] = await sql<{ id: number }[]>`
    SELECT nextval(pg_get_serial_sequence('qserv.transaction', 'id'))::integer AS id`;
  return (row as { id: number }).id;
}

/** Records it as IS_STARTING. False when an open one of the database has the token already. */
export async function insertTransaction(
  sql: Queryable,
  id: number,
  database: string,
  context: Json,
  token: string | null,
): Promise<boolean> {
  const rows = await sql`
    INSERT INTO qserv.transaction (id, database, state, begin_time, context, token) OVERRIDING SYSTEM VALUE
    VALUES (${id}, ${database}, 'IS_STARTING', ${Date.now()}, ${json(sql, context)}, ${token})
    ON CONFLICT DO NOTHING RETURNING id`;
  return rows.length === 1;
}

/** The columns of a descriptor; a context that nobody asks for may be large. */
const columns = (sql: Queryable, { context = true }: TransactionParts) => sql`
  id, database, state, begin_time, start_time, transition_time, end_time,
  ${context ? sql`context` : sql`'{}'::json AS context`}`;

export async function findTransaction(
  sql: Queryable,
  id: number,
  parts: TransactionParts = {},
): Promise<TransactionDescriptor | undefined> {
  const [row] = await sql<
    TransactionRow[]
  >`SELECT ${columns(sql, parts)} FROM qserv.transaction WHERE id = ${id}::bigint`;
  if (row === undefined) return undefined;
  return descriptor(row, parts.log === false ? [] : ((await eventsOf(sql, [id])).get(id) ?? []));
}

/** The open one of the database that was begun with the token. */
export async function findByToken(sql: Queryable, database: string, token: string): Promise<number | undefined> {
  const [row] = await sql<{ id: number }[]>`
    SELECT id FROM qserv.transaction
    WHERE database = ${database} AND token = ${token} AND state NOT IN ('FINISHED', 'ABORTED')`;
  return row?.id;
}

/** Newest first. */
export async function listTransactions(
  sql: Queryable,
  filter: TransactionFilter,
  parts: TransactionParts = {},
): Promise<TransactionDescriptor[]> {
  const rows = await sql<TransactionRow[]>`
    SELECT ${columns(sql, parts)} FROM qserv.transaction
    WHERE (${filter.database ?? null}::text IS NULL OR database = ${filter.database ?? null})
      AND (${filter.states ?? null}::text[] IS NULL OR state = ANY (${filter.states ?? null}))
    ORDER BY id DESC`;
  const ids = parts.log === false ? [] : rows.map((row) => row.id);
  const events = await eventsOf(sql, ids);
  return rows.map((row) => descriptor(row, events.get(row.id) ?? []));
}

/** Those that are neither FINISHED nor ABORTED. */
export async function openTransactions(
  sql: Queryable,
  database: string,
): Promise<{ id: number; state: TransactionState }[]> {
  return await sql<{ id: number; state: TransactionState }[]>`
    SELECT id, state FROM qserv.transaction
    WHERE database = ${database} AND state NOT IN ('FINISHED', 'ABORTED') ORDER BY id`;
}

/** Ids of all of the database, ended ones too. */
export async function transactionIds(sql: Queryable, database: string): Promise<number[]> {
  const rows = await sql<{ id: number }[]>`SELECT id FROM qserv.transaction WHERE database = ${database} ORDER BY id`;
  return rows.map((row) => row.id);
}

/**
 * Moves the state and sets the time that belongs to it; `context` replaces the stored one. False when the state was not `from`
 * any more. ILLEGAL_STATE for a move that does not exist.
 */
export async function moveTransaction(
  sql: Queryable,
  id: number,
  from: TransactionState,
  to: TransactionState,
  context?: Json,
): Promise<boolean> {
  checkMove(id, from, to);
  const time = TRANSACTION_TIMES[to];
  const rows = await sql`
    UPDATE qserv.transaction SET state = ${to}, ${sql(time)} = ${Date.now()}
      ${context === undefined ? sql`` : sql`, context = ${json(sql, context)}`}
    WHERE id = ${id} AND state = ${from} RETURNING id`;
  return rows.length === 1;
}

/** Keeps its state from changing, and from being relied on, until this Postgres transaction ends. */
export async function lockTransaction(tx: Queryable, id: number): Promise<void> {
  await tx`SELECT 1 FROM qserv.transaction WHERE id = ${id} FOR NO KEY UPDATE`;
}

/** Notes an event with the state at this time (docs/contract/storage.md §7). */
export async function logEvent(sql: Queryable, id: number, name: string, data: Json): Promise<void> {
  await sql`
    INSERT INTO qserv.transaction_log (transaction_id, transaction_state, time, name, data)
    SELECT id, state, ${Date.now()}, ${name}, ${json(sql, data)} FROM qserv.transaction WHERE id = ${id}`;
}

async function eventsOf(sql: Queryable, ids: number[]): Promise<Map<number, TransactionEvent[]>> {
  const rows = await sql<
    (Omit<TransactionEvent, 'state'> & { transaction_id: number; transaction_state: TransactionState })[]
  >`
    SELECT * FROM qserv.transaction_log WHERE transaction_id = ANY (${ids}::integer[]) ORDER BY id`;
  const events = new Map<number, TransactionEvent[]>();
  for (const { id, transaction_id, transaction_state: state, name, time, data } of rows) {
    const event = { id, state, name, time, data };
    const list = events.get(transaction_id);
    if (list) list.push(event);
    else events.set(transaction_id, [event]);
  }
  return events;
}
