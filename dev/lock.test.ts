import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { privateDir } from '../test/support/servers';
import { ownIdentity } from './identity';
import { withLock } from './lock';

test('one at a time, and the file goes away', async () => {
  const path = join(privateDir('lock'), 'lock');
  let inside = 0;
  let most = 0;
  const work = async () => {
    most = Math.max(most, ++inside);
    await sleep(5);
    inside--;
  };
  await Promise.all(Array.from({ length: 5 }, () => withLock(path, work)));
  expect(most).toBe(1);
  expect(existsSync(path)).toBe(false);
});

test('an error inside gives the lock back', async () => {
  const path = join(privateDir('lock'), 'lock');
  await expect(withLock(path, () => Promise.reject(new Error('inside')))).rejects.toThrow('inside');
  expect(await withLock(path, async () => 'free')).toBe('free');
});

test.each([
  ['a process that died', '999999999 1'],
  ['an earlier process that had the id of a live one', `${process.pid} 1`],
])('takes the lock over from %s, once', async (_, holder) => {
  const dir = privateDir('lock');
  const path = join(dir, 'lock');
  mkdirSync(dir);
  writeFileSync(path, holder);
  let inside = 0;
  const work = async () => {
    expect(++inside).toBe(1);
    await sleep(20);
    inside--;
  };
  await Promise.all([withLock(path, work), withLock(path, work), withLock(path, work)]);
});

test('tells whom it waits for', async () => {
  const path = join(privateDir('lock'), 'lock');
  const told: number[] = [];
  await withLock(path, async () => {
    const second = withLock(
      path,
      async () => {},
      (pid) => told.push(pid),
    );
    await sleep(150);
    expect(told).toEqual([Number.parseInt(ownIdentity(), 10)]);
    void second;
  });
});
