import { Campaigns, exampleInput, type Input } from '../../test/support/planning';
import { DUMMY_CHUNK } from '../core/names';
import { draftPlan, planCampaign } from './plan';
import { registerCatalog } from './register';
import { commit } from './transactions';

/** Plans against what a real controller has registered. */

let campaigns: Campaigns;

beforeAll(async () => {
  campaigns = await Campaigns.open();
}, 180_000);

afterAll(() => campaigns?.close());

/** The example as a database of its own, registered. */
async function registered(): Promise<Input> {
  const input = await exampleInput();
  await campaigns.register(input);
  return input;
}

const faultsOf = (input: Input) => campaigns.faultsOf(input);

test('planning registers nothing', async () => {
  const input = await exampleInput();
  await planCampaign(input, 'k', campaigns.services);
  await expect(campaigns.controller.database(input.database.database)).rejects.toMatchObject({
    code: 'UNKNOWN_DATABASE',
  });
});

test('what is registered and equal is fine, what differs is named', async () => {
  const input = await registered();
  expect(await faultsOf(input)).toEqual([]);
  input.database.num_sub_stripes = 3;
  input.tables[1].definition.schema[1].type = 'INT';
  expect(await faultsOf(input)).toEqual([
    expect.stringMatching(/^database\.num_stripes: .* is registered with 85 stripes with 12 sub-stripes each/),
    expect.stringMatching(/^tables\[1\]\.definition\.schema: 'Source' is registered with another one/),
  ]);
});

test('a director that is registered already need not be named again', async () => {
  const input = await exampleInput();
  const [object, ...others] = input.tables;
  await campaigns.register({ ...input, tables: [{ definition: object.definition }] });
  expect(await faultsOf({ ...input, tables: others })).toEqual([]);
});

test('a name that differs in case only, a published database', async () => {
  const input = await registered();
  const name: string = input.database.database;
  const other = structuredClone(input);
  other.database.database = name.toUpperCase();
  for (const table of other.tables) table.definition.database = name.toUpperCase();
  expect(await faultsOf(other)).toEqual([`database.database: '${name}' is there, which differs in case only`]);

  await campaigns.controller.allocateChunks({ database: name }, [DUMMY_CHUNK]);
  await campaigns.controller.publish(name);
  expect(await faultsOf(input)).toEqual([
    `database.database: '${name}' is published already; choose another name, take it over with "adopt" and republish it, ` +
      `or \`campaign delete ${name}\` first`,
  ]);
});

/** Units of the example are committed, all or some. */
async function committed(units = [0, 1, 2, 3, 4]) {
  const input = await exampleInput();
  const plan = await campaigns.register(input);
  const id = await campaigns.begin(plan);
  const { ledger, worker } = campaigns;
  for (const unit of units) await ledger.recordLoaded(plan.planId, id, worker.name, unit, []);
  await commit(campaigns, plan.planId, id);
  return { input, plan };
}

describe('tables that somebody deleted', () => {
  test('what was committed into them does not count, nor in others of their names', async () => {
    const { input, plan } = await committed();
    const { controller, ledger, services } = campaigns;
    expect(await planCampaign(input, 'second', services)).toMatchObject({ units: 0, alreadyCommitted: 5 });
    await controller.deleteTable(plan.database, 'Source');
    expect(await draftPlan(input, 'dry', services)).toMatchObject({ plan: { summary: { alreadyCommitted: 4 } } });
    expect(await ledger.committedUnits('local', plan.database)).toHaveProperty('size', 5);
    const third = await campaigns.register(input, 'third');
    expect(await ledger.committedUnits('local', plan.database)).toHaveProperty('size', 4);
    // Placing gives the unit to the new table's load, not to the old table's fingerprint.
    await campaigns.begin(third);
    expect(await ledger.nextBatches(third.planId, 0, 10, { units: 10, bytes: 1e9 })).toHaveLength(1);
  }, 60_000);

  test('deleted and registered anew by somebody else', async () => {
    const { input, plan } = await committed();
    const { controller, services } = campaigns;
    const { tables } = await controller.database(plan.database);
    const filter = tables.find((t) => t.definition.name === 'Filter')?.definition;
    if (!filter) throw new Error('no Filter');
    await controller.deleteTable(plan.database, 'Filter');
    await controller.registerTable(plan.database, filter);
    expect(await planCampaign(input, 'second', services)).toMatchObject({ units: 1, alreadyCommitted: 4 });
  }, 60_000);

  test.each(['registering', 'placing', 'committing'])(
    'are noticed when %s, and end the campaign',
    async (when) => {
      const { input, plan } = await committed([0, 1, 2, 3]);
      const { controller, services } = campaigns;
      const { planId } = await planCampaign(input, 'second', services);
      const second = { ...plan, planId };
      const drop = () => controller.deleteTable(plan.database, 'Source');
      const said = { code: 'UNKNOWN_TABLE', message: expect.stringContaining('deleted Source of database') };
      if (when === 'registering') {
        await drop();
        await expect(registerCatalog(campaigns, planId)).rejects.toMatchObject(said);
        return;
      }
      await registerCatalog(campaigns, planId);
      if (when === 'placing') {
        await drop();
        await expect(campaigns.begin(second)).rejects.toMatchObject(said);
        return;
      }
      const id = await campaigns.begin(second);
      await drop();
      await expect(commit(campaigns, planId, id)).rejects.toMatchObject(said);
      expect(await controller.transaction(id)).toMatchObject({ state: 'STARTED' });
    },
    60_000,
  );
});

test('an unfinished table that is not named again is a fault: it would be published as it is', async () => {
  const { input, plan } = await committed([0]);
  const tables = input.tables.filter((t: Input) => t.definition.table === 'Filter');
  expect(await faultsOf({ ...input, tables })).toEqual([
    expect.stringMatching(
      /^tables: an earlier campaign .* filled Object or was to, .*; name Object again with all its/,
    ),
    expect.stringMatching(/^tables: an earlier campaign .* filled Source or was to/),
  ]);
  await campaigns.controller.deleteTable(plan.database, 'Source');
  await campaigns.controller.deleteTable(plan.database, 'Object');
  expect(await faultsOf({ ...input, tables })).toEqual([]);
}, 60_000);

test('a regular table is loaded on a worker that came after its commit', async () => {
  const { input } = await committed();
  const controller = Object.create(campaigns.controller, {
    locateRegular: { value: async () => [{ worker: campaigns.worker.name }, { worker: 'later' }] },
  });
  const services = { ...campaigns.services, controller: () => controller };
  expect(await planCampaign(input, 'second', services)).toMatchObject({
    alreadyCommitted: 4,
    tables: [{ units: 0 }, { units: 0 }, { table: 'Filter', units: 1 }],
  });
}, 60_000);
