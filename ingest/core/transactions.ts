import { IngestError } from './errors';

/** Super-transaction states (Qserv's spelling). */
export const TRANSACTION_STATES = [
  'IS_STARTING',
  'STARTED',
  'IS_FINISHING',
  'IS_ABORTING',
  'FINISHED',
  'ABORTED',
  'START_FAILED',
  'FINISH_FAILED',
  'ABORT_FAILED',
] as const;
export type TransactionState = (typeof TRANSACTION_STATES)[number];

/** Allowed moves, docs/contract/storage.md §7. */
const TRANSACTION_MOVES: Record<TransactionState, readonly TransactionState[]> = {
  IS_STARTING: ['STARTED', 'START_FAILED', 'IS_ABORTING'],
  STARTED: ['IS_FINISHING', 'IS_ABORTING'],
  IS_FINISHING: ['FINISHED', 'FINISH_FAILED', 'IS_ABORTING'],
  IS_ABORTING: ['ABORTED', 'ABORT_FAILED'],
  START_FAILED: ['IS_ABORTING'],
  FINISH_FAILED: ['IS_ABORTING'],
  ABORT_FAILED: ['IS_ABORTING'],
  FINISHED: [],
  ABORTED: [],
};

/** True when nothing more can happen to the super-transaction. */
export function isEnded(state: TransactionState): boolean {
  return TRANSACTION_MOVES[state].length === 0;
}

/** How a super-transaction in this state can be ended, the way that keeps its rows first; nothing when it is ended. */
export function endingsOf(state: TransactionState): ('commit' | 'abort')[] {
  if (isEnded(state)) return [];
  return state === 'STARTED' || state === 'IS_FINISHING' ? ['commit', 'abort'] : ['abort'];
}

/** Throws ILLEGAL_STATE naming both ends when the move is not allowed. */
export function checkMove(id: number, from: TransactionState, to: TransactionState): void {
  if (TRANSACTION_MOVES[from].includes(to)) return;
  throw new IngestError('ILLEGAL_STATE', `super-transaction ${id} cannot go from ${from} to ${to}`, { id, from, to });
}

/** The timestamp that is set on entering a state, docs/contract/storage.md §7. */
export const TRANSACTION_TIMES = {
  IS_STARTING: 'begin_time',
  STARTED: 'start_time',
  IS_FINISHING: 'transition_time',
  IS_ABORTING: 'transition_time',
  FINISHED: 'end_time',
  ABORTED: 'end_time',
  START_FAILED: 'end_time',
  FINISH_FAILED: 'end_time',
  ABORT_FAILED: 'end_time',
} as const satisfies Record<TransactionState, string>;

/** Whether the director indexes took in the rows of a super-transaction, by table: what its log says last of each. */
export function indexesBuilt(log: readonly { name: string; data: Record<string, unknown> }[]): Map<string, boolean> {
  const ends = log.filter(({ name }) => name === 'end bld dir idx');
  return new Map(ends.map(({ data }) => [String(data.table), data.success === 1]));
}
