import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { freshDatabase, privateDir } from '../../test/support/servers';
import { IngestError } from '../core/errors';
import { type Metadata, openMetadata } from '../storage/metadata';
import { PostgresLedger } from '../storage/metadata/ledger';
import { draftPlan, type PlanServices, planCampaign, readSettings } from './plan';

const EXAMPLES = join(__dirname, '..', '..', 'examples');

let metadata: Metadata;
let ledger: PostgresLedger;
let folder: string;
let services: PlanServices & { ledger: PostgresLedger };

beforeAll(async () => {
  metadata = openMetadata(await freshDatabase());
  await metadata.migrate();
  ledger = new PostgresLedger(metadata);
  folder = privateDir('plan');
  await cp(EXAMPLES, folder, { recursive: true });
  const sources = { roots: { examples: folder }, stallSeconds: 5 };
  services = { defaultTarget: 'local', targets: ['local', 'other'], sources, ledger };
}, 120_000);

afterAll(() => metadata?.close());

// biome-ignore lint/suspicious/noExplicitAny: tests change inputs at will
type Input = any;

async function example(): Promise<Input> {
  return JSON.parse(await readFile(join(EXAMPLES, 'test101', 'campaign.json'), 'utf8'));
}

async function definition(table: string): Promise<Input> {
  return JSON.parse(await readFile(join(EXAMPLES, 'test101', `table_${table}.json`), 'utf8'));
}

/** Faults of the example with a change, as `path: message`. Nothing may have been stored. */
async function faultsOf(change: (input: Input) => unknown): Promise<string[]> {
  const input = await example();
  await change(input);
  const before = await countPlans();
  const error = await planCampaign(input, 'k', services).then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(await countPlans()).toBe(before);
  if (!(error instanceof IngestError)) throw error ?? new Error('the input was accepted');
  expect(error.code).toBe('INVALID_INPUT');
  return (error.details.faults as { path: string; message: string }[]).map((f) => `${f.path}: ${f.message}`);
}

async function countPlans(): Promise<number> {
  const [row] = await metadata.run((sql) => sql<{ n: number }[]>`SELECT count(*) AS n FROM campaign.plan`);
  return row?.n ?? 0;
}

test('the example', async () => {
  const steps = new Set<string>();
  const summary = await planCampaign(await example(), 'run-1', services, { onProgress: (p) => steps.add(p.step) });
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
  const units = await ledger.units(summary.planId, [0, 1, 2, 3, 4]);
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
  const { tables, databaseDefinition } = await ledger.plan(summary.planId);
  expect(tables.map((t) => t.name)).toEqual(['Object', 'Source', 'Filter']);
  expect(databaseDefinition).toMatchObject({ name: 'test101', numStripes: 85 });

  expect(await planCampaign(await example(), 'run-1', services)).toEqual(summary);
  expect((await planCampaign(await example(), 'run-2', services)).planId).not.toBe(summary.planId);
});

test('settings', async () => {
  const input = await example();
  expect(await readSettings({ ...input, owner: undefined }, services)).toMatchObject({
    target: 'local',
    database: 'test101',
    owner: '',
    keepOpen: true,
  });
  await expect(readSettings({ ...input, target: 'nowhere' }, services)).rejects.toThrow(
    /target: there is no target 'nowhere'; the configuration has local, other/,
  );
});

describe('what is wrong is named by its path, and nothing is stored', () => {
  test('unknown table: a dependent without its director', async () => {
    expect(await faultsOf((input) => input.tables.shift())).toEqual([
      expect.stringMatching(/^tables\[0\]\.definition\.director_table: .*'test101\.Object'/),
    ]);
  });

  test('a table twice', async () => {
    expect(await faultsOf((input) => input.tables.push(input.tables[0]))).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^tables\[3\]\.definition\.table: 'Object' is defined already by tables\[0\]/),
      ]),
    );
  });

  test('chunk out of range', async () => {
    expect(
      await faultsOf((input) => {
        input.tables[1].contributions[0].files[0].chunk = 7311999;
      }),
    ).toEqual([
      'tables[1].contributions[0].files[0].chunk: 7311999 is no chunk of 85 stripes with 12 sub-stripes each',
    ]);
  });

  test('chunk out of range in a file name', async () => {
    await writeFile(join(folder, 'test101/data/Source/chunk_169.txt'), '');
    expect(
      await faultsOf((input) => {
        input.tables[1].contributions = [{ folder: 'data/Source', pattern: 'chunk_(?<chunk>.*)\\.txt' }];
      }),
    ).toEqual(['tables[1].contributions[0]: chunk_169.txt: 169 is no chunk of 85 stripes with 12 sub-stripes each']);
  });

  test('missing file, missing folder, nothing that matches', async () => {
    expect(
      await faultsOf((input) => {
        input.tables[0].contributions[0].folder = 'data/Objects';
        input.tables[1].contributions[0].files[0] = { url: 'data/Source/chunk_7481.txt', chunk: 7480 };
        input.tables[2].contributions = [{ folder: 'data', pattern: 'Filter\\.tsv' }];
      }),
    ).toEqual([
      'tables[0].contributions[0].folder: root://examples/test101/data/Objects: there is no such file',
      'tables[1].contributions[0].files[0]: root://examples/test101/data/Source/chunk_7481.txt: there is no such file',
      'tables[2].contributions[0].pattern: no file below root://examples/test101/data matches; correct it or set allowEmpty',
    ]);
  });

  test('illegal names', async () => {
    const table = { ...(await definition('Filter')), table: 'Fil ter' };
    expect(
      await faultsOf((input) => {
        input.database = { database: 'qserv_x`y', num_stripes: 85, num_sub_stripes: 12, overlap: 0.01 };
        input.tables[2].definition = { ...table, database: undefined };
      }),
    ).toEqual([expect.stringMatching(/^database\.database: .*qserv_x`y/)]);
    expect(
      await faultsOf((input) => {
        input.tables[2].definition = table;
      }),
    ).toEqual([expect.stringMatching(/^tables\[2\]\.definition\.table: 'Fil ter'/)]);
  });

  test('a schema without the director key', async () => {
    const table = await definition('Object');
    expect(
      await faultsOf((input) => {
        input.tables[0].definition = { ...table, schema: table.schema.filter((c: Input) => c.name !== 'objectId') };
      }),
    ).toEqual([expect.stringMatching(/^tables\[0\]\.definition\.director_key: no matching column 'objectId'/)]);
  });

  test('a wrong type, inline and in another file', async () => {
    await writeFile(
      join(folder, 'test101/wrong.json'),
      JSON.stringify({ ...(await definition('Filter')), schema: 'filterId' }),
    );
    const faults = await faultsOf((input) => {
      input.database = { database: 'test101', num_stripes: '85', num_sub_stripes: 12, overlap: 0.01 };
      input.tables[2].definition = { $ref: 'wrong.json' };
    });
    expect(faults).toEqual([
      expect.stringMatching(/^database\.num_stripes: /),
      expect.stringMatching(
        /^tables\[2\]\.definition\.schema: Invalid input: expected array, received string \(in root:\/\/examples\/test101\/wrong.json\)/,
      ),
    ]);
    expect(await faultsOf((input) => Object.assign(input, { maxNumWarnings: 'many' }))).toEqual([
      'maxNumWarnings: Invalid input: expected number, received string',
    ]);
  });

  test('a column type that is no type', async () => {
    const table = await definition('Filter');
    table.schema[1].type = 'chars(3) NOT NULL';
    expect(
      await faultsOf((input) => {
        input.tables[2].definition = table;
      }),
    ).toEqual([expect.stringMatching(/^tables\[2\]\.definition\.schema\[1\]\.type: .*'chars' is not a MySQL type/)]);
  });

  test('a file shorter than declared', async () => {
    expect(
      await faultsOf((input) => {
        input.tables[1].contributions[0].files[0].bytes = 2521921;
      }),
    ).toEqual([
      'tables[1].contributions[0].files[0].bytes: root://examples/test101/data/Source/chunk_7480.txt has 2521920 bytes, ' +
        '2521921 are declared; is it complete?',
    ]);
  });

  test('places that do not fit the kind of table', async () => {
    expect(
      await faultsOf((input) => {
        input.tables[0].contributions[0].pattern = '.*';
        input.tables[1].contributions[0].files = [{ url: 'data/Source/chunk_7480.txt' }];
        input.tables[2].contributions[0].files = [{ url: 'data/Filter.csv', chunk: 7480 }];
      }),
    ).toEqual([
      'tables[0].contributions[0].pattern: the table is partitioned: the pattern needs a named group (?<chunk>\\d+) with the chunk number',
      'tables[1].contributions[0].files[0].chunk: required: Source is partitioned',
      'tables[2].contributions[0].files[0].chunk: Filter is a regular table, it has no chunks; remove chunk',
    ]);
  });

  test('a file twice', async () => {
    expect(
      await faultsOf((input) => {
        input.tables[2].contributions.push({ files: [{ url: 'data/../data/Filter.csv' }] });
      }),
    ).toEqual([
      'tables[2].contributions[1].files[0]: root://examples/test101/data/Filter.csv is named already by ' +
        'tables[2].contributions[0].files[0]; its rows would be loaded twice',
    ]);
  });

  test('sources outside the roots, relative without a base, with a password', async () => {
    expect(
      await faultsOf((input) => {
        input.tables[1].contributions[0].files[0] = { url: 'file:///etc/passwd', chunk: 7480 };
        input.tables[2].contributions[0].files = [{ url: 'https://me:s3cret@example.org/Filter.csv' }];
      }),
    ).toEqual([
      expect.stringMatching(
        /^tables\[1\]\.contributions\[0\]\.files\[0\]: file:\/\/\/etc\/passwd lies outside the source roots/,
      ),
      expect.stringMatching(
        /^tables\[2\]\.contributions\[0\]\.files\[0\]\.url: a URL must not hold a user or a password/,
      ),
    ]);
    const faults = await faultsOf((input) => delete input.base);
    expect(faults).toHaveLength(4);
    expect(faults[0]).toMatch(/^database\.\$ref: 'database_test101.json' is relative, and the input has no "base"/);
  });

  test('a definition for another database, an impossible dialect', async () => {
    const table = { ...(await definition('Filter')), database: 'test102', fields_terminated_by: '|' };
    expect(
      await faultsOf((input) => {
        input.tables[2].definition = table;
      }),
    ).toEqual([
      "tables[2].definition.database: is 'test102', but the campaign's database is 'test101'; remove it",
      expect.stringMatching(/^tables\[2\]\.definition\.fields_terminated_by: "\|" is not possible; use one of/),
    ]);
  });

  test('more faults than anybody reads are counted', async () => {
    const faults = await faultsOf((input) => {
      input.tables[2].contributions[0].files = Array.from({ length: 250 }, (_, i) => ({ url: `none/${i}` }));
    });
    expect(faults).toHaveLength(101);
    expect(faults.at(-1)).toBe('(input): and 150 further faults');
  });
});

describe('templates', () => {
  let server: Server;
  let base: string;
  /** How often /tired still answers that it is busy. */
  let tiredness = 2;
  beforeAll(async () => {
    server = createServer((request, response) => {
      if (request.url === '/busy') response.writeHead(503).end();
      else if (request.url === '/tired' && tiredness > 0) {
        tiredness--;
        response.writeHead(503).end();
      } else if (request.url === '/tired') response.writeHead(200).end('a\tb\n');
      else if (request.url === '/endless') response.writeHead(200, { 'transfer-encoding': 'chunked' }).end('a\tb\n');
      else if (!/^\/Object\/(over_)?7(480|481)\.csv$/.test(request.url ?? '')) response.writeHead(404).end();
      else
        response
          .writeHead(200, { 'content-length': 4, etag: '"e1"' })
          .end(request.method === 'HEAD' ? undefined : 'abc\n');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  });
  afterAll(() => server.close());

  const withTemplate = async (group: object) => {
    const input = await example();
    input.tables[0].contributions = [{ template: `${base}Object/{chunk}.csv`, ...group }];
    return input;
  };

  test('numbers and ranges become URLs, each looked at', async () => {
    const input = await withTemplate({
      chunks: ['7480-7481'],
      overlapTemplate: `${base}Object/over_{chunk}.csv`,
      overlapChunks: [7480],
    });
    const { units } = await draftPlan(input, 'k', services);
    expect(
      [...units()]
        .filter((u) => u.table === 'Object')
        .map((u) => [u.chunk, u.overlap, u.sources[0]?.url, u.sources[0]?.expect]),
    ).toEqual([
      [7480, false, `${base}Object/7480.csv`, { bytes: 4, etag: '"e1"' }],
      [7480, true, `${base}Object/over_7480.csv`, { bytes: 4, etag: '"e1"' }],
      [7481, false, `${base}Object/7481.csv`, { bytes: 4, etag: '"e1"' }],
    ]);
  });

  test('faults', async () => {
    const input = await withTemplate({ chunks: [7482, 169, '169-169'] });
    await expect(draftPlan(input, 'k', services)).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      details: {
        faults: [
          { path: 'tables[0].contributions[0].chunks[1]', message: expect.stringMatching(/^169 is no chunk/) },
          { path: 'tables[0].contributions[0].chunks[2]', message: 'no chunk of this partitioning lies in 169-169' },
          { path: 'tables[0].contributions[0].chunks[0]', message: expect.stringMatching(/7482\.csv: .*404/) },
        ],
      },
    });
  });

  test('a source that breaks off is looked at again; one that stays broken is told by its path', async () => {
    const input = await example();
    input.tables[2].contributions = [{ files: [{ url: `${base}tired` }, { url: `${base}busy` }] }];
    await expect(draftPlan(input, 'k', services)).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      details: {
        faults: [
          {
            path: 'tables[2].contributions[0].files[1]',
            message: expect.stringMatching(/busy: the server answered 503/),
          },
        ],
      },
    });
    expect(tiredness).toBe(0);
  }, 20_000);

  test('where the server gives no length, the declared one counts', async () => {
    const input = await example();
    input.tables[2].contributions = [{ files: [{ url: `${base}endless`, bytes: 4 }] }];
    const { plan, units } = await draftPlan(input, 'k', services);
    expect(plan.summary.tables[2]).toMatchObject({ table: 'Filter', bytes: 4 });
    expect([...units()].at(-1)?.sources[0]?.expect).toEqual({ bytes: 4 });
  });

  test('http does not belong to files; the request id goes with the plan', async () => {
    const input = await example();
    input.requestId = 'nightly-7';
    expect((await draftPlan(input, 'k', services)).plan.summary.requestId).toBe('nightly-7');
    const [file] = input.tables[2].contributions[0].files;
    input.tables[2].contributions = [{ files: [file], http: {} }];
    const error = await draftPlan(input, 'k', services).catch((e) => e);
    expect(error.details.faults[0]).toEqual({
      path: 'tables[2].contributions[0].http',
      message: 'belongs to http(s) sources; remove it',
    });
  });
});

describe('what an earlier campaign committed', () => {
  /** Commits everything of the example but Filter on w2, as database `name`. */
  async function committed(name: string): Promise<Input> {
    const input = await example();
    input.database = { database: name, num_stripes: 85, num_sub_stripes: 12, overlap: 0.01667 };
    for (const table of input.tables) {
      const own = await definition(table.definition.$ref.replace(/table_|\.json/g, ''));
      table.definition = { ...own, database: name };
    }
    const { planId } = await planCampaign(input, 'first', services);
    await ledger.place(
      planId,
      0,
      1,
      new Map([
        [7480, ['w1']],
        [7310, ['w1']],
      ]),
      ['w1', 'w2'],
    );
    for (const unit of [0, 1, 2, 3, 4]) await ledger.recordLoaded(planId, 1, 'w1', unit, []);
    await ledger.hold(planId, 1, 'w2', 4, 'DISK_FULL', 'full');
    await ledger.settle(planId, 1, 'committed');
    return input;
  }

  test('is not planned again where it is complete', async () => {
    const input = await committed('again');
    expect(await planCampaign(input, 'second', services)).toMatchObject({
      units: 1,
      alreadyCommitted: 4,
      tables: [{ units: 0 }, { units: 0 }, { table: 'Filter', units: 1 }],
    });
  });

  test('and is not wanted, or not like that, is a fault', async () => {
    const input = await committed('changed');
    input.tables[0].contributions[0].pattern = 'chunk_(?<chunk>\\d+)(?<overlap>_overlap)\\.txt';
    input.tables[1].contributions[0].charset = 'utf8mb4';
    await expect(planCampaign(input, 'second', services)).rejects.toMatchObject({
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
    await ledger.forget('local', 'changed');
    expect(await planCampaign(input, 'third', services)).toMatchObject({ alreadyCommitted: 0, units: 4 });
  });
});

test('20,000 files', async () => {
  const many = join(folder, 'many');
  const chunks = Array.from({ length: 100 }, (_, i) => 7140 + i);
  for (const chunk of chunks) {
    await mkdir(join(many, String(chunk)), { recursive: true });
    await Promise.all(
      Array.from({ length: 200 }, (_, i) => writeFile(join(many, String(chunk), `part ${i}.csv`), 'x')),
    );
  }
  const input = await example();
  input.base = pathToFileURL(folder).href;
  input.database = { $ref: 'test101/database_test101.json' };
  input.tables = [
    {
      definition: { $ref: 'test101/table_Object.json' },
      contributions: [{ folder: 'many', pattern: '(?<chunk>\\d+)/part \\d+\\.csv' }],
    },
  ];
  input.transactionBytes = 500;
  const begin = performance.now();
  const summary = await planCampaign(input, 'many', services);
  console.info(`20,000 files planned in ${Math.round(performance.now() - begin)} ms`);
  expect(summary).toMatchObject({ units: 100, contributions: 20_000, bytes: 20_000, transactions: 40 });
  const [unit] = await ledger.units(summary.planId, [0]);
  expect(unit?.sources).toHaveLength(200);
  expect(unit?.sources[0]?.url).toBe(`${pathToFileURL(many).href}/7140/part%200.csv`);
}, 120_000);
