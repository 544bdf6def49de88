import type { Worker } from '@temporalio/worker';

/** Runs one worker process until it is told to stop (SIGINT, SIGTERM); says `ready` when it serves. */
export async function serve(
  what: string,
  start: () => Promise<{ worker: Worker; close(): Promise<void> }>,
): Promise<void> {
  try {
    const { worker, close } = await start();
    const running = worker.run();
    console.log(`ready: ${what}`);
    await running;
    await close();
  } catch (error) {
    console.error(`${what}: ${error instanceof Error ? error.message : error}`);
    process.exitCode = 1;
  }
}
