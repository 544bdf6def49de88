import type { Worker } from '@temporalio/worker';

/**
 * Runs one worker process, of one or several queues, until it is told to stop (SIGINT, SIGTERM); says `ready` when it serves. When it cannot start, or
 * stops by itself, the process ends with an error: whoever supervises it starts it again.
 */
export async function serve(
  what: string,
  start: () => Promise<{ workers: Worker[]; close(): Promise<void> }>,
): Promise<void> {
  try {
    const { workers, close } = await start();
    const running = Promise.all(workers.map((worker) => worker.run()));
    console.log(`ready: ${what}`);
    await running;
    await close();
  } catch (error) {
    console.error(`${what}: ${error instanceof Error ? error.message : error}`);
    // Open pools would keep the process alive, doing nothing.
    process.exit(1);
  }
}
