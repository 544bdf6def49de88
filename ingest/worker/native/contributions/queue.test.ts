import { mkdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { PortFile } from '../../../../dev/ports';
import { objectRows } from '../../../../test/support/generate';
import { TestCatalog } from '../../../../test/support/load-catalog';
import { reference, send } from '../../../../test/support/sending';
import { freshDatabase, privateDir, sharedMariaDb, uniqueName } from '../../../../test/support/servers';
import type { Contribution } from '../../../core/contributions';
import { IngestError } from '../../../core/errors';
import { unitLock } from '../../../core/names';
import type { StepHook } from '../../../core/steps';
import type { MysqlAccess } from '../../../storage/data/connection';
import { killHolder, takeLock } from '../../../storage/data/user-locks';
import type { Metadata, Queryable } from '../../../storage/metadata';
import { setIngestConfig } from '../../../storage/metadata/ingest-config';
import type { LoadUnit } from '../../worker';
import { NativeIngestWorker, type NativeWorkerOptions } from '../index';

/** The queue of asynchronous contributions: order, limits, one process at a time, and what comes after a stop. */

const folder = privateDir('queue');
const url = `file://${folder}/rows.csv`;
let mysql: MysqlAccess;
let one: TestCatalog;
let two: TestCatalog;
let sender: NativeIngestWorker;
const workers: NativeIngestWorker[] = [];
let chunk = 100;

beforeAll(async () => {
  mkdirSync(folder);
  await writeFile(`${folder}/rows.csv`, objectRows(20));
  mysql = await sharedMariaDb('w2');
  const postgres = await freshDatabase();
  one = await TestCatalog.create(uniqueName('queue'), 'w2', postgres, mysql);
  two = await TestCatalog.create(uniqueName('queue'), 'w2', postgres, mysql);
  sender = newWorker();
});

afterEach(async () => {
  for (const worker of workers.splice(1)) await worker.close();
});

afterAll(async () => {
  for (const worker of workers) await worker.close();
  await one.close();
  await two.close();
});

function newWorker(steps?: StepHook, access = mysql, more: Partial<NativeWorkerOptions> = {}): NativeIngestWorker {
  const sources = { roots: { queue: folder }, stallSeconds: 5 };
  const worker = new NativeIngestWorker({
    ...{ name: 'w2', mysql: access, metadata: one.metadata, sources, steps },
    ...more,
  });
  workers.push(worker);
  return worker;
}

/** A partition of its own. */
async function newPlace(catalog = one): Promise<LoadUnit> {
  chunk += 1;
  await catalog.allocate(chunk);
  return catalog.unit(await catalog.begin(), chunk);
}

async function submit(place: LoadUnit): Promise<number> {
  return (await sender.submit(reference(place, url, { isAsync: true }))).id;
}

async function ended(id: number): Promise<Contribution> {
  for (;;) {
    const contribution = await sender.contribution(id);
    if (contribution.status !== 'IN_PROGRESS') return contribution;
    await sleep(10);
  }
}

/** A worker whose contributions wait at their start until they are let go. */
class Held {
  /** Chunks of those that have begun, in order. */
  readonly begun: number[] = [];
  private readonly waiting = new Map<number, () => void>();
  readonly worker = newWorker(async (step, { unit }) => {
    if (step !== 'start') return;
    const { chunk } = unit as LoadUnit;
    this.begun.push(chunk);
    await new Promise<void>((resolve) => this.waiting.set(chunk, resolve));
  });

  async reaches(count: number): Promise<number[]> {
    while (this.begun.length < count) await sleep(10);
    // Long enough for one that should not begin.
    await sleep(300);
    return this.begun;
  }

  release({ chunk }: LoadUnit): void {
    this.waiting.get(chunk)?.();
  }
}

test('the oldest head goes first, of databases within their limits', async () => {
  const [a1, a2, a3, b1, b2] = [
    await newPlace(),
    await newPlace(),
    await newPlace(),
    await newPlace(two),
    await newPlace(two),
  ];
  await one.metadata.run((sql) => setIngestConfig(sql, one.database, { ASYNC_PROC_LIMIT: 1 }));
  const ids = [];
  for (const place of [a1, a2, b1, a3, b2]) ids.push(await submit(place));
  const held = new Held();
  const queue = held.worker.runQueue({ threads: 2 });
  // The first database has its one, so the second one's turn comes; then the threads are all in use.
  expect(await held.reaches(2)).toEqual([a1.chunk, b1.chunk]);
  held.release(b1);
  expect(await held.reaches(3)).toEqual([a1.chunk, b1.chunk, b2.chunk]);
  held.release(b2);
  expect(await held.reaches(3)).toHaveLength(3);
  held.release(a1);
  expect(await held.reaches(4)).toEqual([a1.chunk, b1.chunk, b2.chunk, a2.chunk]);
  // No limit: read again with the next look.
  await one.metadata.run((sql) => setIngestConfig(sql, one.database, { ASYNC_PROC_LIMIT: 0 }));
  expect(await held.reaches(5)).toEqual([a1.chunk, b1.chunk, b2.chunk, a2.chunk, a3.chunk]);
  for (const place of [a2, a3]) held.release(place);
  for (const id of ids) expect(await ended(id)).toMatchObject({ status: 'FINISHED', rowsLoaded: 20 });
  await queue.close();
});

test('the reply to who queues a contribution shows it queued, however soon it is over', async () => {
  const queue = newWorker().runQueue({ threads: 1 });
  const slow: Metadata = {
    ...one.metadata,
    run: async (question) => {
      await sleep(1000);
      return one.metadata.run(question);
    },
  };
  const other = newWorker(undefined, mysql, { metadata: slow });
  const place = await newPlace();
  const sent = await other.submit(reference(place, `file://${folder}/missing.csv`, { isAsync: true }));
  expect(sent).toMatchObject({ status: 'IN_PROGRESS', isAsync: true, startTime: 0, charset: 'latin1' });
  expect(await ended(sent.id)).toMatchObject({ status: 'READ_FAILED' });
  const again = await other.retry(sent.id, { isAsync: true });
  expect(again).toMatchObject({ status: 'IN_PROGRESS', isAsync: true, error: '', numFailedRetries: 1 });
  expect(await ended(sent.id)).toMatchObject({ status: 'READ_FAILED', numFailedRetries: 1 });
  await queue.close();
});

test('one process at a time works off a queue; the next one takes over', async () => {
  const first = new Held();
  const second = new Held();
  const queue = first.worker.runQueue({ threads: 4 });
  const place = await newPlace();
  const id = await submit(place);
  expect(await first.reaches(1)).toEqual([place.chunk]);
  const other = second.worker.runQueue({ threads: 4 });
  const next = await newPlace();
  const nextId = await submit(next);
  expect(await first.reaches(2)).toEqual([place.chunk, next.chunk]);
  expect(second.begun).toEqual([]);
  for (const done of [place, next]) first.release(done);
  for (const done of [id, nextId]) expect(await ended(done)).toMatchObject({ status: 'FINISHED' });
  await queue.close();
  const last = await newPlace();
  const lastId = await submit(last);
  expect(await second.reaches(1)).toEqual([last.chunk]);
  second.release(last);
  expect(await ended(lastId)).toMatchObject({ status: 'FINISHED' });
  await other.close();
});

test('a queue that is closed puts back what is being read, and waits for rows that are being attached', async () => {
  const reading = await newPlace();
  const attaching = await newPlace();
  const ids = [await submit(reading), await submit(attaching)] as const;
  let reached = 0;
  let close: Promise<void> | undefined;
  const closing: NativeIngestWorker = newWorker(async (step, { unit }) => {
    const { chunk } = unit as LoadUnit;
    if (step !== (chunk === reading.chunk ? 'load' : 'attach')) return;
    reached += 1;
    while (reached < 2) await sleep(5);
    close ??= queue.close();
    await sleep(50);
  });
  const queue = closing.runQueue({ threads: 2 });
  while (close === undefined) await sleep(5);
  await close;
  expect(await sender.contribution(ids[1])).toMatchObject({ status: 'FINISHED' });
  expect(await sender.contribution(ids[0])).toMatchObject({
    status: 'IN_PROGRESS',
    startTime: 0,
    readTime: 0,
    numFailedRetries: 0,
  });
  const again = newWorker().runQueue({ threads: 2 });
  expect(await ended(ids[0])).toMatchObject({ status: 'FINISHED', numFailedRetries: 0 });
  await again.close();
  expect(await one.contents(reading)).toMatchObject({ rows: 20 });
});

describe('databases that are away', () => {
  test('MariaDB: what is queued waits, and is loaded when it is back', async () => {
    const door = createServer();
    // None that an outgoing connection could be given meanwhile.
    const port = await new PortFile(privateDir('door'), 'port', undefined).choose();
    const place = await newPlace();
    const ids = [await submit(place), await submit(place), await submit(place)];
    const failures: unknown[] = [];
    const queue = newWorker(undefined, { ...mysql, host: '127.0.0.1', port }).runQueue({
      threads: 2,
      onError: (error) => failures.push(error),
    });
    while (failures.length < 4) await sleep(20);
    expect(failures[0]).toMatchObject({ code: 'UNAVAILABLE' });
    for (const id of ids) {
      expect(await sender.contribution(id)).toMatchObject({ status: 'IN_PROGRESS', error: '', numFailedRetries: 0 });
    }
    door.on('connection', (socket) => {
      const inner = connect(mysql.port, mysql.host);
      for (const end of [socket, inner])
        end.on('error', () => {}).on('close', () => [socket, inner].map((s) => s.destroy()));
      socket.pipe(inner).pipe(socket);
    });
    await new Promise<void>((resolve) => door.listen(port, '127.0.0.1', resolve));
    for (const id of ids) expect(await ended(id)).toMatchObject({ status: 'FINISHED', rowsLoaded: 20 });
    await queue.close();
    expect(await one.contents(place)).toMatchObject({ rows: 60 });
    door.close();
  });

  test('the records, when rows are about to be attached: they are read once more', async () => {
    const place = await newPlace();
    const id = await submit(place);
    let broken = false;
    const queue = newWorker(async (step) => {
      if (step !== 'ready' || broken) return;
      broken = true;
      throw new IngestError('UNAVAILABLE', 'records: the connection broke or is closed');
    }).runQueue({ threads: 1 });
    expect(await ended(id)).toMatchObject({ status: 'FINISHED', rowsLoaded: 20, numFailedRetries: 0 });
    expect(broken).toBe(true);
    await queue.close();
    expect(await one.contents(place)).toMatchObject({ rows: 20 });
  });

  test('MariaDB, in the middle of a LOAD: it fails, and may be sent again', async () => {
    const place = await newPlace();
    const id = await submit(place);
    const queue = newWorker(async (step) => {
      if (step === 'load') throw new IngestError('UNAVAILABLE', 'LOAD DATA: read ECONNRESET');
    }).runQueue({ threads: 1 });
    expect(await ended(id)).toMatchObject({ status: 'LOAD_FAILED', retryAllowed: true });
    await queue.close();
  });
});

/** What a process leaves that is gone: its session's lock is free. */
async function leave(id: number, more: { noted?: number; readTime?: number; startTime?: number } = {}): Promise<void> {
  const record = { bytes: 1, rows: 20, rowsLoaded: 20, numWarnings: 0, warnings: [], readTime: 5 };
  const note = more.noted === undefined ? null : { staging: 'gone', plain: 'gone', before: more.noted, record };
  await one.metadata.transaction(async (tx) => {
    await tx`UPDATE qserv.contribution_request SET phase = 'working', session = 'gone', token = 'gone', staging = 'gone', thread = 1,
      attached = NULL, attaching = ${note === null ? null : tx.json(note)} WHERE contrib_id = ${id}`;
    await tx`UPDATE qserv.transaction_contrib SET status = 'IN_PROGRESS', start_time = ${more.startTime ?? 3},
      read_time = ${more.readTime ?? 0}, load_time = 0 WHERE id = ${id}`;
  });
}

describe('after a process that is gone', () => {
  let place: LoadUnit;

  beforeEach(async () => {
    place = await newPlace();
  });

  test('what had begun is queued again in its old order; rows that are there make it FINISHED', async () => {
    const attached = await send(sender, place, objectRows(20));
    const ids = [await submit(place), await submit(place)];
    await leave(attached.id, { noted: 0, readTime: 5 });
    for (const id of ids) await leave(id, { readTime: 5 });
    const begun: unknown[] = [];
    const worker = newWorker((step, { token }) => {
      if (step === 'start') begun.push(token);
    });
    const queue = worker.runQueue({ threads: 1 });
    const all = [];
    for (const id of [attached.id, ...ids]) all.push(await ended(id));
    expect(all.map(({ status, numFailedRetries }) => [status, numFailedRetries])).toEqual(
      Array(3).fill(['FINISHED', 0]),
    );
    expect(begun).toHaveLength(2);
    expect((all[1] as Contribution).startTime).toBeLessThanOrEqual((all[2] as Contribution).startTime);
    await queue.close();
    expect(await one.contents(place)).toMatchObject({ rows: 60 });
  });

  test('a noted one of which nothing is there is queued again; rows that are there in part oblige to abort', async () => {
    const nothing = await submit(place);
    await leave(nothing, { noted: 0 });
    const harmedPlace = await newPlace();
    await send(sender, harmedPlace, objectRows(10));
    const harmed = await submit(harmedPlace);
    await leave(harmed, { noted: 0 });
    const queue = newWorker().runQueue({ threads: 1 });
    expect(await ended(nothing)).toMatchObject({ status: 'FINISHED' });
    expect(await ended(harmed)).toMatchObject({ status: 'LOAD_FAILED', retryAllowed: false });
    await queue.close();
    expect(await one.contents(place)).toMatchObject({ rows: 20 });
  });

  test('without resumption they fail, and may be sent again', async () => {
    const [queued, begun, read] = [await submit(place), await submit(place), await submit(place)];
    await one.metadata.run(
      (sql) => sql`UPDATE qserv.contribution_request SET session = 'gone' WHERE contrib_id = ${queued}`,
    );
    await leave(begun);
    await leave(read, { readTime: 5 });
    const queue = newWorker().runQueue({ threads: 1, autoResume: false });
    const failed = { retryAllowed: true, error: 'the worker was stopped before the rows were loaded', loadTime: 0 };
    expect(await ended(queued)).toMatchObject({ ...failed, status: 'START_FAILED', readTime: 0 });
    expect(await ended(begun)).toMatchObject({ ...failed, status: 'READ_FAILED' });
    expect(await ended(read)).toMatchObject({ ...failed, status: 'READ_FAILED' });
    expect(await sender.retry(read, { isAsync: false })).toMatchObject({ status: 'FINISHED', numFailedRetries: 1 });
    await queue.close();
  });

  test('what takes no rows any more is not resumed', async () => {
    const id = await submit(place);
    await leave(id);
    await one.setState(place.transactionId, 'FINISHED');
    const published = await submit(await newPlace());
    await leave(published);
    await one.setPublished('table', true);
    const queue = newWorker().runQueue({ threads: 1 });
    const refused = { status: 'CREATE_FAILED', retryAllowed: false, startTime: 0 };
    const text = `table 'Object' of database '${one.database}' is already published.`;
    expect(await ended(id)).toMatchObject({ ...refused, error: text });
    expect(await ended(published)).toMatchObject({ ...refused, error: text });
    await one.setPublished('table', false);
    await leave(id);
    await queue.close();
    const again = newWorker().runQueue({ threads: 1 });
    expect(await ended(id)).toMatchObject({
      ...refused,
      error: `transactionId=${place.transactionId} is not active`,
    });
    await again.close();
  });

  test('synchronous ones end as failed, those of a living process go on', async () => {
    const dead = await send(sender, place, objectRows(1));
    await leave(dead.id);
    let seen: Contribution | undefined;
    const queue = newWorker();
    const living = newWorker(async (step) => {
      if (step !== 'load') return;
      const running = queue.runQueue({ threads: 1 });
      seen = await ended(dead.id);
      await running.close();
    });
    expect(await send(living, await newPlace(), objectRows(5))).toMatchObject({ status: 'FINISHED', rowsLoaded: 5 });
    expect(seen).toMatchObject({ status: 'READ_FAILED', retryAllowed: true });
  });

  test('what was queued is taken over at once, however much it is', async () => {
    const [first] = [await submit(place)];
    const columns = (sql: Queryable) => sql`transaction_id, worker, database, "table", chunk, is_overlap`;
    await one.metadata.run(
      (sql) => sql`WITH made AS (
          INSERT INTO qserv.transaction_contrib (${columns(sql)}, url, type, max_retries, status, create_time)
          SELECT ${columns(sql)}, url, type, 0, status, create_time FROM qserv.transaction_contrib, generate_series(1, 500)
          WHERE id = ${first} RETURNING id, ${columns(sql)})
        INSERT INTO qserv.contribution_request (contrib_id, ${columns(sql)}, channel, phase, session)
        SELECT id, ${columns(sql)}, 'reference', 'queued', 'gone' FROM made`,
    );
    const left = (session: string) =>
      one.metadata.run(
        (sql) => sql`SELECT 1 FROM qserv.contribution_request
        WHERE transaction_id = ${place.transactionId} AND phase = 'queued' AND session = ${session} LIMIT 1`,
      );
    let asked = 0;
    const counting: Metadata = {
      ...one.metadata,
      run: (question) => {
        asked += 1;
        return one.metadata.run(question);
      },
      transaction: (work) => {
        asked += 1;
        return one.metadata.transaction(work);
      },
    };
    const worker = newWorker(undefined, mysql, { metadata: counting });
    const queue = worker.runQueue({ threads: 0 });
    while ((await left('gone')).length > 0) await sleep(20);
    expect(asked).toBeLessThan(100);
    await queue.close();
    const refusing = newWorker(undefined, mysql, { metadata: counting });
    await one.metadata.run(
      (sql) =>
        sql`UPDATE qserv.contribution_request SET session = 'gone' WHERE transaction_id = ${place.transactionId}`,
    );
    await one.setState(place.transactionId, 'FINISHED');
    const again = refusing.runQueue({ threads: 0 });
    expect(await ended(first)).toMatchObject({
      status: 'CREATE_FAILED',
      error: `transactionId=${place.transactionId} is not active`,
    });
    expect(await one.contributions(place.transactionId)).toHaveLength(501);
    expect(await left('gone')).toEqual([]);
    await again.close();
  });

  test('rows that are still on their way keep nothing else waiting', async () => {
    const { id } = await send(sender, place, objectRows(20));
    await leave(id, { noted: 0, readTime: 5 });
    await one.server.connection('copy', async (connection) => {
      await takeLock(connection, unitLock(place), 0);
      await one.metadata.run(
        (sql) => sql`UPDATE qserv.contribution_request SET thread = ${connection.threadId} WHERE contrib_id = ${id}`,
      );
      const copying = connection.rows('copy', 'SELECT SLEEP(600)').catch(() => {});
      const next = await submit(await newPlace());
      const queue = newWorker().runQueue({ threads: 1 });
      expect(await ended(next)).toMatchObject({ status: 'FINISHED' });
      expect(await sender.contribution(id)).toMatchObject({ status: 'IN_PROGRESS' });
      await queue.close();
      await killHolder(one.server, unitLock(place), connection.threadId);
      await copying;
    });
  });
});

test('a list that would not fit into memory is refused; what it was to show is cancelled all the same', async () => {
  const place = await newPlace();
  const ids = [await submit(place), await submit(place), await submit(place)];
  const worker = newWorker(undefined, mysql, { contributions: { mostListed: 2 } });
  const text = 'there are more than 2 contributions: ask for them one by one, or the controller for some';
  const refused = { code: 'INVALID_INPUT', message: text };
  await expect(worker.asyncContributions(place.transactionId)).rejects.toMatchObject(refused);
  await expect(worker.cancelAsync(place.transactionId)).rejects.toMatchObject({
    ...refused,
    message: `they are cancelled, but ${text}`,
  });
  for (const id of ids) expect(await worker.contribution(id)).toMatchObject({ status: 'CANCELLED' });
});

test('what a process could not record is brought to an end though another one works off the queue', async () => {
  const place = await newPlace();
  const first = newWorker();
  const queue = first.runQueue({ threads: 1 });
  const warm = await submit(place);
  expect(await ended(warm)).toMatchObject({ status: 'FINISHED' });
  let away = false;
  const { metadata } = one;
  const broken: Metadata = {
    ...metadata,
    transaction: (work) => {
      if (away) throw new IngestError('UNAVAILABLE', 'records: the connection broke or is closed');
      return metadata.transaction(work);
    },
  };
  const second = newWorker(
    (step) => {
      if (step === 'open') away = true;
    },
    mysql,
    { metadata: broken, contributions: { settleSeconds: 0 } },
  );
  const other = second.runQueue({ threads: 1 });
  const missing = `file://${folder}/missing.csv`;
  await expect(second.submit(reference(place, missing))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  away = false;
  const [{ id }] = (await one.contributions(place.transactionId)).slice(-1) as [{ id: number }];
  expect(await ended(id)).toMatchObject({
    status: 'READ_FAILED',
    retryAllowed: true,
    error: 'the records were away before the rows were loaded',
  });
  await other.close();
  await queue.close();
});
