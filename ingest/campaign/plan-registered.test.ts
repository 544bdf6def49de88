import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sharedServers } from '../../test/support/native';
import { freshDatabase, uniqueName } from '../../test/support/servers';
import { NativeController } from '../controller/native/controller';
import { DUMMY_CHUNK } from '../core/names';
import { type Metadata, openMetadata } from '../storage/metadata';
import { PostgresLedger } from '../storage/metadata/ledger';
import { type PlanServices, planCampaign } from './plan';
import { registerCatalog } from './register';

/** Plans against what a real controller has registered. */

const EXAMPLES = join(__dirname, '..', '..', 'examples');

let metadata: Metadata;
let ledger: PostgresLedger;
let controller: NativeController;
let services: PlanServices & { ledger: PostgresLedger };

beforeAll(async () => {
  metadata = openMetadata(await freshDatabase());
  await metadata.migrate();
  ledger = new PostgresLedger(metadata);
  controller = new NativeController({ target: 'local', servers: await sharedServers(), metadata });
  const sources = { roots: { examples: EXAMPLES }, stallSeconds: 5 };
  services = { defaultTarget: 'local', targets: ['local'], sources, ledger, controller: () => controller };
}, 180_000);

afterAll(async () => {
  await controller?.close();
  await metadata?.close();
});

// biome-ignore lint/suspicious/noExplicitAny: tests change inputs at will
type Input = any;

/** The example as a database of its own, registered or not. */
async function example(): Promise<Input> {
  const input = JSON.parse(await readFile(join(EXAMPLES, 'test101', 'campaign.json'), 'utf8'));
  const name = uniqueName('plan');
  input.database = { database: name, num_stripes: 85, num_sub_stripes: 12, overlap: 0.01667 };
  for (const table of input.tables) {
    const own = JSON.parse(await readFile(join(EXAMPLES, 'test101', table.definition.$ref), 'utf8'));
    table.definition = { ...own, database: name };
  }
  return input;
}

async function registered(): Promise<Input> {
  const input = await example();
  const { planId } = await planCampaign(input, 'first', services);
  await registerCatalog({ controller, ledger }, planId);
  return input;
}

async function faultsOf(input: Input): Promise<string[]> {
  const error = await planCampaign(input, 'k', services).then(
    () => ({ details: { faults: [] } }),
    (e) => e,
  );
  if (!error.details?.faults) throw error;
  return error.details.faults.map((f: { path: string; message: string }) => `${f.path}: ${f.message}`);
}

test('planning registers nothing', async () => {
  const input = await example();
  await planCampaign(input, 'k', services);
  await expect(controller.database(input.database.database)).rejects.toMatchObject({ code: 'UNKNOWN_DATABASE' });
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

  await controller.allocateChunks({ database: name }, [DUMMY_CHUNK]);
  await controller.publish(name);
  expect(await faultsOf(input)).toEqual([
    `database.database: '${name}' is published already; choose another name, or delete it first`,
  ]);
});

test('what was committed into tables that are gone does not count', async () => {
  const input = await registered();
  const name = input.database.database;
  const { planId } = await planCampaign(input, 'first', services);
  await ledger.place(
    planId,
    0,
    1,
    new Map([
      [7480, ['w1']],
      [7310, ['w1']],
    ]),
    ['w1'],
  );
  for (const unit of [0, 1, 2, 3, 4]) await ledger.recordLoaded(planId, 1, 'w1', unit, []);
  await ledger.settle(planId, 1, 'committed');
  expect(await planCampaign(input, 'second', services)).toMatchObject({ units: 0, alreadyCommitted: 5 });
  await controller.deleteTable(name, 'Source');
  expect(await planCampaign(input, 'third', services)).toMatchObject({ units: 1, alreadyCommitted: 4 });
});
