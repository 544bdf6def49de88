import { Campaigns, filterInput } from '../../test/support/planning';
import { loadBatch, verifyLoaded } from './load-batch';
import { commit } from './transactions';

/** Batches and their verification on real servers: one worker, the example's regular table. */

let campaigns: Campaigns;

beforeAll(async () => {
  campaigns = await Campaigns.open();
}, 180_000);

afterAll(() => campaigns?.close());

/** A registered campaign with Filter's single unit. */
async function started() {
  const { controller, ledger, worker } = campaigns;
  const plan = await campaigns.register(await filterInput());
  const { database, planId } = plan;
  const next = (seq: number) => campaigns.begin(plan, seq);
  const load = (transactionId: number) =>
    loadBatch({ planId, transactionId, worker: worker.name, units: [0], attempts: 1 }, { worker, ledger });
  const rows = () => campaigns.rows(database);
  return { controller, ledger, worker, database, planId, next, load, rows };
}

test('what an attempt attached without a word is taken out before the commit, and a retry loads it once', async () => {
  const { controller, ledger, worker, database, planId, next, load, rows } = await started();
  const transactionId = await next(0);
  const [unit] = await ledger.units(planId, [0]);
  if (!unit) throw new Error('no unit');
  await worker.load({
    unit: { transactionId, database, table: 'Filter', chunk: 0, overlap: false },
    sources: unit.sources,
    quality: 'strict',
    maxNumWarnings: 0,
  });
  await ledger.hold(planId, transactionId, worker.name, 0, 'UNAVAILABLE', 'the worker stayed away');
  expect(await verifyLoaded({ planId, transactionId }, { worker, ledger })).toEqual({ checked: 1, redo: 0 });
  await commit({ controller, ledger }, planId, transactionId);
  expect(await rows()).toEqual([['Filter', 0]]);

  const seq = await ledger.retryHeld(planId);
  const again = await next(seq ?? -1);
  expect(await load(again)).toMatchObject({ loaded: [{ table: 'Filter', rows: 9 }], held: [] });
  expect(await verifyLoaded({ planId, transactionId: again }, { worker, ledger })).toEqual({ checked: 1, redo: 0 });
  await commit({ controller, ledger }, planId, again);
  expect(await rows()).toEqual([['Filter', 9]]);
}, 60_000);

test('what the ledger counts as loaded and the worker has lost is loaded again', async () => {
  const { controller, ledger, worker, database, planId, next, load, rows } = await started();
  const transactionId = await next(0);
  await load(transactionId);
  await worker.discard({ transactionId, database, table: 'Filter', chunk: 0, overlap: false });
  expect(await verifyLoaded({ planId, transactionId }, { worker, ledger })).toEqual({ checked: 0, redo: 1 });
  expect(await load(transactionId)).toMatchObject({ loaded: [{ rows: 9 }] });
  expect(await verifyLoaded({ planId, transactionId }, { worker, ledger })).toEqual({ checked: 1, redo: 0 });
  await commit({ controller, ledger }, planId, transactionId);
  expect(await rows()).toEqual([['Filter', 9]]);
}, 60_000);

test('rows of which the ledger does not know are loaded again, whatever the worker says of them', async () => {
  const { ledger, worker, database, planId, next, load } = await started();
  const transactionId = await next(0);
  await load(transactionId);
  const unit = { transactionId, database, table: 'Filter', chunk: 0, overlap: false };
  const twice = Object.assign(Object.create(worker) as typeof worker, {
    verify: async () => [{ unit, recordedRows: 18, actualRows: 18, agrees: true }],
  });
  expect(await verifyLoaded({ planId, transactionId }, { worker: twice, ledger })).toEqual({ checked: 1, redo: 1 });
  expect(await load(transactionId)).toMatchObject({ loaded: [{ rows: 9 }] });
  expect(await verifyLoaded({ planId, transactionId }, { worker, ledger })).toEqual({ checked: 1, redo: 0 });
}, 60_000);

test('an attempt that wakes up after the commit does not make the ledger say that its unit is there', async () => {
  const { controller, ledger, worker, database, planId, next, rows } = await started();
  const transactionId = await next(0);
  const [unit] = await ledger.units(planId, [0]);
  if (!unit) throw new Error('no unit');
  const { contributions } = await worker.load({
    unit: { transactionId, database, table: 'Filter', chunk: 0, overlap: false },
    sources: unit.sources,
    quality: 'strict',
    maxNumWarnings: 0,
  });
  await ledger.hold(planId, transactionId, worker.name, 0, 'UNAVAILABLE', 'the worker stayed away');
  const ghost = () => ledger.recordLoaded(planId, transactionId, worker.name, 0, contributions);
  await expect(ghost()).rejects.toMatchObject({ code: 'REVOKED' });
  await verifyLoaded({ planId, transactionId }, { worker, ledger });
  expect(await ledger.placements(planId, transactionId, worker.name)).toEqual([]);
  await expect(ghost()).rejects.toMatchObject({ code: 'REVOKED' });
  await ledger.retryHeld(planId);
  await expect(ghost()).rejects.toMatchObject({ code: 'REVOKED' });
  await commit({ controller, ledger }, planId, transactionId);
  expect(await ledger.progress(planId)).toMatchObject([{ rows: 0, byState: { planned: 1, committed: 0 } }]);
  expect(await rows()).toEqual([['Filter', 0]]);
}, 60_000);

test('a held unit stays held when its batch is tried again', async () => {
  const { ledger, worker, planId, next, load } = await started();
  const transactionId = await next(0);
  await ledger.hold(planId, transactionId, worker.name, 0, 'SOURCE_MISSING', 'gone');
  expect(await load(transactionId)).toMatchObject({ loaded: [], held: [{ unit: 0, message: 'gone' }] });
}, 60_000);
