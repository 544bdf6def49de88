import { setTimeout as sleep } from 'node:timers/promises';
import { IngestError } from '../../core/errors';

/** Seconds for which DDL on a final table is tried again while somebody's statement holds its metadata lock. */
export const DDL_BUSY_SECONDS = 30;

/**
 * Repeats a statement that met somebody's metadata lock (BUSY; DDL is sent with NOWAIT, so that it never queues in front of
 * readers) until it passes, or until it was BUSY for `seconds`.
 */
export async function whileBusy<T>(seconds: number, statement: () => Promise<T>): Promise<T> {
  const until = performance.now() + seconds * 1000;
  for (let pause = 5; ; pause = Math.min(pause * 2, 250)) {
    try {
      return await statement();
    } catch (error) {
      const busy = error instanceof IngestError && error.code === 'BUSY';
      if (!busy || performance.now() + pause > until) throw error;
    }
    await sleep(pause);
  }
}
