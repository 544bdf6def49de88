import { databaseFacts } from '../../test/support/checksum';
import { sharedServers } from '../../test/support/native';
import { Campaigns, exampleInput } from '../../test/support/planning';
import { dataServer } from '../../test/support/registered';
import { Republishing } from '../../test/support/republishing';
import { replacementName } from '../core/names';
import { finishRepublish, openRepublish } from './carry-out';
import { loadBatch } from './load-batch';
import { readSettings } from './plan';
import { checkTables, registerCatalog } from './register';
import { planRepublish } from './republish';

/** A republish from its first change to its last, on real servers. */

let campaigns: Campaigns;

beforeAll(async () => {
  campaigns = await Campaigns.open();
}, 180_000);

afterAll(() => campaigns?.close());

const provenance = (planId: string) =>
  campaigns.metadata.run(
    (sql) => sql<{ tbl: string; outcome: string }[]>`
      SELECT tbl, outcome FROM campaign.contribution WHERE plan_id = ${planId} ORDER BY tbl`,
  );

test('add, replace, remove', async () => {
  const catalog = await Republishing.open(campaigns);
  const { controller, ledger } = campaigns;
  const plan = await catalog.loaded({
    add: [await catalog.table('New', 3)],
    replace: [await catalog.table('Filter', 5)],
    remove: ['Band'],
  });
  expect(await catalog.state()).toMatchObject({ isPublished: false, rows: { Filter: 9, Band: 2, New: 3 } });
  const version = replacementName('Filter');
  expect(await catalog.ledger()).toEqual(['Band', 'Filter', 'New', version].sort());

  const report = await finishRepublish(campaigns, plan.planId);
  expect(report).toMatchObject({
    publishTime: expect.any(Number),
    replaced: [{ table: 'Filter', gapMs: expect.any(Number) }],
  });
  const after = { isPublished: true, rows: { Filter: 5, New: 3 } };
  expect(await catalog.state()).toEqual(after);
  expect(await catalog.ledger()).toEqual(['Filter', 'New']);
  expect(await provenance(plan.planId)).toEqual([
    { tbl: 'Filter', outcome: 'committed' },
    { tbl: 'New', outcome: 'committed' },
  ]);
  expect(await ledger.republishState(plan.planId)).toBe('done');

  // Activities that are repeated find it done.
  await checkTables(campaigns, plan.planId);
  expect(await finishRepublish(campaigns, plan.planId)).toEqual({ ...report, renamed: 0, copied: 0 });
  await expect(openRepublish(campaigns, plan.planId)).rejects.toMatchObject({ code: 'ILLEGAL_STATE' });
  expect(await catalog.state()).toEqual(after);
  // Nothing is gone that the ledger counts on.
  const { tables } = await controller.database(catalog.database);
  const created = new Map(tables.map((t) => [t.definition.name, t.createTime]));
  for (const { table, created: at } of (await ledger.tablesInUse('local', catalog.database)).filter(
    (t) => t.committed,
  )) {
    expect([table, at]).toEqual([table, created.get(table)]);
  }
}, 60_000);

test('partitioned tables, replaced by the same rows', async () => {
  const input = await exampleInput();
  const { database } = await campaigns.published(input);
  const [worker] = (await sharedServers()).workers;
  if (!worker) throw new Error('no worker');
  const server = dataServer('w1', worker.mysql);
  try {
    const before = await databaseFacts(server, database);
    expect(before.Object_7480).toMatchObject({ rows: 1000 });
    const settings = await readSettings(input, campaigns.services);
    const [object, source] = input.tables;
    const request = { replace: [source, object], adminKey: `\${env:K}` };
    const { plan } = await planRepublish(request, settings, 'key', campaigns.services);
    const { planId } = plan;
    expect(plan.tables.map((t) => t.table)).toEqual(['Object', 'Source']);
    await openRepublish(campaigns, planId);
    await registerCatalog(campaigns, planId);
    await campaigns.load({ planId, database });
    expect((await finishRepublish(campaigns, planId)).replaced.map((r) => r.table).sort()).toEqual([
      'Object',
      'Source',
    ]);
    expect(await databaseFacts(server, database)).toEqual(before);
    const committed = await campaigns.ledger.committedUnits('local', database);
    expect([...committed.keys()].sort()).toEqual([
      'Filter/0',
      'Object/7310/overlap',
      'Object/7480',
      'Object/7480/overlap',
      'Source/7480',
    ]);
  } finally {
    await server.close();
  }
}, 60_000);

test('people see final names while next versions are loaded', async () => {
  const catalog = await Republishing.open(campaigns);
  const { ledger, worker } = campaigns;
  const plan = await catalog.registered({ replace: [await catalog.table('Filter', 5)] });
  const transactionId = await campaigns.begin(plan);
  const batches = await ledger.nextBatches(plan.planId, 0, 10, { units: 10, bytes: 1e9 });
  expect(batches).toMatchObject([{ label: 'Filter', units: [0] }]);
  await ledger.hold(plan.planId, transactionId, worker.name, 0, 'DISK_FULL', 'full');
  expect(await ledger.held(plan.planId, 10)).toMatchObject({ units: [{ table: 'Filter' }] });
  expect(await ledger.heldIn(plan.planId, transactionId, worker.name, [0])).toMatchObject([{ table: 'Filter' }]);
  expect(await ledger.progress(plan.planId)).toMatchObject([{ table: 'Filter', byState: { held: 1 } }]);
  await ledger.retryHeld(plan.planId);
  const again = await campaigns.begin(plan, 1, 1);
  const batch = { planId: plan.planId, transactionId: again, worker: worker.name, units: [0], attempts: 1 };
  expect(await loadBatch(batch, { worker, ledger })).toMatchObject({ loaded: [{ table: 'Filter', rows: 5 }] });
}, 60_000);

test('registering finds what an earlier call made', async () => {
  const catalog = await Republishing.open(campaigns);
  const plan = await catalog.registered({
    add: [await catalog.table('New', 1)],
    replace: [await catalog.table('Band', 1)],
  });
  const registered = await campaigns.ledger.registered(plan.planId);
  await registerCatalog(campaigns, plan.planId);
  expect(await campaigns.ledger.registered(plan.planId)).toEqual(registered);
  const { tables } = await campaigns.controller.database(catalog.database);
  expect(tables.map((t) => [t.definition.name, t.replaces])).toContainEqual([replacementName('Band'), 'Band']);
}, 60_000);

test('a table that somebody deleted is noticed before anything is shown', async () => {
  const catalog = await Republishing.open(campaigns);
  const plan = await catalog.loaded({ replace: [await catalog.table('Filter', 5)], remove: ['Band'] });
  await campaigns.controller.deleteTable(catalog.database, replacementName('Filter'));
  await expect(finishRepublish(campaigns, plan.planId)).rejects.toMatchObject({ code: 'UNKNOWN_TABLE' });
  expect(await catalog.state()).toMatchObject({ rows: { Filter: 9, Band: 2 } });
}, 60_000);

test('a word that comes late does not touch the version after', async () => {
  const catalog = await Republishing.open(campaigns);
  const first = await catalog.done({ replace: [await catalog.table('Filter', 5)] });
  await catalog.done({ replace: [await catalog.table('Filter', 4)] });
  const before = await campaigns.ledger.committedUnits('local', catalog.database);
  await campaigns.ledger.replaced(first.planId);
  expect(await campaigns.ledger.committedUnits('local', catalog.database)).toEqual(before);
  expect(await catalog.state()).toEqual({ isPublished: true, rows: { Filter: 4, Band: 2 } });
}, 60_000);

test('a cancelled call stops before its first change', async () => {
  const catalog = await Republishing.open(campaigns);
  const plan = await catalog.loaded({ remove: ['Band'], add: [await catalog.table('New', 1)] });
  const signal = AbortSignal.abort(new Error('stopped'));
  await expect(finishRepublish(campaigns, plan.planId, {}, signal)).rejects.toThrow('stopped');
  expect(await catalog.state()).toMatchObject({ isPublished: false, rows: { Band: 2 } });
}, 60_000);
