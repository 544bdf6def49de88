import { setTimeout as pause } from 'node:timers/promises';
import type { Worker } from '@temporalio/worker';

/** How long a process that was told to stop waits for its connections to end, ms. */
const CLOSE_MS = 5_000;

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
    // What was handed back unfinished may keep its connections.
    const closed = close().then(() => true);
    if (!(await Promise.race([closed, pause(CLOSE_MS, false, { ref: false })]))) process.exit(0);
  } catch (error) {
    console.error(`${what}: ${error instanceof Error ? error.message : error}`);
    // Open pools would keep the process alive, doing nothing.
    process.exit(1);
  }
}
