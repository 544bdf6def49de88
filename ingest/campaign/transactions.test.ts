import { sharedServers } from '../../test/support/native';
import { Campaigns, exampleInput, filterInput } from '../../test/support/planning';
import { NativeController } from '../controller/native/controller';
import { loadBatch } from './load-batch';
import { abort, abortAll, begin, commit, endLeftovers, place } from './transactions';

/** Super-transactions whose activities die between two steps, or that somebody else ends, on real servers. */

let campaigns: Campaigns;

beforeAll(async () => {
  campaigns = await Campaigns.open();
}, 180_000);

afterAll(() => campaigns?.close());

/** Filter's single unit, loaded in a super-transaction that is STARTED. */
async function loaded() {
  const plan = await campaigns.register(await filterInput());
  const transactionId = await campaigns.begin(plan);
  await load(plan.planId, transactionId);
  return { plan, transactionId };
}

function load(planId: string, transactionId: number) {
  const { worker, ledger } = campaigns;
  return loadBatch({ planId, transactionId, worker: worker.name, units: [0], attempts: 1 }, { worker, ledger });
}

const states = async (planId: string) => (await campaigns.ledger.progress(planId))[0]?.byState;

test.each(['abort', 'abortAll'])(
  '%s settles what an earlier call ended and did not live to settle',
  async (which) => {
    const { plan, transactionId } = await loaded();
    await campaigns.controller.endTransaction(transactionId, 'abort');
    const again = () =>
      which === 'abort'
        ? abort(campaigns, campaigns.attempt(plan))
        : abortAll(campaigns, plan.database, campaigns.attempt(plan));
    expect(await again()).toEqual([transactionId]);
    expect(await again()).toEqual([]);
    expect(await states(plan.planId)).toMatchObject({ planned: 1, loaded: 0 });

    const redo = await campaigns.begin(plan, 0, 2);
    expect(await load(plan.planId, redo)).toMatchObject({ loaded: [{ rows: 9 }] });
    await commit(campaigns, plan.planId, redo);
    expect(await states(plan.planId)).toMatchObject({ committed: 1 });
    expect(await campaigns.rows(plan.database)).toEqual([['Filter', 9]]);
  },
  60_000,
);

test('what somebody else committed is committed for the ledger, and not redone', async () => {
  const { plan, transactionId } = await loaded();
  await campaigns.controller.endTransaction(transactionId, 'commit');
  expect(await abort(campaigns, campaigns.attempt(plan))).toEqual([]);
  expect(await states(plan.planId)).toMatchObject({ committed: 1 });
  expect(await campaigns.ledger.pendingSequences(plan.planId)).toEqual([]);
}, 60_000);

test('leftovers are what campaigns of the database began, not what looks like it', async () => {
  const plan = await campaigns.register({ ...(await filterInput()), requestId: 'nightly-7' });
  const { controller } = campaigns;
  const mine = await begin(campaigns, campaigns.attempt(plan));
  const { context } = await controller.transaction(mine);
  expect(context).toMatchObject({ requestId: 'nightly-7' });
  const others = [
    { campaign: 'a campaign of the service before this one' },
    { ...context, token: 'mine' },
    { ...context, planId: 'unknown', token: `${plan.database}/unknown/0/1` },
  ];
  const ids = [];
  for (const other of others) ids.push((await controller.beginTransaction(plan.database, other)).id);
  expect(await endLeftovers(campaigns, 'local', plan.database)).toEqual([`aborted super-transaction ${mine}`]);
  for (const id of ids) expect(await controller.transaction(id)).toMatchObject({ state: 'STARTED' });
}, 60_000);

test('a chunk with several replicas is loaded into each of them', async () => {
  const own = await Campaigns.open();
  const { metadata, ledger } = own;
  const wide = new NativeController({ target: 'local', servers: await sharedServers(), metadata });
  try {
    const { planId, database } = await own.register(await exampleInput());
    const id = await begin(own, own.attempt({ planId, database }));
    await wide.databases();
    const { chunks } = await ledger.chunksOf(planId, 0);
    await metadata.run(
      (sql) => sql`
        INSERT INTO qserv.replica (worker, database, chunk, verify_time)
        SELECT w.name, ${database}, c, 1 FROM qserv.config_worker w, unnest(${chunks}::integer[]) AS c`,
    );
    await place({ controller: wide, ledger }, planId, 0, id);
    const placed = await metadata.run(
      (sql) => sql<{ worker: string; n: number }[]>`
        SELECT worker, count(*) AS n FROM campaign.placement WHERE plan_id = ${planId} GROUP BY worker ORDER BY worker`,
    );
    expect(placed.map(({ worker }) => worker)).toEqual(['w1', 'w2']);
    expect(placed[0]?.n).toBe(placed[1]?.n);
    expect(placed[0]?.n).toBeGreaterThan(chunks.length);
  } finally {
    await wide.close();
    await own.close();
  }
}, 60_000);
