import { PassThrough } from 'node:stream';
import { ask } from './confirm';

function terminal() {
  const [input, output] = [new PassThrough(), new PassThrough()];
  return { input, output, shown: () => String(output.read() ?? '') };
}

test('returns what was typed after the question', async () => {
  const { input, output, shown } = terminal();
  const answer = ask('Which? ', { input, output });
  input.write(' test101 \n');
  expect(await answer).toBe('test101');
  expect(shown()).toContain('Which? ');
});

test('a terminal that is closed is no answer', async () => {
  const { input, output } = terminal();
  const answer = ask('Which? ', { input, output });
  input.end();
  expect(await answer).toBe('');
});
