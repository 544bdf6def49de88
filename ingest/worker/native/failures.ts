import type { ContributionStatus } from '../../core/contributions';
import type { IngestError } from '../../core/errors';
import type { ContributionFailure } from '../../storage/metadata/load-contributions';
import type { LoadWarning } from '../worker';
import type { Attempt } from './attempt';

/** Stages of docs/contract/worker.md §7. */
export type FailureStage = 'start' | 'read' | 'load';

const STATUS: Record<FailureStage, ContributionStatus> = {
  start: 'START_FAILED',
  read: 'READ_FAILED',
  load: 'LOAD_FAILED',
};

/**
 * How each contribution of a failed attempt ended. The one at fault gets the error and the stage; the others were not loaded
 * because of it, and are CANCELLED.
 */
export function failuresOf(attempt: Attempt, error: IngestError): ContributionFailure[] {
  const faulty = attempt.files.length - 1;
  const status = error.code === 'CANCELLED' ? 'CANCELLED' : STATUS[attempt.stage];
  const all = error.code === 'CANCELLED' || attempt.stage === 'start' || faulty < 0 || error.details.wholeUnit === true;
  const retryAllowed = error.details.retryAllowed !== false;
  return attempt.contributions.map((id, i) => {
    const file = attempt.files[i];
    const own = all || i === faulty;
    return {
      id,
      status: own ? status : 'CANCELLED',
      error: own
        ? error.message
        : `not loaded, because contribution ${attempt.contributions[faulty]} of its unit failed`,
      httpError: own ? whole(error.details.httpError) : 0,
      systemError: own ? whole(error.details.systemError) : 0,
      retryAllowed,
      bytes: file?.counts().bytes ?? 0,
      rows: file?.counts().rows ?? 0,
      readTime: file ? file.readTime || Date.now() : 0,
      loadTime: own && status === 'LOAD_FAILED' ? Date.now() : 0,
      numWarnings: own ? whole(error.details.numWarnings) : 0,
      warnings: own && Array.isArray(error.details.warnings) ? (error.details.warnings as LoadWarning[]) : [],
    };
  });
}

function whole(value: unknown): number {
  return typeof value === 'number' && Number.isInteger(value) ? value : 0;
}
