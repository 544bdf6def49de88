import { isRepublishOver, type RepublishProgress } from '../../api/campaign/progress';
import type { RepublishInput } from '../../api/campaign/republish';

/** How many requests are remembered: a request id that comes again within so many is the same request. */
const REMEMBERED = 500;
/** How many of them are shown. */
const SHOWN = 20;
/**
 * How many that are over keep their errors in full. An input's faults take 30 kB and more, and a run must hand all requests to
 * the next within Temporal's 2 MB (docs/design.md §7).
 */
const IN_FULL = 3;
/** Characters of the others' messages. */
const BRIEF = 300;

export interface RepublishBook {
  /** Every request that came, oldest first. */
  known: RepublishProgress[];
  /** Those whose turn has not come yet, in order. */
  waiting: { requestId: string; request: RepublishInput }[];
}

export const emptyBook = (): RepublishBook => ({ known: [], waiting: [] });

/** Enters a request. One whose id is known already changes nothing. */
export function enterRequest(book: RepublishBook, requestId: string, request: RepublishInput): RepublishBook {
  if (find(book, requestId) !== undefined) return book;
  const entry: RepublishProgress = { requestId, state: 'waiting', ...namesIn(request) };
  return { known: remembered([...book.known, entry]), waiting: [...book.waiting, { requestId, request }] };
}

/** Notes a request that is refused as it comes. */
export function refuseRequest(book: RepublishBook, requestId: string, message: string): RepublishBook {
  if (find(book, requestId) !== undefined) return book;
  const error = { code: 'INVALID_INPUT' as const, message };
  const entry: RepublishProgress = { requestId, state: 'refused', added: [], replaced: [], removed: [], error };
  return { ...book, known: remembered([...book.known, entry]) };
}

/** An id for a request that came without one. */
export function freeId(book: RepublishBook): string {
  let n = book.known.length + 1;
  while (find(book, `signal-${n}`) !== undefined) n++;
  return `signal-${n}`;
}

/** None of those that wait will have its turn. */
export function abortWaiting(book: RepublishBook, message: string): RepublishBook {
  const change = { state: 'aborted' as const, error: { code: 'CANCELLED' as const, message } };
  const known = book.known.map((entry) => (entry.state === 'waiting' ? { ...entry, ...change } : entry));
  return { known, waiting: [] };
}

export function find(book: RepublishBook, requestId: string): RepublishProgress | undefined {
  return book.known.find((entry) => entry.requestId === requestId);
}

export function update(book: RepublishBook, requestId: string, change: Partial<RepublishProgress>): RepublishBook {
  const known = book.known.map((entry) => (entry.requestId === requestId ? { ...entry, ...change } : entry));
  return { ...book, known: abridged(known) };
}

export function shown({ known }: RepublishBook): RepublishProgress[] {
  return known.slice(-SHOWN);
}

/** Only requests that are over are forgotten. */
function remembered(known: RepublishProgress[]): RepublishProgress[] {
  let tooMany = known.length - REMEMBERED;
  return abridged(known.filter((entry) => !(isRepublishOver(entry) && tooMany-- > 0)));
}

function abridged(known: RepublishProgress[]): RepublishProgress[] {
  let older = known.filter(({ error }) => error !== undefined).length - IN_FULL;
  return known.map((entry) => {
    if (entry.error === undefined || older-- <= 0) return entry;
    const { code, message } = entry.error;
    return { ...entry, error: { code, message: message.slice(0, BRIEF) } };
  });
}

/** Names of the tables as far as the request itself tells them: definitions in other files are not read here. */
function namesIn({ add = [], replace = [], remove = [] }: RepublishInput) {
  const names = (tables: typeof add) =>
    tables.flatMap(({ definition }) => ('table' in definition ? [String(definition.table)] : []));
  return { added: names(add), replaced: names(replace).map((table) => ({ table, gapMs: 0 })), removed: remove };
}
