import { EventEmitter, once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { objectRow, objectRows } from '../../../test/support/generate';
import { plainSource, TestCatalog } from '../../../test/support/load-catalog';
import { freshDatabase, privateDir, sharedMariaDb, uniqueName } from '../../../test/support/servers';
import { chunkTable, STAGING_SCHEMA, stagingTable, unitLock } from '../../core/names';
import type { StepHook } from '../../core/steps';
import { DataServer, type MysqlAccess, quoteTable } from '../../storage/data/connection';
import { killLockHolders, lockHolder } from '../../storage/data/user-locks';
import { lockNames, revokeTransaction } from '../../storage/metadata/load-units';
import type { LoadRequest, LoadUnit } from '../worker';
import { type LoadStep, NativeIngestWorker } from './index';

/** Who may attach: tokens, notes, locks, and what is left of attempts that are gone. */

const folder = privateDir('fencing');
let mysql: MysqlAccess;
let catalog: TestCatalog;
let worker: NativeIngestWorker;
let server: DataServer;
let chunk = 500;
let unit: LoadUnit;

beforeAll(async () => {
  mkdirSync(folder);
  mysql = await sharedMariaDb('w2');
  catalog = await TestCatalog.create(uniqueName('fencing'), 'w2', await freshDatabase(), mysql);
  server = new DataServer('test', mysql);
  worker = newWorker();
  await writeFile(path.join(folder, 'a.csv'), objectRows(50));
});

afterAll(async () => {
  await worker.close();
  await server.close();
  await catalog.close();
});

beforeEach(async () => {
  chunk += 1;
  await catalog.allocate(chunk);
  unit = catalog.unit(await catalog.begin(), chunk);
});

afterEach(async () => {
  await worker.sweep();
  expect(await catalog.stagingTables()).toEqual([]);
});

function newWorker(steps?: StepHook): NativeIngestWorker {
  const sources = { roots: { fencing: folder }, stallSeconds: 5 };
  return new NativeIngestWorker({ name: 'w2', mysql, metadata: catalog.metadata, sources, steps });
}

const request = (): LoadRequest => ({
  unit,
  sources: [plainSource('root://fencing/a.csv')],
  quality: 'strict',
  maxNumWarnings: 0,
});

/** Runs `then` when a load comes to the step, and returns how the load ended. */
async function loadWith(step: LoadStep, then: () => Promise<void>): Promise<unknown> {
  const other = newWorker(async (name) => {
    if (name === step) await then();
  });
  try {
    return await other.load(request()).catch((error) => error);
  } finally {
    await other.close();
  }
}

/** What commit and abort do first. */
async function endTransaction(state: 'IS_FINISHING' | 'IS_ABORTING'): Promise<void> {
  await catalog.metadata.transaction(async (tx) => {
    await revokeTransaction(tx, unit.transactionId);
    await tx`UPDATE qserv.transaction SET state = ${state} WHERE id = ${unit.transactionId}`;
  });
  const locks = await catalog.metadata.run((sql) => lockNames(sql, unit.transactionId));
  await killLockHolders(
    server,
    locks.map(({ lock }) => lock),
  );
}

test.each<[LoadStep, string]>([
  ['load', 'REVOKED'],
  ['note', 'REVOKED'],
  ['lock', 'REVOKED'],
  ['reread', 'REVOKED'],
  ['partition', 'UNAVAILABLE'],
  ['unwrap', 'UNAVAILABLE'],
  ['exchange', 'UNAVAILABLE'],
])('a super-transaction that is ended when a load is at "%s" gets no rows', async (step, code) => {
  const ended = await loadWith(step, () => endTransaction('IS_FINISHING'));
  expect(ended).toMatchObject({ code });
  expect((await catalog.contents(unit))?.rows ?? 0).toBe(0);
  await catalog.setState(unit.transactionId, 'FINISHED');
});

test.each<['database' | 'table', LoadStep, string]>([
  ['table', 'load', 'TABLE_PUBLISHED'],
  ['table', 'lock', 'TABLE_PUBLISHED'],
  ['table', 'reread', 'TABLE_PUBLISHED'],
  ['database', 'reread', 'DATABASE_PUBLISHED'],
])('a %s that is published when a load is at "%s" gets no rows, and says so', async (what, step, code) => {
  const ended = await loadWith(step, () => catalog.setPublished(what, true));
  await catalog.setPublished(what, false);
  expect(ended).toMatchObject({ code, details: { retryAllowed: false } });
  expect((await catalog.contents(unit))?.rows ?? 0).toBe(0);
  expect(await catalog.contributions(unit.transactionId)).toMatchObject([
    { status: 'LOAD_FAILED', retry_allowed: false },
  ]);
});

test("the holder of a unit's lock is named by lockNames as long as it may attach", async () => {
  const lock = unitLock(unit);
  const seen: unknown[] = [];
  await loadWith('exchange', async () => {
    seen.push(await catalog.metadata.run((sql) => lockNames(sql, unit.transactionId)));
    seen.push((await lockHolder(server, lock)) !== null);
  });
  expect(seen).toEqual([[{ worker: 'w2', lock }], true]);
  expect(await catalog.metadata.run((sql) => lockNames(sql, unit.transactionId))).toEqual([]);
  expect(await lockHolder(server, lock)).toBeNull();
});

test('records that do not answer after the exchange: the next attempt finds the rows and records them', async () => {
  const ended = await loadWith('record', async () => {
    throw new Error('no answer');
  });
  expect(ended).toMatchObject({ details: { retryAllowed: true, attached: 'unknown' } });
  // A sweep leaves what the next attempt needs to know.
  await worker.sweep();
  await expect(worker.load(request())).resolves.toMatchObject({ alreadyLoaded: true, rows: 50 });
  expect((await catalog.contents(unit))?.rows).toBe(50);
  expect(await catalog.contributions(unit.transactionId)).toMatchObject([
    { status: 'FINISHED', num_failed_retries: 1 },
  ]);
});

test('attached rows that a crash has harmed are emptied and loaded again', async () => {
  await loadWith('record', async () => {
    throw new Error('no answer');
  });
  await server.run('harm', `DELETE FROM ${final()} LIMIT 7`);
  await expect(worker.load(request())).resolves.toMatchObject({ alreadyLoaded: false, rows: 50 });
  expect((await catalog.contents(unit))?.rows).toBe(50);
});

test('rows that nobody noted are not added to: the super-transaction must be redone', async () => {
  await worker.load(request());
  await catalog.metadata.run((sql) => sql`DELETE FROM qserv.load_unit WHERE transaction_id = ${unit.transactionId}`);
  await expect(worker.load(request())).rejects.toMatchObject({ code: 'LOAD_FAILED', details: { retryAllowed: false } });
  expect((await catalog.contents(unit))?.rows).toBe(50);
});

test('verify finds rows that were lost; discard and a second load mend it', async () => {
  await worker.load(request());
  await server.run('harm', `DELETE FROM ${final()} LIMIT 7`);
  expect(await worker.verify(unit.transactionId)).toEqual([{ unit, recordedRows: 50, actualRows: 43, agrees: false }]);
  await server.run('harm', `DROP TABLE ${final()}`);
  expect(await worker.verify(unit.transactionId)).toMatchObject([{ actualRows: null, agrees: false }]);
  await worker.discard(unit);
  await expect(worker.load(request())).resolves.toMatchObject({ alreadyLoaded: false, rows: 50 });
  expect(await worker.verify(unit.transactionId)).toMatchObject([{ agrees: true }]);
  // A contribution that was FINISHED stays so.
  expect(await catalog.contributions(unit.transactionId)).toMatchObject([
    { status: 'FINISHED', num_failed_retries: 1 },
  ]);
});

test('sweep drops tables of attempts that are gone, and of no other', async () => {
  const gone = stagingTable(unit, 'dead');
  const foreign = stagingTable({ ...unit, database: 'of_another_instance' }, 'dead');
  for (const name of [gone, foreign]) {
    await server.run('create', `CREATE TABLE ${quoteTable(STAGING_SCHEMA, name)} (a INT)`);
  }
  const dropped: number[] = [];
  const result = await loadWith('check', async () => {
    dropped.push(await worker.sweep(), await worker.sweep());
  });
  expect(dropped).toEqual([1, 0]);
  expect(result).toMatchObject({ rows: 50 });
  await server.run('look', `DROP TABLE ${quoteTable(STAGING_SCHEMA, foreign)}`);
});

test.each<[LoadStep, string, boolean]>([
  ['lock', 'REVOKED', false],
  ['exchange', 'UNAVAILABLE', false],
  ['record', 'REVOKED', true],
])('an attempt that is overtaken at "%s" has no say any more', async (step, code, alreadyLoaded) => {
  const overtaken = await loadWith(step, async () => {
    await expect(worker.load(request())).resolves.toMatchObject({ alreadyLoaded, rows: 50 });
  });
  expect(overtaken).toMatchObject({ code });
  expect((await catalog.contents(unit))?.rows).toBe(50);
  expect(await catalog.contributions(unit.transactionId)).toMatchObject([{ status: 'FINISHED' }]);
});

test('an attempt that was overtaken at "lock" does not kill the one that holds it', async () => {
  const progress = new EventEmitter();
  let later: Promise<unknown> | undefined;
  const former = await loadWith('lock', async () => {
    // The former has left its note, so the later one holds the lock, to settle it, before it stages anything.
    const holds = once(progress, 'holds');
    const ended = once(progress, 'former ended');
    later = loadWith('stage', async () => {
      progress.emit('holds');
      await ended;
    });
    await holds;
  });
  progress.emit('former ended');
  expect(former).toMatchObject({ code: 'REVOKED' });
  await expect(later).resolves.toMatchObject({ alreadyLoaded: false, rows: 50 });
});

test('a sweep takes nothing from an attempt that is about to attach', async () => {
  const swept: number[] = [];
  const result = await loadWith('exchange', async () => {
    swept.push(await worker.sweep());
  });
  expect(swept).toEqual([0]);
  expect(result).toMatchObject({ rows: 50 });
});

test('two attempts at once: one of them loads the unit, none twice', async () => {
  const ended = await Promise.allSettled(Array.from({ length: 4 }, () => worker.load(request())));
  // Shown whole when it fails: why none of them got through.
  expect(ended).toContainEqual(expect.objectContaining({ status: 'fulfilled' }));
  expect((await catalog.contents(unit))?.rows).toBe(50);
  expect(await catalog.contributions(unit.transactionId)).toHaveLength(1);
});

test('more loads than connections', async () => {
  await writeFile(path.join(folder, 'one.csv'), objectRow(1));
  const loads = Array.from({ length: 30 }, async (_, i) => {
    await catalog.allocate(2000 + i);
    const place = { ...unit, chunk: 2000 + i };
    return worker.load({ ...request(), unit: place, sources: [plainSource('root://fencing/one.csv')] });
  });
  expect((await Promise.all(loads)).every((result) => result.rows === 1)).toBe(true);
});

function final(): string {
  return quoteTable(catalog.database, chunkTable('Object', unit.chunk, false));
}
