import { ApplicationFailure, condition, currentUpdateInfo } from '@temporalio/workflow';
import { isRepublishOver, type RepublishProgress } from '../api/campaign/progress';
import type { RepublishInput } from '../api/campaign/republish';
import type { PlannedRepublish } from '../ingest/campaign/republish';
import type { CatalogProgress } from './pure/progress';
import { requestFault } from './pure/republish';
import {
  abortWaiting,
  emptyBook,
  enterRequest,
  find,
  freeId,
  type RepublishBook,
  refuseRequest,
  shown,
  update,
} from './pure/republishes';

/** What a campaign knows of requests to republish; handed from run to run. */
export interface DeskState {
  book: RepublishBook;
  current?: CurrentRepublish;
}

/** The republish at work. */
interface CurrentRepublish {
  requestId: string;
  /** Until it is planned. */
  request?: RepublishInput;
  /** From then on: the plan says what to undo. */
  planned?: PlannedRepublish;
  /** The catalog is published with it; what is left is what was wished for after that. */
  carriedOut?: boolean;
  /** What the progress said of the catalog before it showed the plan's numbers. */
  before?: CatalogProgress;
}

/** Takes requests to republish, by signal or by update, and hands them out one at a time. */
export class RepublishDesk {
  private book: RepublishBook;
  private republish?: CurrentRepublish;

  constructor(
    state: DeskState | undefined,
    private readonly changed: (shown: RepublishProgress[]) => void,
  ) {
    this.book = state?.book ?? emptyBook();
    this.republish = state?.current;
  }

  get state(): DeskState {
    return { book: this.book, ...(this.republish ? { current: this.republish } : {}) };
  }

  /** What is shown of the requests. */
  get shown(): RepublishProgress[] {
    return shown(this.book);
  }

  get isWaitedFor(): boolean {
    return this.book.waiting.length > 0;
  }

  get isAtWork(): boolean {
    return this.republish !== undefined;
  }

  get current(): CurrentRepublish {
    if (!this.republish) throw new Error('no republish is at work');
    return this.republish;
  }

  get entry(): RepublishProgress {
    return find(this.book, this.current.requestId) as RepublishProgress;
  }

  /** Makes the first request that waits the current one; false when there is none. */
  next(): boolean {
    const [next, ...waiting] = this.book.waiting;
    if (next === undefined) return false;
    this.republish = next;
    this.write(update({ ...this.book, waiting }, next.requestId, { state: 'running' }));
    return true;
  }

  planned(planned: PlannedRepublish, before: CatalogProgress): void {
    const { requestId } = this.current;
    this.republish = { requestId, planned, before };
    const replaced = planned.replaces.map((table) => ({ table, gapMs: 0 }));
    this.note({ added: planned.adds, replaced, removed: planned.removes });
  }

  /** The current republish took place; it is `done` when what was wished for afterwards is done, too. */
  carriedOut(replaced: RepublishProgress['replaced']): void {
    this.republish = { ...this.current, carriedOut: true };
    this.note({ replaced });
  }

  /** Says more of the current republish. */
  note(change: Partial<RepublishProgress>): void {
    this.write(update(this.book, this.current.requestId, change));
  }

  /** The current republish is over. */
  end(change: Partial<RepublishProgress>): { entry: RepublishProgress; before?: CatalogProgress } {
    this.note(change);
    const { entry } = this;
    const { before } = this.current;
    this.republish = undefined;
    return { entry, before };
  }

  /** A signal has no reply: what is wrong with it is kept where people look. */
  signalled(request: RepublishInput): void {
    const fault = requestFault(request);
    const requestId = String(request?.requestId || freeId(this.book));
    this.write(
      fault === undefined ? enterRequest(this.book, requestId, request) : refuseRequest(this.book, requestId, fault),
    );
  }

  /** Of an update, before it is taken: what it refuses never gets into the history. */
  validate(request: RepublishInput, closing: boolean): void {
    const fault = closing ? 'the campaign is being closed; start one with "adopt": true' : requestFault(request);
    if (fault !== undefined) throw ApplicationFailure.nonRetryable(fault, 'INVALID_INPUT');
  }

  /** Answers when the request is over, or when the campaign is about to begin a new run. */
  async updated(request: RepublishInput, leaving: () => boolean): Promise<RepublishProgress> {
    const requestId = request.requestId || (currentUpdateInfo()?.id ?? '');
    this.write(enterRequest(this.book, requestId, request));
    const entry = () => find(this.book, requestId) as RepublishProgress;
    await condition(() => isRepublishOver(entry()) || leaving());
    return entry();
  }

  /** Takes the request whose turn would be next out of the queue. */
  abortNext(reason: string): void {
    const [next, ...waiting] = this.book.waiting;
    if (next === undefined) return;
    const error = { code: 'CANCELLED' as const, message: `aborted (${reason})` };
    this.write(update({ ...this.book, waiting }, next.requestId, { state: 'aborted', error }));
  }

  /** The campaign ends: whoever waits for a turn is told that it does not come. */
  giveUpWaiting(): void {
    if (this.isWaitedFor)
      this.write(abortWaiting(this.book, 'the campaign ended before its turn; nothing was changed'));
  }

  private write(book: RepublishBook): void {
    this.book = book;
    this.changed(this.shown);
  }
}
