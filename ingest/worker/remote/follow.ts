import { fromWireContribution } from '../../../api/qserv/contribution';
import { cancelFile, fileStatus } from '../../../api/qserv/worker/requests';
import type { Contribution } from '../../core/contributions';
import type { LoadOptions, LoadUnit } from '../worker';
import type { RemoteWorkerContext } from './context';
import { stateChecks } from './state';

/** How long the cancellation of a contribution that nobody waits for any more may take. */
const CANCEL_MS = 10_000;

/**
 * Waits until the contribution is over; returns its last state. Where waiting ends early, the contribution goes on, and is found by the
 * next attempt. It is cancelled only where there will be none, or `progress` throws: a real server forgets to write down that what was
 * queued is cancelled, and tells of it as IN_PROGRESS for ever, docs/contract/worker.md §4; of what it was about to load into something
 * that is gone it does, too. Hence the look at the super-transaction, which ends the waiting as `checkState`.
 */
export async function follow(
  context: RemoteWorkerContext,
  unit: LoadUnit,
  begun: Contribution,
  progress: (contribution: Contribution) => void,
  { signal, isGivenUp }: LoadOptions = {},
): Promise<Contribution> {
  let last = begun;
  const looks = context.looks(signal);
  const checkState = stateChecks(context, unit);
  const stopped = async (error: unknown) => {
    // Where the worker does not answer, the next attempt finds what goes on.
    await cancel(context, begun.id).catch(() => {});
    throw error;
  };
  while (last.status === 'IN_PROGRESS') {
    try {
      await looks.next();
      const { contrib } = await context.call(fileStatus, { params: { id: begun.id } }, { signal });
      last = fromWireContribution(contrib);
      if (last.status === 'IN_PROGRESS') await checkState();
    } catch (error) {
      if (signal?.aborted && isGivenUp?.()) return stopped(error);
      throw error;
    }
    try {
      progress(last);
    } catch (error) {
      return stopped(error);
    }
  }
  return last;
}

async function cancel(context: RemoteWorkerContext, id: number): Promise<void> {
  await context.call(cancelFile, { params: { id } }, { signal: AbortSignal.timeout(CANCEL_MS) });
}
