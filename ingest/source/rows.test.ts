import fc from 'fast-check';
import { RowCounter } from './rows';

/** The rule as a plain loop over characters. */
function rowsOf(text: string): number {
  let rows = 0;
  let backslashes = 0;
  let open = false;
  for (const character of text) {
    open = true;
    if (character === '\n' && backslashes % 2 === 0) {
      rows += 1;
      open = false;
    }
    backslashes = character === '\\' ? backslashes + 1 : 0;
  }
  return rows + (open ? 1 : 0);
}

test.each([
  ['', 0],
  ['a', 1],
  ['a\n', 1],
  ['\n', 1],
  ['a\\\nb\n', 1],
  ['a\\\\\nb\n', 2],
  ['"a\nb"\n', 2],
])('%j has %i rows', (text, rows) => {
  const counter = new RowCounter();
  counter.add(Buffer.from(text));
  expect(counter.rows).toBe(rows);
});

test('the same wherever chunks are cut', () => {
  const text = fc.array(fc.constantFrom('a', '\\', '\n', '"'), { maxLength: 40 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(fc.array(text, { maxLength: 6 }), (chunks) => {
      const counter = new RowCounter();
      for (const chunk of chunks) counter.add(Buffer.from(chunk));
      return counter.rows === rowsOf(chunks.join(''));
    }),
    { numRuns: 2000 },
  );
});
