import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openMetadata } from '../ingest/storage/metadata';
import { insertDatabase, insertFamily } from '../ingest/storage/metadata/databases';
import { insertTable } from '../ingest/storage/metadata/tables';
import { commandLine } from '../test/support/command-line';
import { freshDatabase, privateDir, sharedTemporal, uniqueName } from '../test/support/servers';

let folder: string;
let env: Record<string, string>;
let campaignFile: string;

beforeAll(async () => {
  folder = privateDir('cli');
  await cp(join(__dirname, '..', 'examples'), join(folder, 'examples'), { recursive: true });
  campaignFile = join(folder, 'examples/test101/campaign.json');
  const account = { host: '127.0.0.1', port: 3306, user: 'root' };
  const config = {
    defaultTarget: 'local',
    targets: { local: { kind: 'native', master: account, workers: [{ name: 'w1', mysql: account }] } },
    sources: { roots: { examples: join(folder, 'examples') } },
  };
  await writeFile(join(folder, 'config.json'), JSON.stringify(config));
  env = { QSERV_CAMPAIGNS_CONFIG: join(folder, 'config.json'), TEMPORAL_CONFIG_FILE: '/dev/null' };
});

const campaign = (args: string[], settings: Record<string, string> = env) => commandLine(args, settings);

/** A copy of the example with a change, in the example's folder. */
async function changed(change: (input: Record<string, unknown>) => void): Promise<string> {
  const input = JSON.parse(await readFile(campaignFile, 'utf8'));
  change(input);
  const file = join(folder, 'examples/test101', `${uniqueName('campaign')}.json`);
  await writeFile(file, JSON.stringify(input));
  return file;
}

describe('usage', () => {
  test('help lists commands and exit codes', async () => {
    const { exit, stdout } = await campaign(['--help']);
    expect(exit).toBe(0);
    for (const word of [
      'plan',
      'start',
      'status',
      'list',
      'close',
      'cancel',
      'retry',
      'skip',
      'abort',
      'delete',
      'Exit codes',
    ]) {
      expect(stdout).toContain(word);
    }
  });

  test.each([
    [['nonsense']],
    [['plan']],
    [['plan', 'a', '-o', 'xml']],
    [['list', '--limit', 'x']],
    [['close']],
    [['delete']],
  ])('%j is refused', async (args) => {
    expect(await campaign(args)).toMatchObject({ exit: 2, stdout: '' });
  });
});

describe('plan', () => {
  test('shows what would be loaded', async () => {
    const { exit, stdout } = await campaign(['plan', campaignFile]);
    expect(exit).toBe(0);
    expect(stdout.split('\n')).toEqual([
      'database test101 on local: the campaign is valid',
      '5 files, 3.7 MiB, 5 units in 1 super-transaction',
      '',
      'TABLE   KIND       UNITS  FILES  SIZE',
      'Object  director       3      3  1.3 MiB',
      'Source  dependent      1      1  2.4 MiB',
      'Filter  regular        1      1  75 B',
      '',
    ]);
  });

  test('as JSON, with the records at hand', async () => {
    const settings = { ...env, QSERV_POSTGRES_URL: await freshDatabase() };
    const { exit, stdout } = await campaign(['plan', campaignFile, '-o', 'json'], settings);
    expect(exit).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      database: 'test101',
      units: 5,
      alreadyCommitted: 0,
      transactions: [{ seq: 0, units: 5, contributions: 5, bytes: 3908163 }],
    });
  }, 60_000);

  test('goes on without records that do not answer', async () => {
    const settings = { ...env, QSERV_POSTGRES_URL: 'postgres://127.0.0.1:1/none' };
    const { exit, stderr } = await campaign(['plan', campaignFile], settings);
    expect(exit).toBe(0);
    expect(stderr).toMatch(/what is committed already cannot be told/);
  });

  test('lists every fault, a line each', async () => {
    const file = await changed((input) => Object.assign(input, { quality: 'good', keepOpen: 'yes' }));
    const { exit, stdout, stderr } = await campaign(['plan', file]);
    expect({ exit, stdout }).toEqual({ exit: 2, stdout: '' });
    expect(stderr.split('\n')).toEqual([expect.stringMatching(/^quality: /), expect.stringMatching(/^keepOpen: /), '']);
  });

  test('faults as JSON', async () => {
    const file = await changed((input) => {
      input.tables = [];
    });
    const { exit, stdout } = await campaign(['plan', '-o', 'json', file]);
    expect(exit).toBe(2);
    expect(JSON.parse(stdout).error).toMatchObject({
      code: 'INVALID_INPUT',
      details: { faults: [{ path: 'tables', message: 'a campaign needs at least one table' }] },
    });
  });

  test('without a base, paths start from the file, also without a configuration', async () => {
    const file = await changed((input) => delete input.base);
    expect(await campaign(['plan', file])).toMatchObject({ exit: 0 });
    expect(await campaign(['plan', file], { TEMPORAL_CONFIG_FILE: '/dev/null' })).toMatchObject({
      exit: 0,
      stderr: expect.stringMatching(/QSERV_CAMPAIGNS_CONFIG is not set: only .*test101 is a source root/),
    });
  });

  test('a file that is not there or is not JSON', async () => {
    expect(await campaign(['plan', join(folder, 'none.json')])).toMatchObject({ exit: 2 });
    await mkdir(join(folder, 'bad'), { recursive: true });
    await writeFile(join(folder, 'bad', 'x.json'), '{');
    expect((await campaign(['plan', join(folder, 'bad', 'x.json')])).stderr).toMatch(/cannot read .*x\.json/);
    await writeFile(join(folder, 'bad', 'y.json'), '[]');
    expect((await campaign(['plan', join(folder, 'bad', 'y.json')])).stderr).toMatch(/expected object, received array/);
  });
});

describe('delete', () => {
  test('without a terminal the name must be given, and be the right one', async () => {
    const asked = await campaign(['delete', 'test101', '--table', 'Source', '--table', 'Filter']);
    expect(asked).toMatchObject({ exit: 2, stdout: '' });
    expect(asked.stderr).toMatch(/^to be deleted: tables of database test101 on local: Source, Filter\n.*--confirm/s);
    expect(await campaign(['delete', 'test101', '--confirm', 'test110'])).toMatchObject({
      exit: 2,
      stderr: expect.stringContaining("'test110' is not 'test101': nothing was deleted"),
    });
  });

  test('says what would be gone, and every fault, if PostgreSQL tells', async () => {
    const url = await freshDatabase();
    const settings = { ...env, QSERV_POSTGRES_URL: url };
    const database = await registered(url);
    const { exit, stderr } = await campaign(['delete', database], settings);
    expect({ exit, lines: stderr.split('\n').slice(0, 4) }).toEqual({
      exit: 2,
      lines: [
        `to be deleted: database ${database} on local: 2 tables, 0 rows`,
        'TABLE   KIND       ROWS  LOADED',
        'Source  dependent     0  0 B',
        'Object  director      0  0 B',
      ],
    });
    const wrong = ['delete', database, '--table', 'Object', '--table', 'Filter', '--confirm', database];
    expect(await campaign(wrong, settings)).toMatchObject({
      exit: 2,
      stderr: expect.stringMatching(
        /^tables\[0\]: 'Object' is the director of Source.*\ntables\[1\]: there is no table/,
      ),
    });
  });
});

/** A database with a director and a dependent, in the records alone. */
async function registered(url: string): Promise<string> {
  const metadata = openMetadata(url, 1);
  const name = uniqueName('cli');
  try {
    await metadata.transaction(async (tx) => {
      await insertFamily(tx, { name: 'f', replicationLevel: 1, numStripes: 85, numSubStripes: 12, overlap: 0.1 });
      await insertDatabase(tx, { name, family: 'f', autoBuildDirectorIndex: true });
      const schema = [{ name: 'id', type: 'BIGINT NOT NULL' }];
      const keys = { directorKey: 'id', longitudeKey: 'ra', latitudeKey: 'decl' };
      await insertTable(tx, name, { name: 'Object', kind: 'director', schema, ...keys });
      await insertTable(tx, name, { name: 'Source', kind: 'dependent', schema, director: 'Object', directorKey: 'id' });
    });
  } finally {
    await metadata.close();
  }
  return name;
}

test('Temporal that does not answer', async () => {
  const { exit, stderr } = await campaign(['list'], { ...env, TEMPORAL_ADDRESS: '127.0.0.1:1' });
  expect(exit).toBe(4);
  expect(stderr).toMatch(/Temporal at 127\.0\.0\.1:1 does not answer/);
}, 60_000);

describe('with Temporal, before any worker runs', () => {
  let temporal: Record<string, string>;
  beforeAll(async () => {
    const { address, namespace } = await sharedTemporal();
    temporal = { ...env, TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace };
  }, 120_000);

  test('start once, be refused, be found, cancel', async () => {
    const name = uniqueName('cli');
    const file = await changed((input) => {
      input.database = { database: name, num_stripes: 85, num_sub_stripes: 12, overlap: 0.01667 };
    });
    const id = `ingest:local:${name}`;
    const started = await campaign(['start', file, '-o', 'json'], temporal);
    expect(started).toMatchObject({ exit: 0 });
    expect(JSON.parse(started.stdout)).toMatchObject({ workflowId: id, target: 'local', database: name });

    const again = await campaign(['start', file], temporal);
    expect(again).toMatchObject({ exit: 5, stderr: expect.stringContaining(`campaign ${id} runs already`) });

    const status = await campaign(['status', id, '-o', 'json'], temporal);
    expect(status).toMatchObject({ exit: 0, stderr: '' });
    expect(JSON.parse(status.stdout)).toMatchObject({ workflowId: id, status: 'RUNNING', progress: null });

    const found = await untilListed(id, temporal);
    expect(found).toMatchObject({ workflowId: id, status: 'RUNNING' });

    for (const command of ['retry', 'skip', 'close', 'abort', 'cancel']) {
      expect(await campaign([command, id], temporal)).toMatchObject({ exit: 0 });
    }
  }, 60_000);

  test('a campaign that is not there', async () => {
    for (const command of ['status', 'close', 'cancel', 'retry']) {
      expect(await campaign([command, 'ingest:local:none'], temporal)).toMatchObject({ exit: 6 });
    }
  }, 60_000);
});

/** Visibility lags behind. */
async function untilListed(id: string, settings: Record<string, string>): Promise<unknown> {
  for (;;) {
    const { stdout } = await campaign(['list', '--running', '-o', 'json'], settings);
    const found = JSON.parse(stdout).find((c: { workflowId: string }) => c.workflowId === id);
    if (found !== undefined) return found;
  }
}
