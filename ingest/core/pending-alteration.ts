import { type ShownColumn, sameColumns } from './altered-columns';
import type { ColumnDefinition } from './tables';

/** A change of a published table that not all of its final tables have yet. */
export interface PendingAlteration {
  /** What follows the table's name. */
  spec: string;
  /** The columns of the master's table, and of every other one, before the change and after it. */
  before: ShownColumn[];
  after: ShownColumn[];
  /** Columns that the record of the table gets when all have it. */
  columns: ColumnDefinition[];
  /** It takes an unfinished change back: `after` is what the record has. */
  undoes: boolean;
  /** Final tables may be in either state, though the master's table is as before. */
  mixed: boolean;
}

/**
 * The change to note when another one may be noted. Before anything of that one was done it is forgotten; later only a change between
 * the same two states is possible, as no final table may come to have a third one. Undefined when this one is not such a change.
 */
export function nextAlteration(
  noted: PendingAlteration | undefined,
  asked: Pick<PendingAlteration, 'spec' | 'before' | 'after' | 'columns'>,
  recorded: ColumnDefinition[],
): PendingAlteration | undefined {
  const { before, after } = asked;
  if (noted === undefined || (!noted.mixed && sameColumns(before, noted.before))) {
    return { ...asked, undoes: false, mixed: false };
  }
  const back = sameColumns(before, noted.after);
  if (!sameColumns(after, back ? noted.before : noted.after)) return undefined;
  const undoes = back !== noted.undoes;
  return { ...asked, columns: undoes ? recorded : asked.columns, undoes, mixed: true };
}

/** Whether a table with these columns lacks the change. Undefined when they are neither those before it nor those after it. */
export function lacksAlteration(columns: ShownColumn[], { before, after }: PendingAlteration): boolean | undefined {
  // A change that leaves the columns as they are can be made twice.
  if (sameColumns(columns, before)) return true;
  return sameColumns(columns, after) ? false : undefined;
}
