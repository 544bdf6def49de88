import { setTimeout as sleep } from 'node:timers/promises';
import { sharedServers } from '../../../test/support/native';
import { dataServer } from '../../../test/support/registered';
import {
  type CatalogTable,
  cssOf,
  indexRows,
  loadNext,
  publishedCatalog,
  type Stack,
} from '../../../test/support/replacing';
import { freshDatabase } from '../../../test/support/servers';
import { chunkTable, replacementName } from '../../core/names';
import type { StepHook } from '../../core/steps';
import { quoteTable } from '../../storage/data/connection';
import { tableNames } from '../../storage/data/drop-tables';
import { type Metadata, openMetadata } from '../../storage/metadata';
import { NativeController } from './controller';
import { REPLACE_STEPS } from './replacements';

/**
 * What readers see while tables are replaced. One goes by the CSS metadata, before and after each read: READY both times, under the same
 * id, or the read does not count. At every step of the replacement publish waits until the readers have looked once more.
 */

jest.setTimeout(60_000);

const CHUNKS = [7480, 7310, 7140, 7141];
const OLD = { chunks: CHUNKS, rows: 100 };
const NEW = { chunks: CHUNKS, rows: 170 };
const REPLACED = ['Object', 'Source'] as const;

let metadata: Metadata;
let stack: Stack;
let hook: StepHook = () => {};

beforeAll(async () => {
  metadata = openMetadata(await freshDatabase());
  await metadata.migrate();
  const servers = await sharedServers();
  stack = {
    controller: new NativeController({
      target: 'test',
      servers,
      metadata,
      steps: (step, detail) => hook(step, detail),
    }),
    master: dataServer('master', servers.master),
    workers: new Map(servers.workers.map(({ name, mysql }) => [name, dataServer(name, mysql)])),
  };
});

afterAll(async () => {
  const { controller, master, workers } = stack;
  await Promise.all([controller, master, ...workers.values()].map((one) => one.close()));
  await metadata.close();
});

type Places = { chunk: number; worker: string }[];

/** Rows and columns of each final table of the table that queries would read, the director index and the shell. */
async function read(database: string, table: CatalogTable, places: Places): Promise<string[]> {
  const count = async (worker: string, name: string) => {
    const [row] = (await stack.workers
      .get(worker)
      ?.rows('read', `SELECT SUM(1) AS n, MAX(qserv_trans_id) AS id FROM ${quoteTable(database, name)}`)) ?? [{}];
    return `rows ${Number(row?.n) - Number(name.slice(-1))}`;
  };
  const seen: string[] = [];
  for (const { chunk, worker } of places) seen.push(await count(worker, chunkTable(table, chunk, false)));
  const shell = await stack.master.rows('shell', `SHOW COLUMNS FROM ${quoteTable(database, table)} LIKE 'added'`);
  seen.push(`rows ${shell.length === 0 ? OLD.rows : NEW.rows}`);
  if (table === 'Object') seen.push(`rows ${await indexRows(stack.master, database, table)}`);
  return seen;
}

const NAMES: Record<string, string> = { [`rows ${OLD.rows}`]: 'old', [`rows ${NEW.rows}`]: 'new' };

/** One look: 'old', 'new', 'hidden', 'changed' (the read does not count), or what is wrong. */
async function look(database: string, table: CatalogTable, places: Places): Promise<string> {
  const state = async () => (await cssOf(stack.master, database, table)).get('');
  const before = await state();
  if (before?.value !== 'READY') return 'hidden';
  const seen = await read(database, table, places).catch((error: Error) => [error.message]);
  const after = await state();
  if (after?.value !== 'READY' || after.id !== before.id) return 'changed';
  const kinds = [...new Set(seen.map((one) => NAMES[one] ?? one))];
  return kinds.length === 1 ? (kinds[0] as string) : `mixture: ${seen.join(', ')}`;
}

test('old rows, then none, then new rows, never a mixture; other tables all the time', async () => {
  const database = await publishedCatalog(stack, OLD);
  const places: Places = await stack.controller.chunks(database);
  await loadNext(stack, database, REPLACED, NEW);
  const seen: Record<string, string[]> = { Object: [], Source: [], both: [] };
  let others = 0;
  let looks = 0;
  let done = false;
  const reader = async () => {
    while (!done) {
      const found: string[] = [];
      for (const table of REPLACED) {
        const one = await look(database, table, places);
        found.push(one);
        seen[table]?.push(one);
      }
      seen.both?.push(found.join(' and '));
      for (const on of stack.workers.values()) {
        const [row] = await on.rows('read', `SELECT SUM(1) AS n FROM ${quoteTable(database, 'Filter')}`);
        expect(Number(row?.n)).toBe(OLD.rows % 47);
        others += 1;
      }
      expect((await cssOf(stack.master, database, 'Filter')).get('')?.value).toBe('READY');
      looks += 1;
    }
  };
  const reading = reader();
  const anotherLook = async () => {
    const from = looks;
    // One that had begun may end meanwhile: two more.
    while (looks < from + 2) await Promise.race([sleep(2), reading]);
  };
  const [first, second] = [...stack.workers.keys()];
  const renamedOn = async (worker = '') => {
    const names = await tableNames(stack.workers.get(worker) as never, database);
    return !names.some((name) => name.startsWith(replacementName('Object')));
  };
  const steps = new Set<string>();
  hook = async (step, { worker }) => {
    if (!step.startsWith('replace.')) return;
    steps.add(step);
    // One worker has the new tables, the other one the old ones.
    if (step === 'replace.rename' && worker === second) while (!(await renamedOn(first))) await sleep(2);
    await anotherLook();
  };
  await anotherLook();
  const { replaced } = await stack.controller.publish(database);
  await anotherLook();
  done = true;
  await reading;

  expect([...steps].sort()).toEqual([...REPLACE_STEPS].sort());
  expect(replaced.map(({ table }) => table)).toEqual([...REPLACED].sort());
  for (const { gapMs } of replaced) expect(gapMs).toBeGreaterThan(0);
  for (const table of REPLACED) {
    const counted = (seen[table] ?? []).filter((one) => one !== 'changed');
    const phases = counted.filter((one, i) => one !== counted[i - 1]);
    expect(phases).toEqual(['old', 'hidden', 'new']);
  }
  // Tables that are replaced together are never seen in different versions.
  expect(seen.both?.filter((both) => both.includes('old') && both.includes('new'))).toEqual([]);
  expect(others).toBeGreaterThan(0);
});
