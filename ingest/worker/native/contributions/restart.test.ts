import { setTimeout as sleep } from 'node:timers/promises';
import { objectRows } from '../../../../test/support/generate';
import { QueueSite } from '../../../../test/support/queue-site';
import { reference, send } from '../../../../test/support/sending';
import type { Contribution } from '../../../core/contributions';
import { IngestError } from '../../../core/errors';
import { unitLock } from '../../../core/names';
import { killHolder, takeLock } from '../../../storage/data/user-locks';
import type { Metadata, Queryable } from '../../../storage/metadata';
import type { LoadUnit } from '../../worker';

/** What comes of contributions whose process stopped, was killed, or could not record their end. */

let site: QueueSite;

beforeAll(async () => {
  site = await QueueSite.start('restart');
});

afterEach(() => site.closeWorkers());

afterAll(() => site.close());

/** What a process leaves that is gone: its session's lock is free. */
async function leave(id: number, more: { noted?: number; readTime?: number; startTime?: number } = {}): Promise<void> {
  const record = { bytes: 1, rows: 20, rowsLoaded: 20, numWarnings: 0, warnings: [], readTime: 5 };
  const note = more.noted === undefined ? null : { staging: 'gone', plain: 'gone', before: more.noted, record };
  await site.one.metadata.transaction(async (tx) => {
    await tx`UPDATE qserv.contribution_request SET phase = 'working', session = 'gone', token = 'gone', staging = 'gone', thread = 1,
      attached = NULL, attaching = ${note === null ? null : tx.json(note)} WHERE contrib_id = ${id}`;
    await tx`UPDATE qserv.transaction_contrib SET status = 'IN_PROGRESS', start_time = ${more.startTime ?? 3},
      read_time = ${more.readTime ?? 0}, load_time = 0 WHERE id = ${id}`;
  });
}

describe('after a process that is gone', () => {
  let place: LoadUnit;

  beforeEach(async () => {
    place = await site.newPlace();
  });

  test('what had begun is queued again in its old order; rows that are there make it FINISHED', async () => {
    const attached = await send(site.sender, place, objectRows(20));
    const ids = [await site.submit(place), await site.submit(place)];
    await leave(attached.id, { noted: 0, readTime: 5 });
    for (const id of ids) await leave(id, { readTime: 5 });
    const begun: unknown[] = [];
    const worker = site.newWorker((step, { token }) => {
      if (step === 'start') begun.push(token);
    });
    const queue = worker.runQueue({ threads: 1 });
    const all = [];
    for (const id of [attached.id, ...ids]) all.push(await site.ended(id));
    expect(all.map(({ status, numFailedRetries }) => [status, numFailedRetries])).toEqual(
      Array(3).fill(['FINISHED', 0]),
    );
    expect(begun).toHaveLength(2);
    expect((all[1] as Contribution).startTime).toBeLessThanOrEqual((all[2] as Contribution).startTime);
    await queue.close();
    expect(await site.one.contents(place)).toMatchObject({ rows: 60 });
  });

  test('a noted one of which nothing is there is queued again; rows that are there in part oblige to abort', async () => {
    const nothing = await site.submit(place);
    await leave(nothing, { noted: 0 });
    const harmedPlace = await site.newPlace();
    await send(site.sender, harmedPlace, objectRows(10));
    const harmed = await site.submit(harmedPlace);
    await leave(harmed, { noted: 0 });
    const queue = site.newWorker().runQueue({ threads: 1 });
    expect(await site.ended(nothing)).toMatchObject({ status: 'FINISHED' });
    expect(await site.ended(harmed)).toMatchObject({ status: 'LOAD_FAILED', retryAllowed: false });
    await queue.close();
    expect(await site.one.contents(place)).toMatchObject({ rows: 20 });
  });

  test('without resumption they fail, and may be sent again', async () => {
    const [queued, begun, read] = [await site.submit(place), await site.submit(place), await site.submit(place)];
    await site.one.metadata.run(
      (sql) => sql`UPDATE qserv.contribution_request SET session = 'gone' WHERE contrib_id = ${queued}`,
    );
    await leave(begun);
    await leave(read, { readTime: 5 });
    const queue = site.newWorker().runQueue({ threads: 1, autoResume: false });
    const failed = { retryAllowed: true, error: 'the worker was stopped before the rows were loaded', loadTime: 0 };
    expect(await site.ended(queued)).toMatchObject({ ...failed, status: 'START_FAILED', readTime: 0 });
    expect(await site.ended(begun)).toMatchObject({ ...failed, status: 'READ_FAILED' });
    expect(await site.ended(read)).toMatchObject({ ...failed, status: 'READ_FAILED' });
    expect(await site.sender.retry(read, { isAsync: false })).toMatchObject({
      status: 'FINISHED',
      numFailedRetries: 1,
    });
    await queue.close();
  });

  test('what takes no rows any more is not resumed', async () => {
    const id = await site.submit(place);
    await leave(id);
    await site.one.setState(place.transactionId, 'FINISHED');
    const published = await site.submit(await site.newPlace());
    await leave(published);
    await site.one.setPublished('table', true);
    const queue = site.newWorker().runQueue({ threads: 1 });
    const refused = { status: 'CREATE_FAILED', retryAllowed: false, startTime: 0 };
    const text = `table 'Object' of database '${site.one.database}' is already published.`;
    expect(await site.ended(id)).toMatchObject({ ...refused, error: text });
    expect(await site.ended(published)).toMatchObject({ ...refused, error: text });
    await site.one.setPublished('table', false);
    await leave(id);
    await queue.close();
    const again = site.newWorker().runQueue({ threads: 1 });
    expect(await site.ended(id)).toMatchObject({
      ...refused,
      error: `transactionId=${place.transactionId} is not active`,
    });
    await again.close();
  });

  test('synchronous ones end as failed, those of a living process go on', async () => {
    const dead = await send(site.sender, place, objectRows(1));
    await leave(dead.id);
    let seen: Contribution | undefined;
    const queue = site.newWorker();
    const living = site.newWorker(async (step) => {
      if (step !== 'load') return;
      const running = queue.runQueue({ threads: 1 });
      seen = await site.ended(dead.id);
      await running.close();
    });
    expect(await send(living, await site.newPlace(), objectRows(5))).toMatchObject({
      status: 'FINISHED',
      rowsLoaded: 5,
    });
    expect(seen).toMatchObject({ status: 'READ_FAILED', retryAllowed: true });
  });

  test('what was queued is taken over at once, however much it is', async () => {
    const [first] = [await site.submit(place)];
    const columns = (sql: Queryable) => sql`transaction_id, worker, database, "table", chunk, is_overlap`;
    await site.one.metadata.run(
      (sql) => sql`WITH made AS (
          INSERT INTO qserv.transaction_contrib (${columns(sql)}, url, type, max_retries, status, create_time)
          SELECT ${columns(sql)}, url, type, 0, status, create_time FROM qserv.transaction_contrib, generate_series(1, 500)
          WHERE id = ${first} RETURNING id, ${columns(sql)})
        INSERT INTO qserv.contribution_request (contrib_id, ${columns(sql)}, channel, phase, session)
        SELECT id, ${columns(sql)}, 'reference', 'queued', 'gone' FROM made`,
    );
    const left = (session: string) =>
      site.one.metadata.run(
        (sql) => sql`SELECT 1 FROM qserv.contribution_request
        WHERE transaction_id = ${place.transactionId} AND phase = 'queued' AND session = ${session} LIMIT 1`,
      );
    let asked = 0;
    const counting: Metadata = {
      ...site.one.metadata,
      run: (question) => {
        asked += 1;
        return site.one.metadata.run(question);
      },
      transaction: (work) => {
        asked += 1;
        return site.one.metadata.transaction(work);
      },
    };
    const worker = site.newWorker(undefined, { metadata: counting });
    const queue = worker.runQueue({ threads: 0 });
    while ((await left('gone')).length > 0) await sleep(20);
    expect(asked).toBeLessThan(100);
    await queue.close();
    const refusing = site.newWorker(undefined, { metadata: counting });
    await site.one.metadata.run(
      (sql) =>
        sql`UPDATE qserv.contribution_request SET session = 'gone' WHERE transaction_id = ${place.transactionId}`,
    );
    await site.one.setState(place.transactionId, 'FINISHED');
    const again = refusing.runQueue({ threads: 0 });
    expect(await site.ended(first)).toMatchObject({
      status: 'CREATE_FAILED',
      error: `transactionId=${place.transactionId} is not active`,
    });
    expect(await site.one.contributions(place.transactionId)).toHaveLength(501);
    expect(await left('gone')).toEqual([]);
    await again.close();
  });

  test('rows that are still on their way keep nothing else waiting', async () => {
    const { id } = await send(site.sender, place, objectRows(20));
    await leave(id, { noted: 0, readTime: 5 });
    await site.one.server.connection('copy', async (connection) => {
      await takeLock(connection, unitLock(place), 0);
      await site.one.metadata.run(
        (sql) => sql`UPDATE qserv.contribution_request SET thread = ${connection.threadId} WHERE contrib_id = ${id}`,
      );
      const copying = connection.rows('copy', 'SELECT SLEEP(600)').catch(() => {});
      const next = await site.submit(await site.newPlace());
      const queue = site.newWorker().runQueue({ threads: 1 });
      expect(await site.ended(next)).toMatchObject({ status: 'FINISHED' });
      expect(await site.sender.contribution(id)).toMatchObject({ status: 'IN_PROGRESS' });
      await queue.close();
      await killHolder(site.one.server, unitLock(place), connection.threadId);
      await copying;
    });
  });
});

test('what a process could not record is brought to an end though another one works off the queue', async () => {
  const place = await site.newPlace();
  const first = site.newWorker();
  const queue = first.runQueue({ threads: 1 });
  const warm = await site.submit(place);
  expect(await site.ended(warm)).toMatchObject({ status: 'FINISHED' });
  let away = false;
  const { metadata } = site.one;
  const broken: Metadata = {
    ...metadata,
    transaction: (work) => {
      if (away) throw new IngestError('UNAVAILABLE', 'records: the connection broke or is closed');
      return metadata.transaction(work);
    },
  };
  const second = site.newWorker(
    (step) => {
      if (step === 'open') away = true;
    },
    { metadata: broken, contributions: { settleSeconds: 0 } },
  );
  const other = second.runQueue({ threads: 1 });
  const missing = site.url('missing.csv');
  await expect(second.submit(reference(place, missing))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  away = false;
  const [{ id }] = (await site.one.contributions(place.transactionId)).slice(-1) as [{ id: number }];
  expect(await site.ended(id)).toMatchObject({
    status: 'READ_FAILED',
    retryAllowed: true,
    error: 'the records were away before the rows were loaded',
  });
  await other.close();
  await queue.close();
});
