import { mkdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { objectRows } from '../../../../test/support/generate';
import { TestCatalog } from '../../../../test/support/load-catalog';
import { nativeServers } from '../../../../test/support/native';
import { reference, send } from '../../../../test/support/sending';
import { freshDatabase, privateDir, sharedMariaDb, uniqueName } from '../../../../test/support/servers';
import { NativeController } from '../../../controller/native/controller';
import { chunkTable, unitLock } from '../../../core/names';
import type { StepHook } from '../../../core/steps';
import { type MysqlAccess, quoteTable } from '../../../storage/data/connection';
import { chunkPlaces } from '../../../storage/metadata/contributions';
import type { LoadUnit } from '../../worker';
import { CONTRIBUTION_STEPS, type ContributionStep, NativeIngestWorker } from '../index';

/** Contributions one by one against each other, commits, aborts, deletions, and against what breaks in between. */

const folder = privateDir('contributions');
let mysql: MysqlAccess;
let catalog: TestCatalog;
let controller: NativeController;
let worker: NativeIngestWorker;
let chunk = 100;
let place: LoadUnit;

beforeAll(async () => {
  mkdirSync(folder);
  mysql = await sharedMariaDb('w2');
  const servers = nativeServers(await sharedMariaDb('master'), { w2: mysql });
  catalog = await TestCatalog.create(uniqueName('contributions'), 'w2', await freshDatabase(), mysql);
  controller = new NativeController({ target: 'test', servers, metadata: catalog.metadata });
  worker = newWorker();
});

afterAll(async () => {
  await worker.close();
  await controller.close();
  await catalog.close();
});

beforeEach(async () => {
  chunk += 1;
  await catalog.allocate(chunk);
  place = catalog.unit(await catalog.begin(), chunk);
});

afterEach(async () => {
  await worker.sweep();
  expect(await catalog.stagingTables()).toEqual([]);
});

function newWorker(steps?: StepHook): NativeIngestWorker {
  const sources = { roots: { contributions: folder }, stallSeconds: 5 };
  return new NativeIngestWorker({ name: 'w2', mysql, metadata: catalog.metadata, sources, steps });
}

/** What stands before the failure of the load of a CSV file. */
const FAILED = 'MySQL load failed, ex: ';
const ROWS = objectRows(40);
const MORE = objectRows(30, 1);

/** Sends rows by another worker of the same name; `then` runs when the contribution comes to the step. */
async function sendWith(step: ContributionStep, then: () => Promise<void>): Promise<unknown> {
  const other = newWorker(async (name) => {
    if (name === step) await then();
  });
  try {
    return await send(other, place, MORE).catch((error) => error);
  } finally {
    await other.close();
  }
}

const rows = async (of = place) => (await catalog.contents(of))?.rows ?? 0;
const end = (how: 'commit' | 'abort') => controller.endTransaction(place.transactionId, how);
const final = () => quoteTable(catalog.database, chunkTable('Object', place.chunk, false));

/** With FAULT_ROUNDS at every step, else at a chosen few. */
const ALL = process.env.FAULT_ROUNDS !== undefined;
const PREPARING: ContributionStep[] = ALL
  ? CONTRIBUTION_STEPS.slice(1, CONTRIBUTION_STEPS.indexOf('partition'))
  : ['load', 'settle', 'note'];
const NOTED: ContributionStep[] = ['partition', 'attach', 'record'];

describe.each([
  ['empty', false],
  ['filled', true],
])('into a partition that is %s', (_, filled) => {
  let had = 0;

  beforeEach(async () => {
    if (filled) await send(worker, place, ROWS);
    had = await rows();
  });

  test.each(PREPARING)('a commit when a contribution is at "%s" ends it', async (step) => {
    const ended = await sendWith(step, async () => {
      await end('commit');
    });
    expect(ended).toMatchObject({
      status: 'LOAD_FAILED',
      retryAllowed: false,
      error: `${FAILED}INGEST-FILE-SVC loadDataIntoTable transaction ${place.transactionId} changed state to IS_FINISHING while the input file was being prepared for the ingest.`,
    });
    expect(await rows()).toBe(had);
  });

  test.each(NOTED)('a commit when a contribution is at "%s" waits for its rows', async (step) => {
    let committed: Promise<unknown> | undefined;
    const ended = await sendWith(step, async () => {
      committed = end('commit');
      while ((await controller.transaction(place.transactionId)).state !== 'IS_FINISHING') await sleep(5);
      await sleep(50);
    });
    expect(ended).toMatchObject({ status: 'FINISHED', rowsLoaded: 30 });
    await expect(committed).resolves.toMatchObject({ state: 'FINISHED' });
    expect(await rows()).toBe(had + 30);
  });

  test.each([...PREPARING, ...NOTED])('an abort when a contribution is at "%s" takes everything away', async (step) => {
    const ended = await sendWith(step, async () => {
      await end('abort');
    });
    const id = place.transactionId;
    expect(ended).toMatchObject({
      status: 'LOAD_FAILED',
      retryAllowed: false,
      error: NOTED.includes(step)
        ? `${FAILED}INGEST-FILE-SVC loadDataIntoTable transaction ${id} got aborted while the file was being ingested into the table.`
        : `${FAILED}INGEST-FILE-SVC loadDataIntoTable transaction ${id} changed state to IS_ABORTING while the input file was being prepared for the ingest.`,
    });
    expect(await catalog.contents(place)).toBeNull();
  });

  test('a connection that breaks before the rows are attached leaves nothing, and the contribution may be sent again', async () => {
    const ended = await sendWith('attach', async () => {
      throw new Error('broken');
    });
    expect(ended).toMatchObject({ status: 'LOAD_FAILED', retryAllowed: true, error: `${FAILED}broken` });
    expect(await rows()).toBe(had);
    expect(await send(worker, place, MORE)).toMatchObject({ status: 'FINISHED' });
    expect(await rows()).toBe(had + 30);
  });

  test('a connection that breaks when the rows are attached: they are found', async () => {
    const ended = await sendWith('record', async () => {
      throw new Error('broken');
    });
    expect(ended).toMatchObject({ status: 'FINISHED', rowsLoaded: 30 });
    expect(await rows()).toBe(had + 30);
    expect(await send(worker, place, ROWS)).toMatchObject({ status: 'FINISHED' });
    expect(await rows()).toBe(had + 70);
  });

  test('rows that are there in part oblige to abort, and nothing is added to them', async () => {
    const ended = await sendWith('record', async () => {
      await catalog.server.run('harm', `DELETE FROM ${final()} LIMIT 7`);
      throw new Error('broken');
    });
    expect(ended).toMatchObject({ status: 'LOAD_FAILED', retryAllowed: false });
    expect(ended).toMatchObject({
      error: expect.stringMatching(/^MySQL load failed, ex: the load was interrupted: the partition held/),
    });
    expect(await send(worker, place, ROWS)).toMatchObject({
      status: 'LOAD_FAILED',
      retryAllowed: false,
      error: expect.stringMatching(/failed in the same partition/),
    });
    expect(await rows()).toBe(had + 23);
    await end('abort');
    expect(await catalog.contents(place)).toBeNull();
  });
});

test('a super-transaction that has ended when a contribution begins is refused when it starts', async () => {
  const other = newWorker(async (name) => {
    if (name === 'start') await end('commit');
  });
  await writeFile(`${folder}/late.csv`, MORE);
  expect(await other.submit(reference(place, `file://${folder}/late.csv`))).toMatchObject({
    status: 'START_FAILED',
    retryAllowed: false,
    error: `transactionId=${place.transactionId} is not active`,
  });
  await other.close();
});

test('a super-transaction that ends between the record and the start of a contribution by value takes nothing', async () => {
  const ended = await sendWith('start', async () => {
    await end('commit');
  });
  expect(ended).toMatchObject({
    code: 'ILLEGAL_STATE',
    message: `INGEST-FILE-SVC openFile transaction ${place.transactionId} is not active`,
    details: { status: 'START_FAILED' },
  });
});

test('a table without columns takes nothing', async () => {
  const table = uniqueName('Bare');
  await catalog.metadata.run(
    (sql) => sql`INSERT INTO qserv.config_database_table (database, "table", is_partitioned)
      VALUES (${catalog.database}, ${table}, false)`,
  );
  const refused = await send(worker, { ...place, table }, '1\n').catch((error) => error);
  expect(refused).toMatchObject({ code: 'INVALID_INPUT', message: 'incomplete or missing table schema' });
  expect(await worker.contribution(refused.details.contribution)).toMatchObject({ status: 'CREATE_FAILED' });
});

test('a contribution is read again, or cancelled, by its own worker alone', async () => {
  const missing = `file://${folder}/missing.csv`;
  const failed = await worker.submit(reference(place, missing));
  const queued = await worker.submit(reference(place, missing, { isAsync: true }));
  const sources = { roots: { contributions: folder }, stallSeconds: 5 };
  const other = new NativeIngestWorker({ name: 'w9', mysql, metadata: catalog.metadata, sources });
  await expect(other.retry(failed.id, { isAsync: false })).rejects.toMatchObject({
    code: 'ILLEGAL_STATE',
    message: `contribution id=${failed.id} was originally processed by worker 'w2', while this retry operation was request at worker 'w9'.`,
    details: { worker: 'w2' },
  });
  expect(await other.cancel(queued.id)).toMatchObject({ status: 'IN_PROGRESS' });
  expect(await other.cancelAsync(place.transactionId)).toEqual([]);
  expect(await worker.cancel(queued.id)).toMatchObject({ status: 'CANCELLED' });
  await other.close();
});

test('a commit does not pass what an attempt left that is gone: rows that are there in part make it fail', async () => {
  const { id } = await send(worker, place, ROWS);
  const record = { bytes: 1, rows: 50, rowsLoaded: 50, numWarnings: 0, warnings: [], readTime: 1 };
  const note = { staging: 'gone', plain: 'gone', before: 0, record };
  await catalog.metadata.transaction(async (tx) => {
    await tx`UPDATE qserv.contribution_request SET phase = 'working', attached = NULL, token = 'gone', session = 'gone', thread = 1,
      attaching = ${tx.json(note)} WHERE contrib_id = ${id}`;
    await tx`UPDATE qserv.transaction_contrib SET status = 'IN_PROGRESS' WHERE id = ${id}`;
  });
  await expect(end('commit')).rejects.toMatchObject({ code: 'ILLEGAL_STATE', details: { contributions: [id] } });
  expect(await controller.transaction(place.transactionId)).toMatchObject({ state: 'FINISH_FAILED' });
  expect(await worker.contribution(id)).toMatchObject({ status: 'LOAD_FAILED', retryAllowed: false });
  await end('abort');
});

test('rows that no contribution accounts for are not added to', async () => {
  await send(worker, place, ROWS);
  await catalog.metadata.run(
    (sql) => sql`DELETE FROM qserv.transaction_contrib WHERE transaction_id = ${place.transactionId}`,
  );
  expect(await send(worker, place, ROWS)).toMatchObject({
    status: 'LOAD_FAILED',
    retryAllowed: false,
    error: expect.stringMatching(/holds rows that no contribution accounts for: abort the transaction$/),
  });
  expect(await rows()).toBe(40);
});

test('rows that were lost are not built upon', async () => {
  await send(worker, place, ROWS);
  await catalog.server.run('lose', `DELETE FROM ${final()}`);
  expect(await send(worker, place, ROWS)).toMatchObject({
    status: 'LOAD_FAILED',
    retryAllowed: false,
    error: expect.stringMatching(/has lost the 40 rows that it had: abort the transaction$/),
  });
});

test('a chunk number that no chunk has does not keep its super-transaction from being committed', async () => {
  await writeFile(`${folder}/far.csv`, MORE);
  const far = { ...place, chunk: 4_294_967_295 };
  expect(await worker.submit(reference(far, `file://${folder}/far.csv`))).toMatchObject({ status: 'START_FAILED' });
  const chunks = await catalog.metadata.run((sql) => chunkPlaces(sql, place.transactionId, 'Object'));
  expect(chunks).toEqual([{ chunk: far.chunk, worker: 'w2', preferred: false }]);
  await expect(end('commit')).resolves.toMatchObject({ state: 'FINISHED' });
});

test.each<ContributionStep>(['load', 'ready', 'partition', 'attach'])(
  'a table that is deleted when a contribution is at "%s" stays away',
  async (step) => {
    const table = uniqueName('Deleted');
    await catalog.metadata.run(async (sql) => {
      await sql`INSERT INTO qserv.config_database_table (database, "table", is_partitioned)
        VALUES (${catalog.database}, ${table}, false)`;
      await sql`INSERT INTO qserv.config_database_table_schema
        SELECT database, ${table}, col_position, col_name, col_type FROM qserv.config_database_table_schema
        WHERE database = ${catalog.database} AND "table" = 'Filter'`;
    });
    const filter = quoteTable(catalog.database, 'Filter');
    await catalog.server.run('make', `CREATE TABLE ${quoteTable(catalog.database, table)} LIKE ${filter}`);
    place = { ...place, table, chunk: 0 };
    const other = newWorker(async (name) => {
      if (name === step) await controller.deleteTable(catalog.database, table);
    });
    await expect(send(other, place, '1\tu\n')).rejects.toMatchObject({ code: 'UNKNOWN_CONTRIBUTION' });
    await other.close();
    const left = await catalog.server.rows('look', `SHOW TABLES FROM ${catalog.database} LIKE '${table}'`);
    expect(left).toEqual([]);
  },
);

test('whoever holds the partition without being an attempt loses it; an attempt is waited for', async () => {
  await catalog.server.connection('hold', async (connection) => {
    await connection.rows('lock', 'SELECT GET_LOCK(?, 0)', [unitLock(place)]);
    expect(await send(worker, place, ROWS)).toMatchObject({ status: 'FINISHED' });
  });
  let second: Promise<unknown> | undefined;
  const first = await sendWith('attach', async () => {
    second = send(worker, place, ROWS);
    // Longer than one question for the lock.
    await sleep(1500);
  });
  expect([first, await second]).toMatchObject([{ status: 'FINISHED' }, { status: 'FINISHED' }]);
  expect(await rows()).toBe(110);
});

test('an attempt keeps the partition though one of a process that is gone had a connection of the same number', async () => {
  const { id } = await send(worker, place, ROWS);
  let second: Promise<unknown> | undefined;
  const held = await sendWith('attach', async () => {
    await catalog.metadata.run(
      (sql) => sql`UPDATE qserv.contribution_request SET session = 'gone', thread = (
          SELECT thread FROM qserv.contribution_request WHERE transaction_id = ${place.transactionId} AND attaching IS NOT NULL)
        WHERE contrib_id = ${id}`,
    );
    second = send(worker, place, ROWS);
    // Longer than one question for the lock.
    await sleep(1500);
  });
  expect([held, await second]).toMatchObject([{ status: 'FINISHED' }, { status: 'FINISHED' }]);
  expect(await rows()).toBe(110);
});

test('a contribution that is cancelled while it is read is CANCELLED; one whose rows are being attached goes on', async () => {
  const cancelAt = (step: ContributionStep) =>
    sendWith(step, async () => {
      const [{ id }] = (await catalog.contributions(place.transactionId)).slice(-1) as [{ id: number }];
      await worker.cancel(id);
    });
  expect(await cancelAt('load')).toMatchObject({
    status: 'CANCELLED',
    retryAllowed: true,
    error: 'cancelled before reading the input file.',
    loadTime: 0,
  });
  expect(await cancelAt('lock')).toMatchObject({
    status: 'CANCELLED',
    retryAllowed: true,
    error: 'cancelled before loading data into MySQL',
    loadTime: expect.any(Number),
  });
  expect(await rows()).toBe(0);
  expect(await cancelAt('attach')).toMatchObject({ status: 'FINISHED', error: '' });
  expect(await rows()).toBe(30);
});

test('a contribution that is cancelled before its rows come takes none', async () => {
  const request = { ...reference(place, ''), channel: 'csv' as const, url: 'data-csv://127.0.0.1/a.csv' };
  const open = await worker.receive(request);
  const cancelled = { status: 'CANCELLED', retryAllowed: true, error: 'cancelled before reading the input file.' };
  expect(await worker.cancel(open.id)).toMatchObject(cancelled);
  expect(await open.load(Readable.from([Buffer.from(ROWS)]))).toMatchObject({ ...cancelled, rows: 0 });
  expect(await rows()).toBe(0);
});

test('a sweep takes nothing from a contribution that is about to attach', async () => {
  const swept: number[] = [];
  for (const step of ['check', 'attach'] as const) {
    const ended = await sendWith(step, async () => {
      swept.push(await worker.sweep());
    });
    expect(ended).toMatchObject({ status: 'FINISHED' });
  }
  expect(swept).toEqual([0, 0]);
});

test.each([
  ['one partition', () => place],
  ['one regular table', () => ({ ...place, table: 'Filter', chunk: 0 })],
])('20 at once into %s are equal to one load of all their rows', async (_, where) => {
  const target = where();
  const part = (i: number) =>
    target.table === 'Filter'
      ? Array.from({ length: 5 }, (_, n) => `${5 * i + n}\tf${n}\n`).join('')
      : objectRows(50, i + 1);
  const parts = Array.from({ length: 20 }, (_, i) => part(i));
  const ended = await Promise.all(parts.map((csv) => send(worker, target, csv)));
  expect(ended.filter(({ status }) => status !== 'FINISHED')).toEqual([]);
  const clean = { ...target, transactionId: await catalog.begin() };
  expect(await send(worker, clean, parts.join(''))).toMatchObject({ status: 'FINISHED' });
  expect(await catalog.contents(target)).toEqual(await catalog.contents(clean));
});
