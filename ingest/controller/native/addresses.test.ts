import { setTimeout as sleep } from 'node:timers/promises';
import { Addresses } from './addresses';

test('an address stays itself, a name that has none too', async () => {
  const addresses = new Addresses();
  expect(await addresses.of('10.0.0.13')).toBe('10.0.0.13');
  expect(await addresses.of('::1')).toBe('::1');
  expect(await addresses.of('localhost')).toBe('127.0.0.1');
  expect(await addresses.of('no-such-host.invalid')).toBe('no-such-host.invalid');
});

test('is looked up again after a while, without being waited for; the last one known holds until there is another', async () => {
  let now = 0;
  const asked: string[] = [];
  const answers = [async () => '10.0.0.1', async () => '10.0.0.2', () => Promise.reject(new Error('no answer'))];
  const addresses = new Addresses(
    (host) => {
      asked.push(host);
      return (answers.shift() as () => Promise<string>)();
    },
    () => now,
  );
  const both = () => Promise.all([addresses.of('w'), addresses.of('w')]);
  expect(await both()).toEqual(['10.0.0.1', '10.0.0.1']);
  now = 60_000;
  expect(await both()).toEqual(['10.0.0.1', '10.0.0.1']);
  await sleep(1);
  expect(await both()).toEqual(['10.0.0.2', '10.0.0.2']);
  expect(asked).toHaveLength(2);
  now = 120_000;
  await both();
  await sleep(1);
  expect(await both()).toEqual(['10.0.0.2', '10.0.0.2']);
  expect(asked).toHaveLength(3);
});
