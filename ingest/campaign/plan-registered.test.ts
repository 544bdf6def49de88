import { Campaigns, exampleInput, type Input } from '../../test/support/planning';
import { DUMMY_CHUNK } from '../core/names';
import { planCampaign } from './plan';

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
  const input = await registered();
  input.tables.shift();
  expect(await faultsOf(input)).toEqual([]);
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
    `database.database: '${name}' is published already; choose another name, or delete it first`,
  ]);
});

test('what was committed into tables that are gone does not count', async () => {
  const input = await registered();
  const name = input.database.database;
  const { planId } = await planCampaign(input, 'first', campaigns.services);
  await campaigns.ledger.place(
    planId,
    0,
    1,
    new Map([
      [7480, ['w1']],
      [7310, ['w1']],
    ]),
    ['w1'],
  );
  for (const unit of [0, 1, 2, 3, 4]) await campaigns.ledger.recordLoaded(planId, 1, 'w1', unit, []);
  await campaigns.ledger.settle(planId, 1, 'committed');
  expect(await planCampaign(input, 'second', campaigns.services)).toMatchObject({ units: 0, alreadyCommitted: 5 });
  await campaigns.controller.deleteTable(name, 'Source');
  expect(await planCampaign(input, 'third', campaigns.services)).toMatchObject({ units: 1, alreadyCommitted: 4 });
});
