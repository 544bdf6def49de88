import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Planner } from '../../test/support/planner';
import type { Input } from '../../test/support/planning';
import { planCampaign, readSettings } from './plan';

let planner: Planner;

beforeAll(async () => {
  planner = await Planner.open();
}, 120_000);

afterAll(() => planner?.close());

test('the example', async () => {
  const steps = new Set<string>();
  const summary = await planCampaign(await planner.example(), 'run-1', planner.services, {
    onProgress: (p) => steps.add(p.step),
  });
  expect([...steps]).toEqual(['definitions', 'files', 'grouping', 'storing']);
  expect(summary).toMatchObject({
    target: 'local',
    database: 'test101',
    transactions: 1,
    units: 5,
    contributions: 5,
    bytes: 3908163,
    alreadyCommitted: 0,
    tables: [
      { table: 'Object', kind: 'director', units: 3, contributions: 3, bytes: 1386168 },
      { table: 'Source', kind: 'dependent', units: 1, contributions: 1, bytes: 2521920 },
      { table: 'Filter', kind: 'regular', units: 1, contributions: 1, bytes: 75 },
    ],
  });
  const units = await planner.ledger.units(summary.planId, [0, 1, 2, 3, 4]);
  expect(
    units.map((u) => [u.table, u.chunk, u.overlap, u.everyWorker, u.sources[0]?.dialect.fieldsTerminatedBy]),
  ).toEqual([
    ['Object', 7310, true, false, ','],
    ['Object', 7480, false, false, ','],
    ['Object', 7480, true, false, ','],
    ['Source', 7480, false, false, ','],
    ['Filter', 0, false, true, '\\t'],
  ]);
  expect(units[1]?.sources).toEqual([
    {
      url: 'root://examples/test101/data/Object/chunk_7480.txt',
      dialect: { fieldsTerminatedBy: ',', fieldsEnclosedBy: '\\0', fieldsEscapedBy: '\\\\', linesTerminatedBy: '\\n' },
      charset: '',
      expect: { bytes: 1198979, mtimeMs: expect.any(Number) },
    },
  ]);
  const { tables, databaseDefinition } = await planner.ledger.plan(summary.planId);
  expect(tables.map((t) => t.name)).toEqual(['Object', 'Source', 'Filter']);
  expect(databaseDefinition).toMatchObject({ name: 'test101', numStripes: 85 });

  expect(await planCampaign(await planner.example(), 'run-1', planner.services)).toEqual(summary);
  expect((await planCampaign(await planner.example(), 'run-2', planner.services)).planId).not.toBe(summary.planId);
});

test('settings', async () => {
  const input = await planner.example();
  expect(await readSettings({ ...input, owner: undefined }, planner.services)).toMatchObject({
    target: 'local',
    database: 'test101',
    owner: '',
    keepOpen: true,
  });
  await expect(readSettings({ ...input, target: 'nowhere' }, planner.services)).rejects.toThrow(
    /target: there is no target 'nowhere'; the configuration has local, other/,
  );
});

describe('what an earlier campaign committed', () => {
  /** Commits everything of the example but Filter on w2, as database `name`. */
  async function committed(name: string): Promise<Input> {
    const input = await planner.example();
    input.database = { database: name, num_stripes: 85, num_sub_stripes: 12, overlap: 0.01667 };
    for (const table of input.tables) {
      const own = await planner.definition(table.definition.$ref.replace(/table_|\.json/g, ''));
      table.definition = { ...own, database: name };
    }
    const { planId } = await planCampaign(input, 'first', planner.services);
    await planner.ledger.place(
      planId,
      0,
      1,
      new Map([
        [7480, ['w1']],
        [7310, ['w1']],
      ]),
      ['w1', 'w2'],
    );
    for (const unit of [0, 1, 2, 3, 4]) await planner.ledger.recordLoaded(planId, 1, 'w1', unit, []);
    await planner.ledger.hold(planId, 1, 'w2', 4, 'DISK_FULL', 'full');
    await planner.ledger.settle(planId, 1, 'committed');
    return input;
  }

  test('is not planned again where it is complete', async () => {
    const input = await committed('again');
    expect(await planCampaign(input, 'second', planner.services)).toMatchObject({
      units: 1,
      alreadyCommitted: 4,
      tables: [{ units: 0 }, { units: 0 }, { table: 'Filter', units: 1 }],
    });
  });

  test('and is not wanted, or not like that, is a fault', async () => {
    const input = await committed('changed');
    input.tables[0].contributions[0].pattern = 'chunk_(?<chunk>\\d+)(?<overlap>_overlap)\\.txt';
    input.tables[1].contributions[0].charset = 'utf8mb4';
    await expect(planCampaign(input, 'second', planner.services)).rejects.toMatchObject({
      details: {
        faults: [
          {
            path: 'tables[0].contributions',
            message: expect.stringMatching(/committed chunk 7480, for which this one has no files/),
          },
          {
            path: 'tables[1].contributions',
            message: expect.stringMatching(/other files, .* for chunk 7480; name the same/),
          },
        ],
      },
    });
    await planner.ledger.forget('local', 'changed');
    expect(await planCampaign(input, 'third', planner.services)).toMatchObject({ alreadyCommitted: 0, units: 4 });
  });
});

test('20,000 files', async () => {
  const many = join(planner.folder, 'many');
  const chunks = Array.from({ length: 100 }, (_, i) => 7140 + i);
  for (const chunk of chunks) {
    await mkdir(join(many, String(chunk)), { recursive: true });
    await Promise.all(
      Array.from({ length: 200 }, (_, i) => writeFile(join(many, String(chunk), `part ${i}.csv`), 'x')),
    );
  }
  const input = await planner.example();
  input.base = pathToFileURL(planner.folder).href;
  input.database = { $ref: 'test101/database_test101.json' };
  input.tables = [
    {
      definition: { $ref: 'test101/table_Object.json' },
      contributions: [{ folder: 'many', pattern: '(?<chunk>\\d+)/part \\d+\\.csv' }],
    },
  ];
  input.transactionBytes = 500;
  const begin = performance.now();
  const summary = await planCampaign(input, 'many', planner.services);
  console.info(`20,000 files planned in ${Math.round(performance.now() - begin)} ms`);
  expect(summary).toMatchObject({ units: 100, contributions: 20_000, bytes: 20_000, transactions: 40 });
  const [unit] = await planner.ledger.units(summary.planId, [0]);
  expect(unit?.sources).toHaveLength(200);
  expect(unit?.sources[0]?.url).toBe(`${pathToFileURL(many).href}/7140/part%200.csv`);
}, 120_000);
