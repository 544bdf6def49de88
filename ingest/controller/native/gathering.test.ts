import { setTimeout as sleep } from 'node:timers/promises';
import { Gathering } from './gathering';

test('who comes during a round shares the next one; keys do not wait for each other', async () => {
  const rounds: number[][] = [];
  const doubled = new Gathering(async (numbers: number[]) => {
    rounds.push(numbers);
    await sleep(1);
    return numbers.map((n) => () => 2 * n);
  });
  expect(await Promise.all([1, 2, 3].map((n) => doubled.ask('a', n)))).toEqual([2, 4, 6]);
  expect(rounds).toEqual([[1], [2, 3]]);
  expect(await Promise.all(['a', 'b'].map((key) => doubled.ask(key, 4)))).toEqual([8, 8]);
  expect(rounds.slice(2)).toEqual([[4], [4]]);
});

test('a request fails alone, a round fails as a whole, and the next one is as good as the first', async () => {
  let broken = false;
  const checked = new Gathering(async (numbers: number[]) => {
    await sleep(1);
    if (broken) throw new Error('broken');
    return numbers.map((n) => () => {
      if (n < 0) throw new Error(`negative ${n}`);
      return n;
    });
  });
  const outcomes = (numbers: number[]) =>
    Promise.all(numbers.map((n) => checked.ask('a', n).catch((error: Error) => error.message)));
  expect(await outcomes([0, 1, -2, 3])).toEqual([0, 1, 'negative -2', 3]);
  broken = true;
  expect(await outcomes([1, 2])).toEqual(['broken', 'broken']);
  broken = false;
  expect(await outcomes([1, 2])).toEqual([1, 2]);
});
