import { Campaigns, exampleInput, type Registered } from '../../../test/support/planning';
import { Republishing } from '../../../test/support/republishing';
import { IngestError } from '../../core/errors';
import type { Claim } from '../ledger';
import { loadBatch } from '../load-batch';
import { commit } from '../transactions';
import { deletePlannedDatabase, deletePlannedTable, type OpenServices, openDeletion } from './index';

/** Deleting on real servers: what is refused, what goes, what stays, and calls that come too late. */

let campaigns: Campaigns;

beforeAll(async () => {
  campaigns = await Campaigns.open();
}, 180_000);

afterAll(() => campaigns?.close());

const claimOf = (database: string, firstRunId = 'deletion'): Claim => ({
  ...{ target: 'local', database, firstRunId },
  workflowId: `delete:local:${database}`,
});

const asked: [string, string | undefined][] = [];

function services(changes: Partial<OpenServices> = {}): OpenServices {
  const { controller, ledger } = campaigns;
  return {
    ...{ controller, ledger },
    isOver: async () => true,
    checkAdminKey: (target, reference) => {
      asked.push([target, reference]);
      if (reference !== 'right') throw new IngestError('NOT_ALLOWED', 'no');
    },
    ...changes,
  };
}

/** The example loaded, its super-transaction still open. */
async function loaded(): Promise<Registered & { transactionId: number }> {
  const { ledger, worker } = campaigns;
  const plan = await campaigns.register(await exampleInput());
  const transactionId = await campaigns.begin(plan);
  const units = [0, 1, 2, 3, 4];
  const batch = { planId: plan.planId, transactionId, worker: worker.name, units, attempts: 1 };
  expect((await loadBatch(batch, { worker, ledger })).loaded).toHaveLength(5);
  return { ...plan, transactionId };
}

async function committed(): Promise<Registered> {
  const plan = await loaded();
  await commit(campaigns, plan.planId, plan.transactionId);
  return plan;
}

const failure = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: IngestError) => ({ code: error.code, message: error.message, details: error.details }),
  );

const stateOf = async (id: number) => (await campaigns.controller.transaction(id)).state;

async function provenance(database: string): Promise<number> {
  const [row] = await campaigns.metadata.run(
    (sql) => sql<{ n: number }[]>`SELECT count(*) AS n FROM campaign.contribution WHERE database = ${database}`,
  );
  return Number(row?.n);
}

test('what is refused is refused before anything changes; then what a dead campaign left open is ended', async () => {
  const { database, transactionId } = await loaded();
  const claim = claimOf(database);
  const open = (tables: string[]) => openDeletion(services(), { tables }, claim);
  expect(await failure(open(['Object', 'Nothing']))).toMatchObject({
    code: 'INVALID_INPUT',
    details: { faults: [{ path: 'tables[0]' }, { path: 'tables[1]' }] },
  });
  const foreign = { ...claim, workflowId: 'ingest:another', firstRunId: 'x' };
  const refused = openDeletion(services({ isOver: async () => false }), {}, foreign);
  expect(await failure(refused)).toMatchObject({
    code: 'CLAIMED',
    message: expect.stringContaining(`campaign close ${claim.workflowId}`),
  });
  expect(await stateOf(transactionId)).toBe('STARTED');

  expect(await open(['Source', 'Filter'])).toMatchObject({
    whole: false,
    published: false,
    tables: expect.arrayContaining([expect.objectContaining({ table: 'Source', kind: 'dependent', rows: 0 })]),
    ended: [`aborted super-transaction ${transactionId}`],
  });
  expect(await stateOf(transactionId)).toBe('ABORTED');
  expect(asked).toEqual([]);
  expect(await failure(openDeletion(services(), {}, claimOf('nothing_there')))).toMatchObject({
    code: 'INVALID_INPUT',
    details: { faults: [{ path: 'database', message: expect.stringContaining("no database 'nothing_there'") }] },
  });
}, 60_000);

test('what is published needs the key, which is asked for before anything changes', async () => {
  const { database, transactionId } = await loaded();
  const { controller } = campaigns;
  const published = Object.create(controller, {
    databases: { value: async () => (await controller.databases()).map((one) => ({ ...one, isPublished: true })) },
  });
  const open = (adminKey?: string) =>
    openDeletion(services({ controller: published }), { tables: ['Filter'], adminKey }, claimOf(database));
  asked.length = 0;
  expect(await failure(open('wrong'))).toMatchObject({ code: 'NOT_ALLOWED' });
  expect(await failure(open())).toMatchObject({ code: 'NOT_ALLOWED' });
  expect(await stateOf(transactionId)).toBe('STARTED');
  expect(await open('right')).toMatchObject({ published: true });
  expect(new Set(asked.map(String))).toEqual(new Set(['local,wrong', 'local,right']));
}, 60_000);

test('a table goes with what the ledger says of it; the others and the provenance stay; once more is success', async () => {
  const { database } = await committed();
  const claim = claimOf(database);
  const before = await provenance(database);
  const plan = await openDeletion(services(), { tables: ['Filter'] }, claim);
  expect(plan.tables).toEqual([expect.objectContaining({ table: 'Filter', rows: 9, bytes: 75 })]);
  for (let i = 0; i < 2; i++) {
    for (const table of plan.tables) await deletePlannedTable(campaigns, claim, plan, table);
    expect(await campaigns.rows(database)).toEqual([
      ['Object', 1000],
      ['Source', 4583],
    ]);
  }
  expect((await campaigns.ledger.sizes('local', database)).map(({ table, rows }) => [table, rows])).toEqual([
    ['Object', 1157],
    ['Source', 4583],
  ]);
  expect(await provenance(database)).toBe(before);
}, 60_000);

test('a call that wakes up after its deletion was done leaves the next campaign alone', async () => {
  const { database } = await committed();
  const claim = claimOf(database);
  const { ledger } = campaigns;
  const plan = await openDeletion(services(), {}, claim);
  await deletePlannedDatabase(campaigns, claim, plan);
  expect(await failure(campaigns.controller.database(database))).toMatchObject({ code: 'UNKNOWN_DATABASE' });
  expect(await ledger.sizes('local', database)).toEqual([]);
  await ledger.release(claim);

  const input = await exampleInput();
  input.database.database = database;
  for (const table of input.tables) table.definition.database = database;
  await campaigns.register(input);
  const late = async () => {
    await deletePlannedDatabase(campaigns, claim, plan);
    for (const table of plan.tables) await deletePlannedTable(campaigns, claim, plan, table);
    return (await campaigns.controller.database(database)).tables.length;
  };
  expect(await late()).toBe(3);
  // Even if it is the very same deletion that holds the claim again: these are not its tables.
  await ledger.claim(claim, async () => true);
  expect(await late()).toBe(3);
}, 60_000);

describe('with a republish that died', () => {
  async function dead() {
    const catalog = await Republishing.open(campaigns);
    const { planId } = await catalog.loaded({
      replace: [await catalog.table('Filter', 5)],
      add: [await catalog.table('New', 3)],
    });
    return { catalog, planId, claim: claimOf(catalog.database) };
  }

  test('its tables are still read: the key is needed; then it is undone, and the named table goes', async () => {
    const { catalog, planId, claim } = await dead();
    const open = (adminKey?: string) => openDeletion(services(), { tables: ['Filter'], adminKey }, claim);
    expect(await failure(open())).toMatchObject({ code: 'NOT_ALLOWED' });
    expect(await catalog.state()).toMatchObject({ isPublished: false });
    const plan = await open('right');
    expect(plan.ended).toEqual(expect.arrayContaining(['dropped table New', 'dropped the next version of Filter']));
    for (const table of plan.tables) await deletePlannedTable(campaigns, claim, plan, table);
    expect(await catalog.state()).toEqual({ isPublished: true, rows: { Band: 2 } });
    expect(await campaigns.ledger.republishState(planId)).toBe('undone');
  }, 60_000);

  test('what is published only by ending it needs the key, too', async () => {
    const { catalog, planId, claim } = await dead();
    await campaigns.ledger.noteRepublish(planId, 'finishing');
    await campaigns.controller.publish(catalog.database);
    // As the records were when the republish died: New had not been published yet.
    const { controller } = campaigns;
    let asked = 0;
    const databases = async () => {
      const all = await controller.databases();
      if (asked++ > 0) return all;
      const unpublished = (one: (typeof all)[0]) => one.tables.map((table) => ({ ...table, isPublished: false }));
      return all.map((one) => ({ ...one, isPublished: false, tables: unpublished(one) }));
    };
    const before = Object.create(controller, { databases: { value: databases } });
    const open = openDeletion(services({ controller: before }), { tables: ['New'] }, claim);
    expect(await failure(open)).toMatchObject({ code: 'NOT_ALLOWED' });
    expect(await catalog.state()).toMatchObject({ isPublished: true, rows: { New: 3 } });
  }, 60_000);

  test("a database goes without undoing it, whatever stands in the way of that, such as somebody's super-transaction", async () => {
    const { catalog, planId, claim } = await dead();
    const { id } = await campaigns.controller.beginTransaction(catalog.database, { pod: 'somebody' });
    const plan = await openDeletion(services(), { adminKey: 'right' }, claim);
    expect(await stateOf(id)).toBe('STARTED');
    await deletePlannedDatabase(campaigns, claim, plan);
    expect(await failure(campaigns.controller.database(catalog.database))).toMatchObject({ code: 'UNKNOWN_DATABASE' });
    expect(await campaigns.ledger.republishState(planId)).toBe('undone');
    expect(await campaigns.ledger.openRepublishes('local', catalog.database)).toEqual([]);
  }, 60_000);
});
