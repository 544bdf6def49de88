import { gc } from '../../test/support/gc';
import { Race } from './race';

test('the first of both, as a value or as a failure', async () => {
  const race = new Race(new Promise<string>(() => {}));
  expect(await race.with(Promise.resolve(1))).toBe(1);
  await expect(race.with(Promise.reject(new Error('it failed')))).rejects.toThrow('it failed');
});

test('the end: for whoever waits, and for whoever comes later', async () => {
  let end!: (value: string) => void;
  const race = new Race(
    new Promise<string>((resolve) => {
      end = resolve;
    }),
  );
  const waiting = [race.with(new Promise(() => {})), race.with(new Promise(() => {}))];
  end('over');
  expect(await Promise.all(waiting)).toEqual(['over', 'over']);
  expect(await race.with(new Promise(() => {}))).toBe('over');
});

test('an end that is a failure, of which nobody has to hear', async () => {
  let fail!: (error: Error) => void;
  const race = new Race(
    new Promise<never>((_, reject) => {
      fail = reject;
    }),
  );
  const waiting = race.with(new Promise(() => {}));
  fail(new Error('broken'));
  await expect(waiting).rejects.toThrow('broken');
  await expect(race.with(new Promise(() => {}))).rejects.toThrow('broken');
});

test('what an end was raced with is not kept until it comes', async () => {
  const race = new Race(new Promise<never>(() => {}));
  const outcome = async () => new WeakRef(await race.with(Promise.resolve({ rows: [1, 2, 3] })));
  const seen = await outcome();
  await new Promise((resolve) => setImmediate(resolve));
  gc();
  expect(seen.deref()).toBeUndefined();
});
