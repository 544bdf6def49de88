import { ActivityCancellationDetails } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { run } from './run';

const stopped = new ActivityCancellationDetails({ workerShutdown: true });

test('a worker that is being stopped hands back what listens to nobody', async () => {
  const environment = new MockActivityEnvironment();
  const ended = environment.run(() => run(() => new Promise<never>(() => {}))).catch((error) => error);
  environment.cancel('WORKER_SHUTDOWN', stopped);
  expect(await ended).toMatchObject({ type: 'UNAVAILABLE', nonRetryable: false });
});

test('what comes to its end meanwhile has its result', async () => {
  const environment = new MockActivityEnvironment();
  const ended = environment.run(() =>
    run(async ({ signal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      return 'done';
    }),
  );
  environment.cancel('WORKER_SHUTDOWN', stopped);
  expect(await ended).toBe('done');
});

test('what the workflow does not want any more is waited for', async () => {
  const environment = new MockActivityEnvironment();
  let end = (_: string) => {};
  const ended = environment.run(() => run(() => new Promise<string>((resolve) => (end = resolve))));
  environment.cancel();
  end('undone');
  expect(await ended).toBe('undone');
});
