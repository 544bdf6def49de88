import { planReads } from './index-chunks';

test('chunks are spread over the workers that have them, and read from preferred ones', () => {
  const on = (chunk: number, worker: string, preferred = true) => ({ chunk, worker, preferred });
  const both = [1, 2, 3, 4].flatMap((chunk) => [on(chunk, 'w1'), on(chunk, 'w2')]);
  const plan = planReads([...both, on(5, 'w1', false), on(5, 'w2'), on(6, 'w1', false)]);
  expect(plan).toEqual(
    new Map([
      ['w1', [1, 3, 6]],
      ['w2', [2, 4, 5]],
    ]),
  );
});

test('the chunks of the largest usual partitioning are planned at once', () => {
  // What copies a worker's list for each chunk of it takes minutes here, in which no other work of the process goes on.
  const chunks = Array.from({ length: 146_332 }, (_, chunk) => ({ chunk, worker: `w${chunk % 2}`, preferred: true }));
  expect([...planReads(chunks).values()].map((list) => list.length)).toEqual([73_166, 73_166]);
});
