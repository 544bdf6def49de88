import type { ContributionChannel } from '../../../core/contribution-texts';
import type { IngestError } from '../../../core/errors';
import { stagingTable } from '../../../core/names';
import type { LoadOptions, LoadUnit } from '../../worker';
import type { Input, Preparation } from '../prepare';
import type { ContributionContext } from './context';

/** A contribution that is to be loaded. */
export interface Work {
  id: number;
  channel: ContributionChannel;
  /** Chunk as submitted. */
  chunk: number;
  place: LoadUnit;
  /** Table that the partition belongs to. */
  finalTable: string;
  /** The table's, in file order. */
  columns: string[];
  input: Input;
  maxNumWarnings: number;
  /** Reads that may follow one that failed. */
  retries: number;
  /** Nobody waits for it: it can go back into the queue. */
  isAsync: boolean;
  options: LoadOptions;
  /** Why the rows that are given broke off, if they did. */
  inputFailure?: () => IngestError | undefined;
}

/** One try at a contribution. */
export interface ContributionAttempt extends Preparation {
  /** What is exchanged with an empty partition. */
  plain: string;
  /** It cannot be cancelled any more. */
  isAttaching: boolean;
  /** Set by what failed when its rows may have been attached; its note tells how to find out. */
  unclear?: { failure: unknown };
}

export function newAttempt(worker: ContributionContext, work: Work): ContributionAttempt {
  const token = worker.attemptId();
  return {
    unit: work.place,
    finalTable: work.finalTable,
    token,
    staging: stagingTable(work.place, token),
    plain: stagingTable(work.place, `${token}x`),
    inputs: [work.input],
    columns: work.columns,
    quality: 'unchecked',
    maxNumWarnings: work.maxNumWarnings,
    options: work.options,
    files: [],
    stage: 'start',
    isAttaching: false,
  };
}
