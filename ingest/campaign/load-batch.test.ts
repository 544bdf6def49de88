import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sharedServers } from '../../test/support/native';
import { freshDatabase, uniqueName } from '../../test/support/servers';
import { NativeController } from '../controller/native/controller';
import { type Metadata, openMetadata } from '../storage/metadata';
import { PostgresLedger } from '../storage/metadata/ledger';
import { NativeIngestWorker } from '../worker/native';
import { loadBatch, verifyLoaded } from './load-batch';
import { planCampaign } from './plan';
import { registerCatalog } from './register';
import { begin, commit, place } from './transactions';

/** Batches and their verification on real servers: one worker, the example's regular table. */

const sources = { roots: { examples: join(__dirname, '..', '..', 'examples') }, stallSeconds: 5 };

let metadata: Metadata;
let ledger: PostgresLedger;
let controller: NativeController;
let worker: NativeIngestWorker;

beforeAll(async () => {
  metadata = openMetadata(await freshDatabase());
  await metadata.migrate();
  ledger = new PostgresLedger(metadata);
  const servers = await sharedServers();
  const [first] = servers.workers;
  if (!first) throw new Error('no worker');
  controller = new NativeController({ target: 'local', servers: { ...servers, workers: [first] }, metadata });
  worker = new NativeIngestWorker({ name: first.name, mysql: first.mysql, metadata, sources, connections: 2 });
}, 180_000);

afterAll(async () => {
  await worker?.close();
  await controller?.close();
  await metadata?.close();
});

/** A registered campaign with Filter's single unit, placed in a super-transaction that is STARTED. */
async function started() {
  const file = await readFile(join(sources.roots.examples, 'test101', 'campaign.json'), 'utf8');
  const input = JSON.parse(file);
  const database = uniqueName('batch');
  input.database = { database, num_stripes: 85, num_sub_stripes: 12, overlap: 0.01667 };
  const filter = JSON.parse(await readFile(join(sources.roots.examples, 'test101', 'table_Filter.json'), 'utf8'));
  input.tables = [{ ...input.tables[2], definition: { ...filter, database } }];
  const services = { defaultTarget: 'local', targets: ['local'], sources, ledger, controller: () => controller };
  const { planId } = await planCampaign(input, 'k', services);
  await registerCatalog({ controller, ledger }, planId);
  const next = async (seq: number) => {
    const attempt = { workflowId: database, firstRunId: 'run', database, planId, seq, attempt: 1 };
    const transactionId = await begin({ controller, ledger }, attempt);
    await place({ controller, ledger }, planId, seq, transactionId);
    return transactionId;
  };
  const load = (transactionId: number) =>
    loadBatch({ planId, transactionId, worker: worker.name, units: [0], lastAttempt: true }, { worker, ledger });
  const rows = async () => (await controller.countRows(database)).map((count) => [count.table, count.rows]);
  return { database, planId, next, load, rows };
}

test('what an attempt attached without a word is taken out before the commit, and a retry loads it once', async () => {
  const { database, planId, next, load, rows } = await started();
  const transactionId = await next(0);
  const [unit] = await ledger.units(planId, [0]);
  if (!unit) throw new Error('no unit');
  await worker.load({
    unit: { transactionId, database, table: 'Filter', chunk: 0, overlap: false },
    sources: unit.sources,
    quality: 'strict',
    maxNumWarnings: 0,
  });
  await ledger.hold(planId, worker.name, 0, 'UNAVAILABLE', 'the worker stayed away');
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
  const { database, planId, next, load, rows } = await started();
  const transactionId = await next(0);
  await load(transactionId);
  await worker.discard({ transactionId, database, table: 'Filter', chunk: 0, overlap: false });
  expect(await verifyLoaded({ planId, transactionId }, { worker, ledger })).toEqual({ checked: 0, redo: 1 });
  expect(await load(transactionId)).toMatchObject({ loaded: [{ rows: 9 }] });
  expect(await verifyLoaded({ planId, transactionId }, { worker, ledger })).toEqual({ checked: 1, redo: 0 });
  await commit({ controller, ledger }, planId, transactionId);
  expect(await rows()).toEqual([['Filter', 9]]);
}, 60_000);
