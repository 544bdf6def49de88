import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { checkout } from '../../dev/files';
import { FOLDER_VARIABLE, processesOf } from '../../dev/identity';
import { claimRun, sweepRuns } from './runs';
import { privateDir } from './servers';

const IDLE = 'process.stdout.write("up"); setInterval(() => {}, 60_000)';
/** As a test does whose run was killed: it goes on, and makes its folder anew. */
const STUBBORN = `const { mkdirSync } = require('node:fs'); setInterval(() => mkdirSync(process.argv[1], { recursive: true }), 1);${IDLE}`;

/** A process that belongs to a run. */
async function processOf(dir: string, code: string): Promise<{ child: ChildProcess; gone: Promise<unknown> }> {
  const child = spawn(process.execPath, ['-e', code, join(dir, 'stack')], {
    env: { ...process.env, [FOLDER_VARIABLE]: join(dir, 'tests') },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const gone = once(child, 'close');
  await once(child.stdout as NodeJS.ReadableStream, 'data');
  return { child, gone };
}

test('whatever tests start belongs to the run', () => {
  expect(dirname(process.env[FOLDER_VARIABLE] ?? '')).toBe(process.env.QSERV_CAMPAIGNS_TEST_RUN);
});

test('with a run that was killed everything ends that it had started, and nothing comes back', async () => {
  const dir = privateDir('run');
  mkdirSync(dir);
  const { gone } = await processOf(dir, STUBBORN);
  const guard = spawn(process.execPath, [join(checkout, 'test', 'support', 'guard.mjs'), dir], {
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  guard.stdin.end();
  await once(guard, 'close');
  await gone;
  expect(existsSync(dir)).toBe(false);
});

test('what is left of runs without a keeper is swept, runs of others stay', async () => {
  const folder = privateDir('runs');
  const [mine, left, begun] = ['mine', 'left', 'begun'].map((name) => join(folder, name)) as [string, string, string];
  for (const dir of [mine, left, begun]) mkdirSync(join(dir, 'server'), { recursive: true });
  claimRun(mine, undefined);
  writeFileSync(join(left, 'keepers'), '999999999 1\n999999998 1');
  const orphan = await processOf(left, IDLE);
  const own = await processOf(mine, IDLE);
  await sweepRuns(folder);
  await orphan.gone;
  expect([mine, left, begun].map((dir) => existsSync(dir))).toEqual([true, false, true]);
  expect(processesOf(mine)).toEqual([own.child.pid]);
  own.child.kill();
  await own.gone;
});
