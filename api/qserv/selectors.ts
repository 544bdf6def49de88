import { z } from 'zod';
import { CONTRIBUTION_STATUSES } from '../../ingest/core/contributions';
import { TRANSACTION_STATES } from '../../ingest/core/transactions';

/** Comma list of some of the words, or `!` and one of `negated`: all but it. Empty: undefined, any will do. */
function selector<Word extends string>(
  words: readonly Word[],
  negated: readonly Word[],
  unknown: (word: string) => string,
) {
  return z.string().transform((text, context): Word[] | undefined => {
    const but = negated.find((word) => text === `!${word}`);
    if (but !== undefined) return words.filter((word) => word !== but);
    const given = text.split(',').filter((word) => word !== '');
    const bad = given.find((word) => !(words as readonly string[]).includes(word));
    if (bad !== undefined) context.addIssue({ code: 'custom', message: unknown(bad) });
    return given.length === 0 ? undefined : (given as Word[]);
  });
}

/** Query parameters `trans_state` and `contrib_status`, docs/contract/controller.md §6.3. */
export const stateSelector = selector(
  TRANSACTION_STATES,
  ['STARTED', 'FINISHED'],
  (word) => `DatabaseServices::string2state  unknown transaction state: '${word}'`,
);
export const statusSelector = selector(
  CONTRIBUTION_STATUSES,
  ['IN_PROGRESS', 'FINISHED'],
  (word) => `DatabaseServices::str2status  unknown status name: ${word}`,
);
