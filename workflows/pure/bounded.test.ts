import { bounded } from './bounded';

const tick = () => new Promise((resolve) => setImmediate(resolve));

test('runs every item once, never more than the limit per key', async () => {
  const items = Array.from({ length: 30 }, (_, i) => ({ i, key: i % 3 === 0 ? 'a' : 'b' }));
  const running: Record<string, number> = { a: 0, b: 0 };
  const peak: Record<string, number> = { a: 0, b: 0 };
  const seen: number[] = [];
  await bounded(
    items,
    2,
    (item) => item.key,
    async ({ i, key }) => {
      running[key] = (running[key] ?? 0) + 1;
      peak[key] = Math.max(peak[key] ?? 0, running[key]);
      await tick();
      seen.push(i);
      running[key]--;
    },
  );
  expect(seen.sort((x, y) => x - y)).toEqual(items.map((item) => item.i));
  expect(peak).toEqual({ a: 2, b: 2 });
});

test('the first failure stops new starts and is thrown after the others in work have ended', async () => {
  const started: number[] = [];
  const ended: number[] = [];
  const work = bounded(
    [1, 2, 3, 4, 5],
    2,
    () => '',
    async (n) => {
      started.push(n);
      if (n === 1) throw new Error('one');
      await tick();
      await tick();
      ended.push(n);
    },
  );
  await expect(work).rejects.toThrow('one');
  expect(started).toEqual([1, 2]);
  expect(ended).toEqual([2]);
});
