import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PostgresServer } from '../../dev/postgres';
import { IngestError } from '../../ingest/core/errors';
import { type Metadata, openMetadata } from '../../ingest/storage/metadata';
import { withLocks } from '../../ingest/storage/metadata/locks';
import { privatePostgres } from '../support/servers';

/**
 * Connections to the records break under load, again and again; once the whole server is killed. Every operation ends with its
 * result or with an error of ours, what reported success stays, no lock is believed held that is not, and the pool is whole
 * afterwards. An exception outside of every promise fails the test by jest's own handlers.
 */

jest.setTimeout(240_000);

const POOL = 6;
const CALLERS = 40;
const ROUND_MS = 3_000;
/** An operation that has not ended by then never will. */
const SETTLED_MS = 30_000;
const LOCKS = ['one', 'two', 'three'];

let server: PostgresServer;
let metadata: Metadata;
/** Ends the others' connections. */
let reaper: Metadata;

/** Rows whose writing was reported as done. */
const done = new Set<string>();
/** Rows that were written in one transaction: all or none must be there. */
const together: string[][] = [];
const complaints: string[] = [];
/** How often each lock was taken. */
const taken = new Map<string, number>();
const count = { done: 0, unavailable: 0, reaped: 0 };

beforeAll(async () => {
  server = privatePostgres();
  await server.start();
  metadata = openMetadata(server.url(), POOL);
  reaper = openMetadata(server.url(), 1);
  await metadata.run((sql) => sql`CREATE TABLE torture (id text PRIMARY KEY, padding text)`);
});

afterAll(async () => {
  await Promise.all([metadata?.close(), reaper?.close()]);
  await server?.stop();
});

const ids = (n: number) => Array.from({ length: n }, () => randomUUID());
const note = (rows: string[]) => {
  for (const id of rows) done.add(id);
};

/** What campaigns do with their records, in small. */
const OPERATIONS: Record<string, () => Promise<void>> = {
  async answer() {
    const asked = randomUUID();
    const [row] = await metadata.run((sql) => sql<{ said: string }[]>`SELECT ${asked} AS said, pg_sleep(0.01)`);
    if (row?.said !== asked) complaints.push('an answer to somebody else’s question');
  },
  async insert() {
    const [id = ''] = ids(1);
    await metadata.run((sql) => sql`INSERT INTO torture ${sql({ id, padding: 'x'.repeat(2000) })}`);
    note([id]);
  },
  async transaction() {
    const rows = ids(4);
    together.push(rows);
    await metadata.transaction(async (tx) => {
      await tx`INSERT INTO torture ${tx({ id: rows[0] ?? '', padding: null })}`;
      await Promise.all(rows.slice(1).map((id) => tx`INSERT INTO torture (id) VALUES (${id})`));
      await tx`SELECT pg_sleep(0.005)`;
    });
    note(rows);
  },
  async stubborn() {
    const rows = ids(3);
    together.push(rows);
    await metadata.transaction(async (tx) => {
      let failed: unknown;
      for (const id of rows) {
        await tx`INSERT INTO torture (id) SELECT ${id} FROM (SELECT pg_sleep(0.005)) AS later`.catch((error) => {
          failed = error;
        });
      }
      if (failed) throw failed;
    });
    note(rows);
  },
  async copy() {
    const rows = ids(200);
    together.push(rows);
    await metadata.transaction(async (tx) => {
      const input = await tx`COPY torture (id, padding) FROM STDIN`.writable();
      await pipeline(Readable.from(rows.map((id) => `${id}\t${'y'.repeat(500)}\n`)), input);
      await tx`SELECT 1`;
    });
    note(rows);
  },
  async lock() {
    const name = LOCKS[Math.floor(Math.random() * LOCKS.length)] ?? '';
    await withLocks(metadata, [{ name }], async (held) => {
      const turn = (taken.get(name) ?? 0) + 1;
      taken.set(name, turn);
      for (let i = 0; i < 3; i += 1) {
        await sleep(20);
        // Somebody else has it: it was lost before this check began.
        const lost = taken.get(name) !== turn;
        await held.check();
        if (lost) complaints.push('a lock was believed held after somebody else had got it');
      }
    });
  },
};

/** The operation's end, however it ends; complains of those that do not, and of errors that do not say "try again". */
async function settle(name: string, operation: () => Promise<void>): Promise<void> {
  const late = new AbortController();
  const outcome = await Promise.race([
    operation().then(
      () => 'done',
      (error) => error,
    ),
    sleep(SETTLED_MS, 'late', { signal: late.signal }).catch(() => 'late'),
  ]);
  late.abort();
  if (outcome === 'done') count.done += 1;
  else if (outcome === 'late') complaints.push(`${name} never ended`);
  else if (outcome instanceof IngestError && ['UNAVAILABLE', 'BUSY'].includes(outcome.code)) count.unavailable += 1;
  else complaints.push(`${name}: ${outcome}`);
}

async function callers(until: number): Promise<void> {
  const names = Object.keys(OPERATIONS);
  const caller = async (n: number) => {
    for (let i = n; Date.now() < until; i += 1) {
      const name = names[i % names.length] ?? '';
      await settle(name, OPERATIONS[name] as () => Promise<void>);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, (_, n) => caller(n)));
}

/** Ends connections of ours, all or some of them, until it is time. */
async function reap(until: number): Promise<void> {
  while (Date.now() < until) {
    await sleep(20 + Math.random() * 150);
    const share = Math.random() < 0.5 ? 1 : 0.3;
    await settle('reaper', async () => {
      const rows = await reaper.run(
        (sql) => sql`
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE application_name = 'qserv-campaigns' AND pid <> pg_backend_pid() AND random() < ${share}::float8`,
      );
      count.reaped += rows.length;
    });
  }
}

/** As many transactions at once as the pool is wide, each on a connection of its own. */
async function fullWidth(): Promise<void> {
  let open = () => {};
  const all = new Promise<void>((resolve) => {
    open = resolve;
  });
  const pids = new Set<number>();
  const width = Array.from({ length: POOL }, () =>
    metadata.transaction(async (tx) => {
      const [row] = await tx<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`;
      pids.add(row?.pid ?? 0);
      if (pids.size === POOL) open();
      await all;
    }),
  );
  await settle('full width', async () => {
    await Promise.all(width);
  });
}

/** Broken connections that nobody has used since may fail one operation each. */
async function calm(): Promise<void> {
  await sleep(200);
  await Promise.all(Array.from({ length: POOL }, () => settle('calm', OPERATIONS.answer as () => Promise<void>)));
}

async function verify(): Promise<void> {
  await calm();
  const before = count.unavailable;
  await fullWidth();
  expect(complaints).toEqual([]);
  expect(count.unavailable).toBe(before);
  const rows = await metadata.run((sql) => sql<{ id: string }[]>`SELECT id FROM torture`);
  const there = new Set(rows.map((row) => row.id));
  expect([...done].filter((id) => !there.has(id))).toEqual([]);
  expect(together.filter((group) => new Set(group.map((id) => there.has(id))).size > 1)).toEqual([]);
}

it.each([1, 2, 3])('connections are ended under load, round %i', async () => {
  const before = { ...count };
  const until = Date.now() + ROUND_MS;
  await Promise.all([callers(until), reap(until)]);
  await verify();
  expect(count.done).toBeGreaterThan(before.done);
  expect(count.unavailable).toBeGreaterThan(before.unavailable);
});

it('the server is killed under load and comes back', async () => {
  const until = Date.now() + ROUND_MS;
  const restart = async () => {
    await sleep(ROUND_MS / 4);
    await server.kill();
    await server.start();
  };
  await Promise.all([callers(until), restart()]);
  await callers(Date.now() + ROUND_MS / 4);
  await verify();
});

it('rows that are refused after the last one end their COPY', async () => {
  const id = randomUUID();
  const twice = metadata.transaction(async (tx) => {
    const input = await tx`COPY torture (id) FROM STDIN`.writable();
    await pipeline(Readable.from([`${id}\n${id}\n`]), input);
  });
  await expect(twice).rejects.toMatchObject({ code: 'INTERNAL' });
  await fullWidth();
});

it('a transaction whose connection broke writes nothing later, nor does one that hides a failure', async () => {
  const [first = '', second = '', third = ''] = ids(3);
  let late: Promise<unknown> = Promise.resolve();
  const broken = metadata.transaction(async (tx) => {
    const [row] = await tx<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`;
    await reaper.run((sql) => sql`SELECT pg_terminate_backend(${row?.pid ?? 0}::integer)`);
    late = sleep(300).then(() => tx`INSERT INTO torture (id) VALUES (${first})`);
    await late;
  });
  await expect(broken).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  await OPERATIONS.insert?.();
  await expect(late).rejects.toBeDefined();
  const hiding = metadata.transaction(async (tx) => {
    await tx`INSERT INTO torture (id) VALUES (${second})`;
    await tx`INSERT INTO torture (id) VALUES (${second})`.catch(() => {});
    await tx`INSERT INTO torture (id) VALUES (${third})`.catch(() => {});
  });
  await expect(hiding).rejects.toMatchObject({ code: 'INTERNAL' });
  const there = await metadata.run(
    (sql) => sql`SELECT id FROM torture WHERE id = ANY (${[first, second, third]}::text[])`,
  );
  expect(there).toEqual([]);
});
