import { databaseFacts } from '../../test/support/checksum';
import { sharedServers } from '../../test/support/native';
import { Campaigns, exampleInput, faultsIn, type Input, type Registered } from '../../test/support/planning';
import { dataServer } from '../../test/support/registered';
import { replacementName } from '../core/names';
import type { DataServer } from '../storage/data/connection';
import { deleteTableRecord, insertTable } from '../storage/metadata/tables';
import { readSettings } from './plan';
import { planRepublish } from './republish';

/** Planning a republish of a catalog that is loaded and published, on real servers. */

let campaigns: Campaigns;
let server: DataServer;
let input: Input;
let plan: Registered;

const adminKey = `\${env:ADMIN_KEY}`;

beforeAll(async () => {
  campaigns = await Campaigns.open();
  const [worker] = (await sharedServers()).workers;
  if (!worker) throw new Error('no worker');
  server = dataServer('w1', worker.mysql);
  input = await exampleInput();
  plan = await campaigns.published(input);
}, 240_000);

afterAll(async () => {
  await server?.close();
  await campaigns?.close();
});

async function planned(request: Input, of: Input = input) {
  const settings = await readSettings(of, campaigns.services);
  return planRepublish({ adminKey, ...request }, settings, 'key', campaigns.services);
}

/** Faults of a request; nothing in any database but the plans' storage may have changed, nor that. */
async function faultsOf(request: Input): Promise<string[]> {
  const before = await everything();
  const faults = await faultsIn(planned(request));
  if (faults.length > 0) expect(await everything()).toEqual(before);
  return faults;
}

/** Dump of all records and of the catalog on the worker. */
async function everything() {
  const { metadata } = campaigns;
  const tables = await metadata.run(
    (sql) => sql<{ name: string }[]>`
      SELECT table_schema || '.' || table_name AS name FROM information_schema.tables
      WHERE table_schema IN ('qserv', 'campaign') ORDER BY 1`,
  );
  const dump: Record<string, unknown> = {};
  for (const { name } of tables) {
    dump[name] = await metadata.run(
      (sql) => sql`SELECT md5(string_agg(row, ' ' ORDER BY row)) AS rows FROM (
        SELECT r::text AS row FROM ${sql(name)} AS r) AS dump`,
    );
  }
  return { dump, data: await databaseFacts(server, plan.database) };
}

/** A table of the example by its name, which tests may change. */
function tableOf(name: string): Input {
  return structuredClone(input.tables.find((t: Input) => t.definition.table === name));
}

/** The table under another name. */
function renamed(name: string, to: string): Input {
  const table = tableOf(name);
  table.definition.table = to;
  return table;
}

test('a request in order is a plan under names of next versions, and is shown under those that stay', async () => {
  const result = await planned({ add: [renamed('Filter', 'Band')], replace: [tableOf('Source')], requestId: 'r-1' });
  expect(result).toMatchObject({
    adds: ['Band'],
    replaces: ['Source'],
    removes: [],
    finish: { rowCounters: 'none' },
    plan: {
      database: plan.database,
      target: 'local',
      requestId: 'r-1',
      units: 2,
      alreadyCommitted: 0,
      tables: [
        { table: 'Source', kind: 'dependent', units: 1 },
        { table: 'Band', kind: 'regular', units: 1 },
      ],
    },
  });
  const version = replacementName('Source');
  const { planId } = result.plan;
  const stored = await campaigns.ledger.plan(planId);
  expect(stored).toMatchObject({
    tables: [{ name: version, director: 'Object' }, { name: 'Band' }],
    quality: 'strict',
    maxNumWarnings: 64,
    republish: { replaces: { [version]: 'Source' }, removes: [] },
    databaseDefinition: { name: plan.database, numStripes: 85, numSubStripes: 12, overlap: 0.01667 },
    finishing: { Source: { indexes: [] }, Band: { indexes: [] } },
  });
  expect((await campaigns.ledger.units(planId, [0, 1])).map((u) => u.table)).toEqual([version, 'Band']);
  expect((await campaigns.ledger.progress(planId)).map((t) => t.table)).toEqual(['Source', 'Band']);
  // Equal to what a campaign would load, so that a later one finds it loaded.
  const [source] = await campaigns.ledger.units(plan.planId, [3]);
  expect((await campaigns.ledger.units(planId, [0]))[0]?.fingerprint).toBe(source?.fingerprint);
  expect(await planned({ add: [renamed('Filter', 'Band')], replace: [tableOf('Source')], requestId: 'r-1' })).toEqual(
    result,
  );
});

test('what the request says goes before what the campaign says', async () => {
  const request = {
    replace: [tableOf('Filter')],
    quality: 'lenient',
    maxNumWarnings: 7,
    finish: { rowCounters: 'deploy' },
  };
  const result = await planned(request);
  expect(result.finish).toMatchObject({ rowCounters: 'deploy' });
  expect(await campaigns.ledger.plan(result.plan.planId)).toMatchObject({ quality: 'lenient', maxNumWarnings: 7 });
  const relative = await planned({ ...request, base: 'root://examples/', replace: [tableOf('Filter')] }).catch(
    (e) => e,
  );
  expect(relative.message).toContain('root://examples/data/Filter.csv: there is no such file');
});

test('removing goes from dependents to directors', async () => {
  const { removes, plan: of } = await planned({ remove: ['Object', 'Filter', 'Source'] });
  expect(removes).toEqual(['Filter', 'Source', 'Object']);
  expect(of).toMatchObject({ units: 0, tables: [] });
});

test('one bad file among many', async () => {
  const add = renamed('Filter', 'Band');
  const replace = tableOf('Source');
  replace.contributions.push({ files: [0, 1, 2, 3].map((i) => ({ url: `data/${i}.csv`, chunk: i === 3 ? 1 : 7480 })) });
  replace.contributions[1].files.splice(0, 3, { url: 'data/Source/chunk_7480.txt', chunk: 7480, bytes: 7 });
  expect(await faultsOf({ add: [add], replace: [replace] })).toEqual([
    'replace[0].contributions[1].files[1].chunk: 1 is no chunk of 85 stripes with 12 sub-stripes each',
    expect.stringMatching(/^replace\[0\]\.contributions\[1\]\.files\[0\]\.bytes: .* has 2521920 bytes, 7 are declared/),
  ]);
});

test('every fault at once, each by its path', async () => {
  const broken = renamed('Filter', 'Broken');
  broken.definition.schema[0].type = 'NUMBR';
  const orphan = renamed('Source', 'Orphan');
  orphan.definition.director_table = 'Nobody';
  const missing = tableOf('Filter');
  missing.contributions = [{ files: [{ url: 'data/None.csv' }] }];
  expect(
    await faultsOf({ add: [broken, orphan, { definition: { $ref: 'no.json' } }], replace: [missing], remove: ['Nil'] }),
  ).toEqual([
    expect.stringMatching(/^add\[2\]\.definition\.\$ref: .*no\.json: there is no such file/),
    "remove[0]: there is no table 'Nil' to remove; leave it out",
    expect.stringMatching(/^add\[0\]\.definition\.schema\[0\]\.type: not a column type: 'NUMBR'/),
    expect.stringMatching(/^replace\[0\]\.contributions\[0\]\.files\[0\]: .*None\.csv: there is no such file/),
  ]);
  expect(await faultsOf({ add: [orphan] })).toEqual([
    expect.stringMatching(/^add\[0\]\.definition\.director_table: non-existing director table '.*Nobody'/),
  ]);
});

test.each<[string, (is: { database: string }) => Input, RegExp]>([
  [
    'add what is there',
    () => ({ add: [tableOf('Filter')] }),
    /^add\[0\]\.definition\.table: 'Filter' is published already; name it under replace/,
  ],
  [
    'add what differs in case only',
    () => ({ add: [renamed('Filter', 'FILTER')] }),
    /^add\[0\]\.definition\.table: 'Filter' differs in case only/,
  ],
  [
    'replace what is not there',
    () => ({ replace: [renamed('Filter', 'Band')] }),
    /^replace\[0\]\.definition\.table: there is no table 'Band' to replace; name it under add/,
  ],
  [
    'replace in another case',
    () => ({ replace: [renamed('Filter', 'filter')] }),
    /^replace\[0\]\.definition\.table: there is no table 'filter'; did you mean 'Filter'\?/,
  ],
  [
    'replace by another kind',
    () => ({ replace: [renamed('Filter', 'Source')] }),
    /^replace\[0\]\.definition: 'Source' is a dependent table and cannot become a regular one/,
  ],
  [
    'another key of a director that others refer to',
    () => {
      const object = tableOf('Object');
      object.definition.director_key = 'chunkId';
      return { replace: [object] };
    },
    /^replace\[0\]\.definition\.director_key: \w+\.Source refer to 'Object' by its column 'objectId'; keep it/,
  ],
  [
    'a director without the column that others refer to',
    () => {
      const object = tableOf('Object');
      object.definition.schema = object.definition.schema.filter((c: Input) => c.name !== 'objectId');
      return { replace: [object] };
    },
    /^replace\[0\]\.definition\.director_key: no matching column 'objectId'/,
  ],
  [
    'remove a director that others refer to',
    () => ({ remove: ['Object'] }),
    /^remove\[0\]: \w+\.Source refer to 'Object'; remove them too, or replace them in an earlier republish/,
  ],
  [
    'remove in another case',
    () => ({ remove: ['filter'] }),
    /^remove\[0\]: there is no table 'filter'; did you mean 'Filter'\?/,
  ],
  [
    'a director that goes',
    () => ({ add: [renamed('Source', 'Source2')], remove: ['Source', 'Object'] }),
    /^add\[0\]\.definition\.director_table: non-existing director table/,
  ],
  [
    'a database in the definition that is another',
    () => {
      const filter = tableOf('Filter');
      filter.definition.database = 'other';
      return { replace: [filter] };
    },
    /^replace\[0\]\.definition\.database: is 'other', but the campaign's database is/,
  ],
])('refused: %s', async (_, request, fault) => {
  expect(await faultsOf(request(plan))).toContainEqual(expect.stringMatching(fault));
});

test('a table in two lists, or twice in one, whatever the case', async () => {
  const twice = 'already; name each table once, in one of the lists';
  expect(await faultsOf({ add: [renamed('Filter', 'A'), renamed('Filter', 'a')] })).toEqual([
    `add[1].definition.table: 'a' is named by add[0] ${twice}`,
  ]);
  expect(await faultsOf({ replace: [tableOf('Filter')], remove: ['FILTER', 'Filter'] })).toEqual(
    expect.arrayContaining([
      `remove[0]: 'FILTER' is named by replace[0] ${twice}`,
      `remove[1]: 'Filter' is named by replace[0] ${twice}`,
    ]),
  );
});

test('tables of other databases that refer to one', async () => {
  const { controller } = campaigns;
  const other = await exampleInput();
  const name = other.database.database;
  const source = structuredClone(tableOf('Source'));
  source.definition.director_table = `${plan.database}.Object`;
  source.definition.database = name;
  await campaigns.register({ ...other, tables: [source] });
  try {
    expect(await faultsOf({ remove: ['Source', 'Object'] })).toEqual([
      expect.stringMatching(new RegExp(`^remove\\[1\\]: ${name}\\.Source refer to 'Object'`)),
    ]);
  } finally {
    await controller.deleteDatabase(name);
  }
}, 60_000);

test('no place for the next version', async () => {
  const { metadata } = campaigns;
  const version = replacementName('Filter');
  const schema = [{ name: 'a', type: 'INT' }];
  await metadata.transaction((tx) => insertTable(tx, plan.database, { kind: 'regular', name: version, schema }));
  try {
    expect(await faultsOf({ replace: [tableOf('Filter')] })).toEqual([
      expect.stringMatching(
        /^replace\[0\]\.definition\.table: the next version of 'Filter' would be called next_v\w+, as is next_v/,
      ),
    ]);
    const left = tableOf('Filter');
    left.definition.table = version;
    const remedy = `\`campaign delete ${plan.database} --table ${version}\` first`;
    expect(await faultsOf({ add: [left] })).toEqual([
      `add[0].definition.table: '${version}' is left from something that was not published; ${remedy}`,
    ]);
    expect(await faultsOf({ replace: [left] })).toContainEqual(
      `replace[0].definition.table: '${version}' is not published; ${remedy}, then add it`,
    );
  } finally {
    await metadata.run((sql) => deleteTableRecord(sql, plan.database, version));
  }
});

test('a database that is not there, or not published', async () => {
  const other = await exampleInput();
  const faults = () => faultsIn(planned({ remove: ['Filter'] }, other));
  const remedy = 'a republish changes a published database; load and publish it first';
  expect(await faults()).toEqual([`(input): no database '${other.database.database}': ${remedy}`]);
  await campaigns.register(other);
  expect(await faults()).toEqual([`(input): '${other.database.database}' is not published: ${remedy}`]);
}, 60_000);

test('a literal key', async () => {
  const faults = await faultsOf({ remove: ['Filter'], adminKey: 's3cret' });
  expect(faults).toEqual([expect.stringMatching(/^adminKey: name an environment variable/)]);
  expect(faults.join()).not.toContain('s3cret');
});

test('a plan that was carried out is not planned again', async () => {
  const { ledger } = campaigns;
  const first = await planned({ remove: ['Filter'] });
  await ledger.noteRepublish(first.plan.planId, 'undone');
  await expect(planned({ remove: ['Filter'] })).rejects.toMatchObject({ code: 'ILLEGAL_STATE' });
});

describe('adopting a published database', () => {
  const adopting = () => ({ ...input, tables: [], adopt: true });

  test('plans nothing', async () => {
    expect(await readSettings(adopting(), campaigns.services)).toMatchObject({ adopt: true, database: plan.database });
    expect(await campaigns.faultsOf(adopting())).toEqual([]);
  });

  test('what is not there, not published, or of another geometry', async () => {
    const other = await exampleInput();
    const name = other.database.database;
    const request = { ...other, tables: [], adopt: true };
    expect(await campaigns.faultsOf(request)).toEqual([`database.database: there is no database '${name}' to adopt`]);
    await campaigns.register(other);
    expect(await campaigns.faultsOf(request)).toEqual([
      expect.stringMatching(/^database\.database: '.*' is not published/),
    ]);
    const odd = { ...adopting(), database: { ...input.database, num_stripes: 84 } };
    expect(await campaigns.faultsOf(odd)).toEqual([
      expect.stringMatching(/registered with 85 stripes .*; give the same/),
    ]);
  }, 60_000);
});
