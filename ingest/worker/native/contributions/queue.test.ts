import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { PortFile } from '../../../../dev/ports';
import { QueueSite } from '../../../../test/support/queue-site';
import { reference } from '../../../../test/support/sending';
import { privateDir } from '../../../../test/support/servers';
import { IngestError } from '../../../core/errors';
import type { Metadata } from '../../../storage/metadata';
import { setIngestConfig } from '../../../storage/metadata/ingest-config';
import type { LoadUnit } from '../../worker';
import type { NativeIngestWorker } from '../index';

/** The queue of asynchronous contributions: order, limits, one process at a time, and databases that are away. */

let site: QueueSite;

beforeAll(async () => {
  site = await QueueSite.start('queue');
});

afterEach(() => site.closeWorkers());

afterAll(() => site.close());

/** A worker whose contributions wait at their start until they are let go. */
class Held {
  /** Chunks of those that have begun, in order. */
  readonly begun: number[] = [];
  private readonly waiting = new Map<number, () => void>();
  readonly worker = site.newWorker(async (step, { unit }) => {
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
    await site.newPlace(),
    await site.newPlace(),
    await site.newPlace(),
    await site.newPlace(site.two),
    await site.newPlace(site.two),
  ];
  await site.one.metadata.run((sql) => setIngestConfig(sql, site.one.database, { ASYNC_PROC_LIMIT: 1 }));
  const ids = [];
  for (const place of [a1, a2, b1, a3, b2]) ids.push(await site.submit(place));
  const held = new Held();
  const queue = held.worker.runQueue({ threads: 2 });
  // The first database has its one, so the second one's turn comes; then the threads are all in use. Of two that begin at once either may come first.
  expect(new Set(await held.reaches(2))).toEqual(new Set([a1.chunk, b1.chunk]));
  held.release(b1);
  expect((await held.reaches(3)).slice(2)).toEqual([b2.chunk]);
  held.release(b2);
  expect(await held.reaches(3)).toHaveLength(3);
  held.release(a1);
  expect((await held.reaches(4)).slice(2)).toEqual([b2.chunk, a2.chunk]);
  // No limit: read again with the next look.
  await site.one.metadata.run((sql) => setIngestConfig(sql, site.one.database, { ASYNC_PROC_LIMIT: 0 }));
  expect((await held.reaches(5)).slice(2)).toEqual([b2.chunk, a2.chunk, a3.chunk]);
  for (const place of [a2, a3]) held.release(place);
  for (const id of ids) expect(await site.ended(id)).toMatchObject({ status: 'FINISHED', rowsLoaded: 20 });
  await queue.close();
});

test('the reply to who queues a contribution shows it queued, however soon it is over', async () => {
  const queue = site.newWorker().runQueue({ threads: 1 });
  const slow: Metadata = {
    ...site.one.metadata,
    run: async (question) => {
      await sleep(1000);
      return site.one.metadata.run(question);
    },
  };
  const other = site.newWorker(undefined, { metadata: slow });
  const place = await site.newPlace();
  const sent = await other.submit(reference(place, site.url('missing.csv'), { isAsync: true }));
  expect(sent).toMatchObject({ status: 'IN_PROGRESS', isAsync: true, startTime: 0, charset: 'latin1' });
  expect(await site.ended(sent.id)).toMatchObject({ status: 'READ_FAILED' });
  const again = await other.retry(sent.id, { isAsync: true });
  expect(again).toMatchObject({ status: 'IN_PROGRESS', isAsync: true, error: '', numFailedRetries: 1 });
  expect(await site.ended(sent.id)).toMatchObject({ status: 'READ_FAILED', numFailedRetries: 1 });
  await queue.close();
});

test('one process at a time works off a queue; the next one takes over', async () => {
  const first = new Held();
  const second = new Held();
  const queue = first.worker.runQueue({ threads: 4 });
  const place = await site.newPlace();
  const id = await site.submit(place);
  expect(await first.reaches(1)).toEqual([place.chunk]);
  const other = second.worker.runQueue({ threads: 4 });
  const next = await site.newPlace();
  const nextId = await site.submit(next);
  expect(await first.reaches(2)).toEqual([place.chunk, next.chunk]);
  expect(second.begun).toEqual([]);
  for (const done of [place, next]) first.release(done);
  for (const done of [id, nextId]) expect(await site.ended(done)).toMatchObject({ status: 'FINISHED' });
  await queue.close();
  const last = await site.newPlace();
  const lastId = await site.submit(last);
  expect(await second.reaches(1)).toEqual([last.chunk]);
  second.release(last);
  expect(await site.ended(lastId)).toMatchObject({ status: 'FINISHED' });
  await other.close();
});

test('a queue that is closed puts back what is being read, and waits for rows that are being attached', async () => {
  const reading = await site.newPlace();
  const attaching = await site.newPlace();
  const ids = [await site.submit(reading), await site.submit(attaching)] as const;
  let reached = 0;
  let close: Promise<void> | undefined;
  const closing: NativeIngestWorker = site.newWorker(async (step, { unit }) => {
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
  expect(await site.sender.contribution(ids[1])).toMatchObject({ status: 'FINISHED' });
  expect(await site.sender.contribution(ids[0])).toMatchObject({
    status: 'IN_PROGRESS',
    startTime: 0,
    readTime: 0,
    numFailedRetries: 0,
  });
  const again = site.newWorker().runQueue({ threads: 2 });
  expect(await site.ended(ids[0])).toMatchObject({ status: 'FINISHED', numFailedRetries: 0 });
  await again.close();
  expect(await site.one.contents(reading)).toMatchObject({ rows: 20 });
});

describe('databases that are away', () => {
  test('MariaDB: what is queued waits, and is loaded when it is back', async () => {
    const door = createServer();
    // None that an outgoing connection could be given meanwhile.
    const port = await new PortFile(privateDir('door'), 'port', undefined).choose();
    const place = await site.newPlace();
    const ids = [await site.submit(place), await site.submit(place), await site.submit(place)];
    const failures: unknown[] = [];
    const queue = site.newWorker(undefined, { mysql: { ...site.mysql, host: '127.0.0.1', port } }).runQueue({
      threads: 2,
      onError: (error) => failures.push(error),
    });
    while (failures.length < 4) await sleep(20);
    expect(failures[0]).toMatchObject({ code: 'UNAVAILABLE' });
    for (const id of ids) {
      expect(await site.sender.contribution(id)).toMatchObject({
        status: 'IN_PROGRESS',
        error: '',
        numFailedRetries: 0,
      });
    }
    door.on('connection', (socket) => {
      const inner = connect(site.mysql.port, site.mysql.host);
      for (const end of [socket, inner])
        end.on('error', () => {}).on('close', () => [socket, inner].map((s) => s.destroy()));
      socket.pipe(inner).pipe(socket);
    });
    await new Promise<void>((resolve) => door.listen(port, '127.0.0.1', resolve));
    for (const id of ids) expect(await site.ended(id)).toMatchObject({ status: 'FINISHED', rowsLoaded: 20 });
    await queue.close();
    expect(await site.one.contents(place)).toMatchObject({ rows: 60 });
    door.close();
  });

  test('the records, when rows are about to be attached: they are read once more', async () => {
    const place = await site.newPlace();
    const id = await site.submit(place);
    let broken = false;
    const queue = site
      .newWorker(async (step) => {
        if (step !== 'ready' || broken) return;
        broken = true;
        throw new IngestError('UNAVAILABLE', 'records: the connection broke or is closed');
      })
      .runQueue({ threads: 1 });
    expect(await site.ended(id)).toMatchObject({ status: 'FINISHED', rowsLoaded: 20, numFailedRetries: 0 });
    expect(broken).toBe(true);
    await queue.close();
    expect(await site.one.contents(place)).toMatchObject({ rows: 20 });
  });

  test('MariaDB, in the middle of a LOAD: it fails, and may be sent again', async () => {
    const place = await site.newPlace();
    const id = await site.submit(place);
    const queue = site
      .newWorker(async (step) => {
        if (step === 'load') throw new IngestError('UNAVAILABLE', 'LOAD DATA: read ECONNRESET');
      })
      .runQueue({ threads: 1 });
    expect(await site.ended(id)).toMatchObject({ status: 'LOAD_FAILED', retryAllowed: true });
    await queue.close();
  });
});

test('a list that would not fit into memory is refused; what it was to show is cancelled all the same', async () => {
  const place = await site.newPlace();
  const ids = [await site.submit(place), await site.submit(place), await site.submit(place)];
  const worker = site.newWorker(undefined, { contributions: { mostListed: 2 } });
  const text = 'there are more than 2 contributions: ask for them one by one, or the controller for some';
  const refused = { code: 'INVALID_INPUT', message: text };
  await expect(worker.asyncContributions(place.transactionId)).rejects.toMatchObject(refused);
  await expect(worker.cancelAsync(place.transactionId)).rejects.toMatchObject({
    ...refused,
    message: `they are cancelled, but ${text}`,
  });
  for (const id of ids) expect(await worker.contribution(id)).toMatchObject({ status: 'CANCELLED' });
});
