import { databaseFacts } from '../../test/support/checksum';
import { sharedServers } from '../../test/support/native';
import { Campaigns, type Registered } from '../../test/support/planning';
import { dataServer } from '../../test/support/registered';
import { Republishing } from '../../test/support/republishing';
import type { Controller } from '../controller/controller';
import { NativeController } from '../controller/native/controller';
import type { DataServer } from '../storage/data/connection';
import { finishRepublish, openRepublish } from './carry-out';
import { endLeftovers } from './transactions';
import { undoRepublish } from './undo-republish';

/** Republishes that end before their end, on real servers: by their own campaign, or by the one that comes after its death. */

let campaigns: Campaigns;
let server: DataServer;

beforeAll(async () => {
  campaigns = await Campaigns.open();
  const [worker] = (await sharedServers()).workers;
  if (!worker) throw new Error('no worker');
  server = dataServer('w1', worker.mysql);
}, 180_000);

afterAll(async () => {
  await server?.close();
  await campaigns?.close();
});

/** What the catalog is to its readers, and what the records say of it. */
async function everything({ database }: Republishing) {
  const { publishTime, ...records } = await campaigns.controller.database(database);
  return {
    data: await databaseFacts(server, database),
    records,
    ledger: await campaigns.ledger.committedUnits('local', database),
  };
}

const undo = (catalog: Republishing, { planId }: Registered) => undoRepublish(campaigns, { ...catalog.claim, planId });
const leftovers = (catalog: Republishing) => endLeftovers(campaigns, 'local', catalog.database);

/** Adds New, replaces Filter, removes Band. */
async function request(catalog: Republishing) {
  return { add: [await catalog.table('New', 3)], replace: [await catalog.table('Filter', 5)], remove: ['Band'] };
}

const AFTER = { isPublished: true, rows: { Filter: 5, New: 3 } };

/** Calls that reach the controller fail in this way. */
function failing(calls: Partial<Record<keyof Controller, () => Promise<never>>>): Controller {
  const properties = Object.entries(calls).map(([name, value]) => [name, { value }]);
  return Object.create(campaigns.controller, Object.fromEntries(properties));
}

const died = async (): Promise<never> => {
  throw new Error('died');
};

describe('leaves no trace', () => {
  const stages: [string, (catalog: Republishing) => Promise<Registered>, string[]][] = [
    ['planned', async (catalog) => catalog.planned(await request(catalog)), []],
    [
      'unpublished',
      async (catalog) => {
        const plan = await catalog.planned(await request(catalog));
        await openRepublish(campaigns, plan.planId);
        return plan;
      },
      ['published DB again, as it was'],
    ],
    [
      'registered',
      async (catalog) => catalog.registered(await request(catalog)),
      ['dropped the next version of Filter', 'dropped table New', 'published DB again, as it was'],
    ],
    [
      'loaded',
      async (catalog) => catalog.loaded(await request(catalog)),
      ['dropped the next version of Filter', 'dropped table New', 'published DB again, as it was'],
    ],
    [
      'about to remove',
      async (catalog) => {
        const plan = await catalog.loaded(await request(catalog));
        const controller = failing({ deleteTable: died });
        await expect(
          finishRepublish({ ...campaigns, ledger: campaigns.ledger, controller }, plan.planId),
        ).rejects.toThrow('died');
        return plan;
      },
      ['dropped the next version of Filter', 'dropped table New', 'published DB again, as it was'],
    ],
  ];

  test.each(stages)(
    '%s, undone by its campaign',
    async (_, reach, lines) => {
      const catalog = await Republishing.open(campaigns);
      const before = await everything(catalog);
      const plan = await reach(catalog);
      const expected = lines.map((line) => line.replace('DB', catalog.database));
      expect(await undo(catalog, plan)).toEqual({ completed: false, lines: expected });
      expect(await everything(catalog)).toEqual(before);
      expect(await undo(catalog, plan)).toEqual({ completed: false, lines: [] });
      expect(await campaigns.ledger.holder('local', catalog.database)).toEqual(catalog.claim);
      // An activity that was thought dead wakes up.
      await expect(openRepublish(campaigns, plan.planId)).rejects.toMatchObject({ code: 'ILLEGAL_STATE' });
      await expect(finishRepublish(campaigns, plan.planId)).rejects.toMatchObject({
        code: expect.stringMatching(/ILLEGAL_STATE|UNKNOWN_TABLE/),
      });
      expect(await everything(catalog)).toEqual(before);
      // The next one finds no obstacle.
      await catalog.done(await request(catalog));
      expect(await catalog.state()).toEqual(AFTER);
    },
    60_000,
  );

  test.each(stages)(
    '%s, ended by the next campaign',
    async (_, reach, lines) => {
      const catalog = await Republishing.open(campaigns);
      const before = await everything(catalog);
      await reach(catalog);
      expect(await leftovers(catalog)).toEqual(lines.map((line) => line.replace('DB', catalog.database)));
      expect(await everything(catalog)).toEqual(before);
      expect(await leftovers(catalog)).toEqual([]);
    },
    60_000,
  );

  test.each(['its campaign', 'the next campaign'])(
    'with an open super-transaction, ended by %s',
    async (who) => {
      const catalog = await Republishing.open(campaigns);
      const before = await everything(catalog);
      const plan = await catalog.registered(await request(catalog));
      const id = await campaigns.begin(plan);
      const { lines } = who === 'its campaign' ? await undo(catalog, plan) : { lines: await leftovers(catalog) };
      expect(lines[0]).toBe(`aborted super-transaction ${id}`);
      expect(await everything(catalog)).toEqual(before);
    },
    60_000,
  );
});

test("somebody else's open super-transaction: undone as far as it goes, and completed when it is gone", async () => {
  const catalog = await Republishing.open(campaigns);
  const before = await everything(catalog);
  const plan = await catalog.registered(await request(catalog));
  const { id } = await campaigns.controller.beginTransaction(catalog.database, {});
  await expect(undo(catalog, plan)).rejects.toMatchObject({ code: 'OPEN_TRANSACTIONS' });
  await campaigns.controller.endTransaction(id, 'abort');
  expect(await undo(catalog, plan)).toMatchObject({ completed: false });
  expect(await everything(catalog)).toEqual(before);
}, 60_000);

test('a campaign that does not hold the claim undoes nothing', async () => {
  const catalog = await Republishing.open(campaigns);
  const plan = await catalog.registered(await request(catalog));
  const other = { ...catalog.claim, firstRunId: 'another', planId: plan.planId };
  await expect(undoRepublish(campaigns, other)).rejects.toMatchObject({ code: 'REVOKED' });
  const before = await everything(catalog);
  const controller: Controller = Object.create(campaigns.controller, {
    // The undo sleeps within its first step; meanwhile another campaign takes the claim over.
    deleteTable: {
      value: async (...of: Parameters<Controller['deleteTable']>) => {
        await campaigns.controller.deleteTable(...of);
        await campaigns.ledger.claim({ ...catalog.claim, firstRunId: 'next' }, async () => true);
      },
    },
  });
  const services = { ledger: campaigns.ledger, controller };
  await expect(undoRepublish(services, { ...catalog.claim, planId: plan.planId })).rejects.toMatchObject({
    code: 'REVOKED',
  });
  const { rows } = await catalog.state();
  expect(Object.keys(before.records.tables)).toHaveLength(4);
  expect(Object.keys(rows)).toHaveLength(3);
}, 60_000);

test('a cancelled undo stops before its next step', async () => {
  const catalog = await Republishing.open(campaigns);
  const plan = await catalog.registered(await request(catalog));
  const before = await everything(catalog);
  const signal = AbortSignal.abort(new Error('stopped'));
  await expect(undoRepublish(campaigns, { ...catalog.claim, planId: plan.planId }, signal)).rejects.toThrow('stopped');
  expect(await everything(catalog)).toEqual(before);
}, 60_000);

describe('goes forward once readers may have seen something', () => {
  /** A controller that fails at a named step. */
  async function failingAt(step: string): Promise<NativeController> {
    const servers = await sharedServers();
    return new NativeController({
      target: 'local',
      servers: { ...servers, workers: servers.workers.slice(0, 1) },
      metadata: campaigns.metadata,
      steps: (name) => {
        if (name === step) throw new Error(`died at ${step}`);
      },
    });
  }

  async function dyingAt(step: string, catalog: Republishing): Promise<Registered> {
    const plan = await catalog.loaded(await request(catalog));
    const controller = await failingAt(step);
    try {
      const services = { ledger: campaigns.ledger, controller };
      await expect(finishRepublish(services, plan.planId)).rejects.toThrow(`died at ${step}`);
    } finally {
      await controller.close();
    }
    return plan;
  }

  test.each(['publish.grant', 'replace.hide', 'replace.rename', 'replace.show', 'replace.records', 'publish.flags'])(
    'died at %s',
    async (step) => {
      for (const who of ['its campaign', 'the next campaign']) {
        const catalog = await Republishing.open(campaigns);
        const plan = await dyingAt(step, catalog);
        const end =
          who === 'its campaign' ? await undo(catalog, plan) : { completed: true, lines: await leftovers(catalog) };
        expect(end).toEqual({
          completed: true,
          lines: [`completed the republish of ${catalog.database}, which readers could see already`],
        });
        expect(await catalog.state()).toEqual(AFTER);
        expect(await catalog.ledger()).toEqual(['Filter', 'New']);
        expect(await campaigns.ledger.republishState(plan.planId)).toBe('done');
        expect(await undo(catalog, plan)).toEqual({ completed: true, lines: [] });
        expect(await finishRepublish(campaigns, plan.planId)).toMatchObject({ replaced: [{ table: 'Filter' }] });
        expect(await leftovers(catalog)).toEqual([]);
      }
    },
    120_000,
  );

  test.each([['add'], ['replace'], ['remove']] as const)(
    'published, but nobody heard of it: %s alone',
    async (what) => {
      const catalog = await Republishing.open(campaigns);
      const { [what]: tables } = await request(catalog);
      const plan = await catalog.loaded({ [what]: tables });
      const ledger = Object.create(campaigns.ledger, { replaced: { value: died } });
      await expect(finishRepublish({ controller: campaigns.controller, ledger }, plan.planId)).rejects.toThrow('died');
      const state = await catalog.state();
      expect(await leftovers(catalog)).toHaveLength(1);
      expect(await catalog.state()).toEqual(state);
      expect(await campaigns.ledger.republishState(plan.planId)).toBe('done');
      expect(await catalog.ledger()).toEqual(Object.keys(state.rows).sort());
    },
    60_000,
  );
});

test('a database that was deleted has nothing to undo', async () => {
  const catalog = await Republishing.open(campaigns);
  const plan = await catalog.registered(await request(catalog));
  await campaigns.controller.deleteDatabase(catalog.database);
  expect(await undo(catalog, plan)).toEqual({ completed: false, lines: [] });
  expect(await campaigns.ledger.openRepublishes('local', catalog.database)).toEqual([]);
}, 60_000);
