import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { countCatalog } from '../../dev/catalog-counts';
import { checkout } from '../../dev/files';
import { CampaignStack } from '../support/campaign-stack';
import { commandLine } from '../support/command-line';

/** The command line against a whole stack. */

const EXAMPLE = join(checkout, 'examples', 'test101');

let stack: CampaignStack;
let folder: string;

beforeAll(async () => {
  stack = await CampaignStack.start({});
  folder = join(stack.stack.dir, 'inputs');
  await mkdir(folder, { recursive: true });
}, 180_000);
afterAll(() => stack?.stop(), 60_000);

/** With the settings that the stack leaves in its folder for command lines of its checkout. */
async function campaign(...args: string[]) {
  const settings = await readFile(join(stack.stack.dir, 'environment.json'), 'utf8');
  return commandLine(args, JSON.parse(settings));
}

// biome-ignore lint/suspicious/noExplicitAny: tests change inputs at will
type Input = any;

/** A campaign file: the example under another database's name, changed. */
async function inputFile(database: string, change: (input: Input) => void = () => {}): Promise<string> {
  const input: Input = JSON.parse(await readFile(join(EXAMPLE, 'campaign.json'), 'utf8'));
  input.database = { database, num_stripes: 85, num_sub_stripes: 12, overlap: 0.01667 };
  for (const table of input.tables) {
    table.definition = JSON.parse(await readFile(join(EXAMPLE, table.definition.$ref), 'utf8'));
    delete table.definition.database;
  }
  input.waits = { progressSeconds: 0.2, retryFirstSeconds: 0.1 };
  change(input);
  const file = join(folder, `${database}.json`);
  await writeFile(file, JSON.stringify(input));
  return file;
}

/** Filter's file read with the wrong separator: bad rows on both workers. */
function spoil(input: Input): void {
  input.tables[2].contributions[0].dialect = { fieldsTerminatedBy: ',' };
}

const waitFor = (database: string, phase: 'held' | 'published') => stack.until(`ingest:local:${database}`, [phase]);

async function eventually(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(100);
}

test('start --wait returns when published; status, close and the second campaign of the database', async () => {
  const file = join(EXAMPLE, 'campaign.json');
  const id = 'ingest:local:test101';
  const started = await campaign('start', file, '--wait', '-o', 'json');
  expect(started).toMatchObject({ exit: 0, stderr: expect.stringContaining(`${id}: published`) });
  const progress = JSON.parse(started.stdout);
  expect(progress).toMatchObject({ workflowId: id, phase: 'published', published: true, heldTotal: 0 });
  expect(progress.tables.map((t: Input) => [t.table, t.unitsDone, t.rows])).toEqual([
    ['Object', 3, 1157],
    ['Source', 1, 4583],
    ['Filter', 2, 18],
  ]);

  expect(await campaign('start', file)).toMatchObject({ exit: 5, stderr: expect.stringContaining(id) });
  expect(await campaign('start', file, '--id', 'another', '--wait')).toMatchObject({
    exit: 5,
    stderr: expect.stringContaining(`is held by workflow ${id}`),
  });

  expect(await campaign('status')).toMatchObject({ exit: 0, stdout: expect.stringContaining(`${id}: published`) });
  expect((await campaign('plan', file)).stdout).toContain('5 units more are committed already');
  expect(await campaign('skip', id)).toMatchObject({
    exit: 5,
    stderr: expect.stringContaining('is published: nothing'),
  });
  expect(await campaign('close', id, '--wait')).toMatchObject({ exit: 0, stdout: `${id}: has ended\n` });
  expect((await campaign('status', id)).stdout).toContain(`${id}: closed`);
  expect(await campaign('close', id)).toMatchObject({ exit: 5 });
  expect(await campaign('status')).toMatchObject({ exit: 6 });

  expect(await campaign('start', file, '--wait')).toMatchObject({
    exit: 2,
    stderr: expect.stringContaining("database.database: 'test101' is published already"),
  });
}, 120_000);

describe('republish', () => {
  const database = 'republished';
  const id = `ingest:local:${database}`;

  /** The example's request for this database, changed. */
  async function request(change: (request: Input) => void = () => {}): Promise<string> {
    const input: Input = JSON.parse(await readFile(join(EXAMPLE, 'republish.json'), 'utf8'));
    for (const table of [...input.add, ...input.replace]) {
      table.definition = JSON.parse(await readFile(join(EXAMPLE, table.definition.$ref), 'utf8'));
      delete table.definition.database;
    }
    change(input);
    const file = join(folder, `republish-${++requests}.json`);
    await writeFile(file, JSON.stringify(input));
    return file;
  }
  let requests = 0;

  beforeAll(async () => {
    await campaign('start', await inputFile(database), '--wait');
  }, 120_000);

  test('what is wrong is refused, and nothing is changed', async () => {
    const faulty = await request((input) => {
      input.add[0].contributions[0].files[0].bytes = 1;
      input.replace[0].contributions[0].files[0].url = 'nothing.txt';
    });
    const refused = await campaign('republish', id, faulty, '--request-id', 'faulty');
    expect(refused).toMatchObject({ exit: 2, stdout: '' });
    expect(refused.stderr).toMatch(/^add\[0\]\.contributions\[0\]\.files\[0\].*: .*bytes/m);
    expect(refused.stderr).toMatch(/^replace\[0\]\.contributions\[0\]\.files\[0\].*: /m);

    const corrected = await campaign('republish', id, await request(), '--request-id', 'faulty');
    expect(corrected).toMatchObject({ exit: 2, stderr: expect.stringContaining('under another --request-id') });

    const keyless = await campaign('republish', id, await request(), '--request-id', 'keyless', '--admin-key', 'PATH');
    expect(keyless).toMatchObject({ exit: 5, stderr: expect.stringContaining('PATH is not a key') });
    expect(await campaign('republish', id, await request((input) => (input.adminKey = 's3cret')))).toMatchObject({
      exit: 2,
      stderr: expect.stringMatching(/^adminKey: name an environment variable/),
    });
    expect(await campaign('republish', 'ingest:local:none', await request())).toMatchObject({ exit: 6 });
    const { stdout } = await campaign('status', id);
    expect(stdout).toMatch(/republish faulty: refused\n.*republish keyless: refused/s);
    expect(stdout).toMatch(/Source +dependent +1 +1 +0 +4,583/);
  }, 120_000);

  test('a table is replaced, another one added; the gap is printed; sent again it is the same republish', async () => {
    const file = await request();
    const done = await campaign('republish', id, file);
    // It looks now and then, and tells the phases that it finds: a short one may pass unseen.
    const phases = new RegExp(
      `^(${id}: (planning|registering|ingesting|verifying|publishing|finishing|published)\n)+$`,
    );
    expect(done).toMatchObject({ exit: 0, stderr: expect.stringMatching(phases) });
    expect(done.stdout).toMatch(
      /^republish test101-corrected-sources: done\n {2}add Exposure\n {2}replace Source, out of sight for \d+ ms\n$/,
    );
    const again = await campaign('republish', id, file, '-o', 'json');
    expect(JSON.parse(again.stdout)).toMatchObject({
      ...{ workflowId: id, requestId: 'test101-corrected-sources', state: 'done' },
      ...{ added: ['Exposure'], replaced: [{ table: 'Source', gapMs: expect.any(Number) }], removed: [] },
    });
    const workers = [...stack.stack.workers.values()].map(({ mysql }) => mysql);
    expect(
      await countCatalog(workers, database, [
        { name: 'Object', isPartitioned: true },
        { name: 'Source', isPartitioned: true },
        { name: 'Exposure', isPartitioned: false },
      ]),
    ).toEqual({
      published: true,
      tables: {
        Object: { rows: 1000, overlap: 157 },
        Source: { rows: 4217, overlap: 0 },
        Exposure: { rows: 23, workers: 2 },
      },
    });

    const removing = await request((input) => {
      Object.assign(input, { add: [], replace: [], remove: ['Exposure'], requestId: undefined });
    });
    const taken = await campaign('republish', id, removing, '--request-id', 'later', '--no-wait');
    expect(taken).toMatchObject({ exit: 0, stdout: expect.stringContaining('request later was taken') });
    await eventually(async () => (await campaign('status', id)).stdout.includes('republish later: done'));
    expect(await campaign('close', id, '--wait')).toMatchObject({ exit: 0 });
    expect(await campaign('republish', id, file)).toMatchObject({
      exit: 5,
      stderr: expect.stringContaining('has ended'),
    });
  }, 120_000);
});

test('held units: status names them, retry tries again, skip goes on without', async () => {
  const id = 'ingest:local:held';
  expect(await campaign('start', await inputFile('held', spoil))).toMatchObject({ exit: 0 });
  await waitFor('held', 'held');
  const status = await campaign('status', id);
  expect(status.stdout).toMatch(/held: 2 units\nwhen the cause is gone: campaign retry ingest:local:held;/);
  expect(status.stdout).toMatch(/Filter on w1: BAD_ROWS: .*Filter\.csv/);

  expect(await campaign('retry', id)).toMatchObject({ exit: 0 });
  // Held again: only after the retry's super-transaction is a decision asked for anew.
  await eventually(async () => {
    const { phase, transactions } = await stack.progress(id);
    return phase === 'held' && transactions.committed === 2;
  });
  expect(await campaign('skip', id)).toMatchObject({ exit: 0 });
  expect(await waitFor('held', 'published')).toMatchObject({ heldTotal: 0 });
}, 120_000);

test('onFailure abort fails the campaign; the next one loads only what is missing', async () => {
  const aborting = await inputFile('mended', (input) => {
    spoil(input);
    input.onFailure = 'abort';
  });
  const failed = await campaign('start', aborting, '--wait', '-o', 'json');
  expect(failed.exit).toBe(3);
  expect(JSON.parse(failed.stdout).error).toMatchObject({
    code: 'BAD_ROWS',
    message: expect.stringContaining('Filter'),
  });

  const mended = await campaign('start', await inputFile('mended'), '--wait', '-o', 'json');
  expect(mended.exit).toBe(0);
  expect(JSON.parse(mended.stdout)).toMatchObject({ published: true, totals: { units: 2, alreadyCommitted: 4 } });
}, 120_000);

test('cancel and abort say what was undone', async () => {
  for (const command of [['cancel'], ['abort', '--reason', 'enough']] as const) {
    const name = `stopped_${command[0]}`;
    const id = `ingest:local:${name}`;
    const file = await inputFile(name, (input) => {
      spoil(input);
      input.rollback = 'all';
    });
    await campaign('start', file);
    await waitFor(name, 'held');
    const stopped = await campaign(...command, id, '--wait', '-o', 'json');
    expect(stopped.exit).toBe(0);
    expect(JSON.parse(stopped.stdout)).toEqual({
      workflowId: id,
      sent: command[0],
      ended: true,
      undone: ['dropped table Filter', 'dropped table Source', 'dropped table Object'],
    });
    expect((await campaign('status', id)).stdout).toContain('dropped table Object');
  }
  const { stdout } = await campaign('list', '-o', 'json');
  const phases = JSON.parse(stdout).map((c: Input) => [c.database, c.phase]);
  expect(phases).toEqual(
    expect.arrayContaining([
      ['stopped_cancel', 'aborted'],
      ['stopped_abort', 'aborted'],
    ]),
  );
}, 120_000);

test('a paths-only input: relative to its file, which must lie under a source root', async () => {
  const file = await inputFile('outside', (input) => {
    delete input.base;
  });
  expect(await campaign('start', file, '--wait')).toMatchObject({
    exit: 2,
    stderr: expect.stringMatching(/^tables\[0\]\.contributions\[0\]\.folder: .* lies outside the source roots/m),
  });
}, 60_000);
