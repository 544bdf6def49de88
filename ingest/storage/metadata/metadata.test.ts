import { setTimeout as sleep } from 'node:timers/promises';
import { gc } from '../../../test/support/gc';
import { freshDatabase } from '../../../test/support/servers';
import { Connection } from './connection';
import { withLocks } from './locks';
import { migrate } from './migrate';
import { MIGRATIONS } from './migrations';
import { type Metadata, openMetadata, type Queryable } from './open';

let url: string;
let metadata: Metadata;

beforeAll(async () => {
  url = await freshDatabase();
  metadata = openMetadata(url);
  await metadata.migrate();
});
afterAll(() => metadata.close());

test.each<[string, (sql: Queryable) => Promise<unknown>, RegExp]>([
  ['a NUL in a text', (sql) => sql`SELECT ${'a\0b'}::text`, /U\+0000/],
  ['a NUL in JSON', (sql) => sql`SELECT ${sql.json({ a: '\0' })}`, /U\+0000/],
  ['half a surrogate pair in JSON', (sql) => sql`SELECT ${sql.json({ a: '\ud800' })}`, /surrogate/],
  [
    'a large number',
    (sql) => sql`SELECT 1 FROM qserv.transaction_contrib WHERE id = ${4294967295}`,
    /a number is larger/,
  ],
])("what cannot be recorded is the caller's fault: %s", async (_, work, message) => {
  await expect(metadata.run(work)).rejects.toMatchObject({ code: 'INVALID_INPUT', message });
});

test.each(['a\0b', '\ud800', { 'a\0': 1 }, '\\\0'])(
  'JSON that PostgreSQL would quote in its log when it refuses it does not get there: %j',
  async (value) => {
    const refused = metadata.run((sql) => sql`SELECT ${sql.json({ value })}::jsonb`);
    const error = await refused.catch((e) => e);
    expect(error).toMatchObject({ code: 'INVALID_INPUT' });
    // It was not even asked.
    expect(error.details).toEqual({});
  },
);

test.each(['\\u0000', 'é 😀', '\\\\ud800'])('JSON that only looks like it is kept: %j', async (value) => {
  expect(await metadata.run((sql) => sql`SELECT ${sql.json({ value })}::jsonb AS kept`)).toEqual([{ kept: { value } }]);
});

describe('migrations', () => {
  test('are numbered without gaps', () => {
    expect(MIGRATIONS.map((m) => m.number)).toEqual(MIGRATIONS.map((_, i) => i + 1));
  });

  test('run once, whoever comes first', async () => {
    const statements = 'CREATE TABLE once (n integer); INSERT INTO once VALUES (1);';
    const more = [...MIGRATIONS, { number: MIGRATIONS.length + 1, name: 'once', statements }];
    await Promise.all([1, 2, 3, 4].map(() => migrate(metadata, more)));
    expect(await metadata.run((sql) => sql`SELECT n FROM once`)).toEqual([{ n: 1 }]);
    // This program does not know that one.
    await expect(metadata.migrate()).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringContaining('once'),
    });
  });

  test('that fail leave nothing', async () => {
    const number = MIGRATIONS.length + 2;
    const half = { number, name: 'half', statements: 'CREATE TABLE half (n integer); SELECT nonsense;' };
    await expect(migrate(metadata, [half])).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(await metadata.run((sql) => sql`SELECT to_regclass('half') AS t`)).toEqual([{ t: null }]);
  });
});

test('statements: parameters, parts, names, rows and JSON', async () => {
  await metadata.run((sql) =>
    sql.script('CREATE TABLE thing ("a b" text, n bigint, j json, ok boolean, list integer[])'),
  );
  const changed = await metadata.transaction(async (tx) => {
    const rows = [
      { 'a b': "it's", n: 2 ** 40, j: tx.json({ x: [1, null] }), ok: true, list: [1, 2] },
      { 'a b': '$1', n: 0, j: tx.json('text'), ok: false, list: [] },
    ];
    await tx`INSERT INTO thing ${tx(rows)}`;
    return tx`UPDATE thing SET ${tx('n')} = n + 1`;
  });
  expect(changed.count).toBe(2);
  const found = await metadata.run((sql) => {
    const filter = sql`${sql('a b')} = ${'$1'} AND ok = ${false}`;
    return sql`SELECT * FROM thing WHERE NOT (${filter}) AND n > ${1}`;
  });
  expect(found).toEqual([{ 'a b': "it's", n: 2 ** 40 + 1, j: { x: [1, null] }, ok: true, list: [1, 2] }]);
  await expect(
    metadata.transaction(async (tx) => {
      await tx`DELETE FROM thing`;
      throw new Error('no');
    }),
  ).rejects.toMatchObject({ code: 'INTERNAL', message: 'no' });
  expect(await metadata.run((sql) => sql`SELECT count(*) AS n FROM thing`)).toEqual([{ n: 2 }]);
});

test('connections that break under load are replaced, and no query waits for ever', async () => {
  const own = openMetadata(url, 4);
  let busy = true;
  let answers = 0;
  let failures = 0;
  const lane = async (ask: () => Promise<unknown>) => {
    while (busy) {
      await ask().then(
        () => {
          answers += 1;
        },
        (error: { code: string }) => {
          expect(error.code).toBe('UNAVAILABLE');
          failures += 1;
        },
      );
    }
  };
  const query = () => own.run((sql) => sql`SELECT 1`);
  const several = () =>
    own.transaction(async (tx) => {
      for (let i = 0; i < 3; i++) await tx`SELECT ${i}::integer`;
    });
  const lanes = [lane(query), lane(query), lane(several), lane(several)];
  for (let round = 0; round < 20; round++) {
    await sleep(30);
    await metadata.run(
      (sql) => sql`
      SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid()`,
    );
  }
  // The last ones are gone by now, not only told to go: what follows meets none of them.
  busy = false;
  await Promise.all(lanes);
  expect(failures).toBeGreaterThan(0);
  expect(answers).toBeGreaterThan(0);
  await query();
  await own.close();
});

test('a connection keeps nothing of what it has answered', async () => {
  const connection = await Connection.open(url);
  const answer = async () => new WeakRef(await connection.sql`SELECT 1 AS one`);
  const answers = [await answer(), await answer()];
  await connection.sql`SELECT 2`;
  await new Promise((resolve) => setImmediate(resolve));
  gc();
  expect(answers.map((known) => known.deref())).toEqual([undefined, undefined]);
  await connection.close();
});

test('a server that is away is UNAVAILABLE', async () => {
  const away = openMetadata('postgres://nobody@127.0.0.1:1/nothing');
  await expect(away.run((sql) => sql`SELECT 1`)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  await expect(withLocks(away, [{ name: 'x' }], async () => 1)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  await away.close();
});

describe('locks', () => {
  test('exclude each other; shared ones only exclusive ones', async () => {
    await withLocks(metadata, [{ name: 'a', shared: true }], async (held) => {
      expect(await withLocks(metadata, [{ name: 'a', shared: true }], async () => 'in', 50)).toBe('in');
      await expect(withLocks(metadata, [{ name: 'a' }], async () => 'in', 50)).rejects.toMatchObject({
        code: 'BUSY',
        message: expect.stringContaining('a'),
      });
      await held.take({ name: 'b' });
      await expect(withLocks(metadata, [{ name: 'b' }], async () => 'in', 50)).rejects.toMatchObject({ code: 'BUSY' });
    });
    expect(await withLocks(metadata, [{ name: 'a' }, { name: 'b' }], async () => 'in', 50)).toBe('in');
  });

  test('of a crowd leave connections to others: who comes too late waits, then is told that it is BUSY', async () => {
    const crowded = openMetadata(metadata.url);
    let inside = 0;
    let most = 0;
    let leave = () => {};
    const left = new Promise<void>((resolve) => {
      leave = resolve;
    });
    const enter = (name: string, waitMs?: number) =>
      withLocks(
        crowded,
        [{ name, shared: true }],
        async () => {
          most = Math.max(most, ++inside);
          await left;
          inside -= 1;
        },
        waitMs,
      );
    const crowd = Array.from({ length: 100 }, () => enter('crowd'));
    while (inside < 24) await sleep(10);
    await expect(enter('crowd', 50)).rejects.toMatchObject({ code: 'BUSY', details: { lock: 'crowd' } });
    expect(await withLocks(crowded, [{ name: 'another' }], async () => 'in', 5000)).toBe('in');
    leave();
    await Promise.all(crowd);
    expect(most).toBe(24);
    await crowded.close();
  });

  test('that are lost are noticed by everybody who asks', async () => {
    await withLocks(metadata, [{ name: 'c' }], async (held) => {
      await Promise.all([held.check(), held.check(), held.check()]);
      const asking = Promise.allSettled(Array.from({ length: 20 }, () => sleep(Math.random() * 20).then(held.check)));
      await metadata.run(
        (sql) => sql`
        SELECT pg_terminate_backend(pid) FROM pg_locks
        WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
      );
      for (const result of await asking) {
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'UNAVAILABLE' });
      }
      await expect(held.check()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    });
  });
});
