import { Campaigns, filterInput, type Registered } from '../../test/support/planning';
import { IngestError } from '../core/errors';
import { loadBatch } from './load-batch';
import { begin, commit, place } from './transactions';
import { undo } from './undo';

/** Undoing campaigns on real servers, and undoes that come too late. */

let campaigns: Campaigns;

beforeAll(async () => {
  campaigns = await Campaigns.open();
}, 180_000);

afterAll(() => campaigns?.close());

const claim = (database: string, firstRunId: string) => ({
  target: 'local',
  database,
  workflowId: database,
  firstRunId,
});

/** A campaign of this run that holds its database, with Filter loaded in a super-transaction. */
async function running(firstRunId: string, known?: Registered) {
  const plan = known ?? (await campaigns.register(await filterInput()));
  const { ledger, worker } = campaigns;
  await ledger.claim(claim(plan.database, firstRunId), async () => true);
  const attempt = { ...campaigns.attempt(plan), firstRunId, attempt: known ? 2 : 1 };
  const transactionId = await begin(campaigns, attempt);
  await place(campaigns, plan.planId, 0, transactionId);
  const batch = { planId: plan.planId, transactionId, worker: worker.name, units: [0], attempts: 1 };
  expect(await loadBatch(batch, { worker, ledger })).toMatchObject({ loaded: [{ rows: 9 }] });
  return { plan, transactionId };
}

const request = ({ database, planId }: Registered, firstRunId: string) =>
  ({ ...claim(database, firstRunId), planId, rollback: 'all' }) as const;

test('rollback all drops the tables, also those of a super-transaction that ended without a word', async () => {
  const { plan, transactionId } = await running('one');
  await campaigns.controller.endTransaction(transactionId, 'commit');
  expect(await undo(campaigns, request(plan, 'one'))).toEqual(['dropped table Filter']);
  expect(await campaigns.ledger.unsettled('local', plan.database)).toEqual([]);
  expect(await campaigns.ledger.committedUnits('local', plan.database)).toEqual(new Map());
  expect(await campaigns.ledger.holder('local', plan.database)).toBeUndefined();
}, 60_000);

test('an undo that wakes up after its campaign was replaced leaves the next one alone', async () => {
  const { plan, transactionId } = await running('one');
  let next: number | undefined;
  const controller = Object.create(campaigns.controller, {
    // The undo sleeps within its first step. In the meantime another campaign under the same workflow id takes over.
    endTransaction: {
      value: async (id: number, how: 'abort') => {
        const ended = await campaigns.controller.endTransaction(id, how);
        await campaigns.ledger.settle(plan.planId, id, 'aborted');
        next ??= (await running('two', plan)).transactionId;
        return ended;
      },
    },
  });
  expect(await undo({ controller, ledger: campaigns.ledger }, request(plan, 'one'))).toEqual([
    `aborted super-transaction ${transactionId}`,
  ]);
  expect(await undo(campaigns, request(plan, 'one'))).toEqual([]);
  await commit(campaigns, plan.planId, next ?? 0);
  expect(await campaigns.rows(plan.database)).toEqual([['Filter', 9]]);
  expect(await campaigns.ledger.holder('local', plan.database)).toMatchObject({ firstRunId: 'two' });
}, 60_000);

test('super-transactions of an earlier campaign under the same workflow id are not its own', async () => {
  const { plan, transactionId } = await running('one');
  await campaigns.ledger.claim(claim(plan.database, 'two'), async () => true);
  expect(await undo(campaigns, { ...request(plan, 'two'), rollback: 'open' })).toEqual([]);
  expect(await campaigns.controller.transaction(transactionId)).toMatchObject({ state: 'STARTED' });
}, 60_000);

test('a cancelled undo stops before its next step', async () => {
  const { plan, transactionId } = await running('one');
  const signal = AbortSignal.abort(new IngestError('CANCELLED', 'stopped'));
  await expect(undo(campaigns, request(plan, 'one'), signal)).rejects.toMatchObject({ code: 'CANCELLED' });
  expect(await campaigns.controller.transaction(transactionId)).toMatchObject({ state: 'STARTED' });
}, 60_000);
