import type { Contribution } from '../../core/contributions';
import { IngestError } from '../../core/errors';
import { shownUrl } from '../../core/shown-url';
import type { LoadUnit } from '../worker';
import type { RemoteWorkerContext } from './context';
import type { SentSource } from './sources';

/** What has become of one source. */
export interface SourceState {
  /** FINISHED, or the latest one. */
  contribution?: Contribution;
  /** Failed ones, and failed reads of any. */
  failures: number;
}

/** Contributions of one unit at this worker, by id. */
export async function contributionsOf(context: RemoteWorkerContext, unit: LoadUnit): Promise<Contribution[]> {
  const { transactionId, table, chunk, overlap } = unit;
  const filter = { transactionIds: [transactionId], worker: context.name, table, chunk };
  const all = await context.controller.contributions(filter);
  return all.filter((one) => one.overlap === overlap);
}

/** Rows of it are in the table, or may be. */
export function holdsRows({ status, retryAllowed }: Contribution): boolean {
  if (status === 'FINISHED' || status === 'IN_PROGRESS') return true;
  // Where nothing was begun, nothing is left, whatever may be done next.
  return !retryAllowed && status !== 'CREATE_FAILED' && status !== 'START_FAILED';
}

/**
 * Which contribution belongs to which source, by the URL as it is shown. Several sources with the same one are loaded one after the
 * other, so that each has what follows the FINISHED one of the source before it. ILLEGAL_STATE with `retryAllowed` false when there is
 * more in the unit than what was asked for.
 */
export function assign(unit: LoadUnit, sources: SentSource[], contributions: Contribution[]): SourceState[] {
  const states: SourceState[] = sources.map(() => ({ failures: 0 }));
  const waiting = new Map<string, number[]>();
  for (const [i, { shown }] of sources.entries()) waiting.set(shown, [...(waiting.get(shown) ?? []), i]);
  for (const contribution of contributions) {
    const shown = shownUrl(contribution.url);
    const [next] = waiting.get(shown) ?? [];
    if (next === undefined) {
      if (holdsRows(contribution)) throw loadedOtherwise(unit, contribution, waiting.has(shown));
      continue;
    }
    const state = states[next] as SourceState;
    state.contribution = contribution;
    state.failures += contribution.numFailedRetries;
    if (contribution.status === 'FINISHED') waiting.get(shown)?.shift();
    else if (contribution.status !== 'IN_PROGRESS' && contribution.status !== 'CREATE_FAILED') state.failures += 1;
  }
  return states;
}

function loadedOtherwise(unit: LoadUnit, contribution: Contribution, again: boolean): IngestError {
  const url = shownUrl(contribution.url);
  const what = again
    ? `${url} was loaded more than once`
    : `the unit was loaded from other sources, ${url} among them,`;
  const details = { unit, loaded: [url], contribution: contribution.id, retryAllowed: false };
  return new IngestError('ILLEGAL_STATE', `${what} in this super-transaction: abort it`, details);
}
