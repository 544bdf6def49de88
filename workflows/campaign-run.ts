import { defineSearchAttributeKey } from '@temporalio/common';
import {
  type SignalDefinition,
  setCurrentDetails,
  setDefaultSignalHandler,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { CampaignPhase, CampaignProgress, RepublishProgress } from '../api/campaign/progress';
import type { RepublishInput } from '../api/campaign/republish';
import type { PlanSummary } from '../ingest/campaign/ledger';
import type { PlannedRepublish } from '../ingest/campaign/republish';
import type { CampaignSettings } from '../ingest/campaign/settings';
import * as messages from './messages';
import { controllerActivities } from './proxies';
import { details } from './pure/details';
import { catalogProgress, initialProgress, withLedger, withPlan, withRepublished, withSettings } from './pure/progress';
import { type DeskState, RepublishDesk } from './republish-desk';

const SEARCH = {
  database: defineSearchAttributeKey('CampaignDatabase', 'KEYWORD'),
  phase: defineSearchAttributeKey('CampaignPhase', 'KEYWORD'),
  owner: defineSearchAttributeKey('CampaignOwner', 'KEYWORD'),
};

/** How many lines about what was done after publishing are kept, over all republishes. */
const MOST_FINISHED = 200;

/** What one run of a campaign hands to the next. */
export interface ContinuedCampaign {
  settings: CampaignSettings;
  progress: CampaignProgress;
  closing: boolean;
  desk: DeskState;
}

/** The state of a running campaign, and all that is visible of it. */
export class CampaignRun {
  progress: CampaignProgress;
  settings?: CampaignSettings;
  /** `close` was asked for. */
  closing = false;
  /** The run is about to end: updates that wait are answered. */
  leaving = false;
  /** What to do with what is held, once somebody has said it. */
  decision?: 'retry' | 'skip';
  abortReason?: string;
  /** Set while a republish is at work in this run. An abort that comes before leaves its reason to it. */
  stopRepublish?: () => void;
  /** Super-transactions that their own workflows aborted when they were cancelled. */
  private abortedByChildren: number[] = [];
  /** The ledger may say more than `progress`. */
  news = false;
  /** Where requests to republish come in. */
  readonly desk: RepublishDesk;

  constructor(continued?: ContinuedCampaign) {
    this.progress = continued?.progress ?? initialProgress(workflowInfo().workflowId);
    this.settings = continued?.settings;
    this.closing = continued?.closing ?? false;
    this.desk = new RepublishDesk(continued?.desk, (republishes) => {
      this.progress = { ...this.progress, republishes };
      this.show();
    });
    this.progress = { ...this.progress, republishes: this.desk.shown };
    this.show();
  }

  /** Puts the handlers up; `onAbort` stops the work. */
  listen(onAbort: () => void): void {
    const { DESCRIPTIONS } = messages;
    setHandler(messages.progressQuery, () => this.progress, { description: DESCRIPTIONS.progress });
    const { republish: description } = DESCRIPTIONS;
    const signals = [
      [messages.closeSignal, () => this.close(), DESCRIPTIONS.close],
      [messages.retrySignal, () => this.decide('retry'), DESCRIPTIONS.retry],
      [messages.skipSignal, () => this.decide('skip'), DESCRIPTIONS.skip],
      [messages.abortSignal, (reason: unknown) => this.abort(reason, onAbort), DESCRIPTIONS.abort],
      [messages.newsSignal, (aborted: unknown) => this.hear(aborted), DESCRIPTIONS.ledgerChanged],
      [messages.republishSignal, (request: RepublishInput) => this.desk.signalled(request), description],
    ] as const;
    // What came before this run began is taken in the order in which it came, and not in that of the handlers.
    const byName = new Map<string, (value: never) => void>(signals.map(([{ name }, handle]) => [name, handle]));
    setDefaultSignalHandler((name, value) => byName.get(name)?.(value as never));
    for (const [signal, handle, description] of signals) {
      setHandler(signal as SignalDefinition<unknown[]>, handle as (value: unknown) => void, { description });
    }
    setDefaultSignalHandler(undefined);
    setHandler(messages.republishUpdate, (request) => this.desk.updated(request, () => this.leaving), {
      description,
      validator: (request) => this.desk.validate(request, this.closing),
    });
  }

  get ready(): CampaignSettings {
    if (!this.settings) throw new Error('the campaign has no settings yet');
    return this.settings;
  }

  get planId(): string {
    if (this.progress.planId === null) throw new Error('the campaign has no plan yet');
    return this.progress.planId;
  }

  get activities() {
    return controllerActivities(this.settings?.waits);
  }

  /** How activities name this campaign. */
  get ref() {
    const { target, database, workflowId } = this.progress;
    return { target, database, workflowId };
  }

  get claim() {
    return { ...this.ref, firstRunId: workflowInfo().firstExecutionRunId };
  }

  opened(settings: CampaignSettings): void {
    this.settings = settings;
    this.progress = withSettings(this.progress, settings);
    const attributes = [{ key: SEARCH.database, value: settings.database }];
    if (settings.owner !== '') attributes.push({ key: SEARCH.owner, value: settings.owner });
    upsertSearchAttributes(attributes);
  }

  planned(plan: PlanSummary): void {
    this.progress = withPlan(this.progress, plan);
    this.show();
  }

  enter(phase: CampaignPhase, more: Partial<CampaignProgress> = {}): void {
    this.progress = { ...this.progress, ...more, phase };
    upsertSearchAttributes([{ key: SEARCH.phase, value: phase }]);
    this.show();
  }

  /** Reads the ledger and shows what it says. */
  async refresh() {
    this.news = false;
    const report = await this.activities.readLedger({ ...this.ref, planId: this.planId });
    this.progress = withLedger(this.progress, report);
    this.show();
    return report;
  }

  hear(aborted: unknown = []): void {
    this.news = true;
    // Anybody can send this signal, with anything in it.
    if (Array.isArray(aborted)) this.abortedByChildren.push(...aborted);
  }

  /** What children undid so far, a line each; told once. */
  takeAborted(): string[] {
    const ids = this.abortedByChildren;
    this.abortedByChildren = [];
    return ids.map((id) => `aborted super-transaction ${id}`);
  }

  continued(): ContinuedCampaign {
    // The desk has the requests.
    const progress = { ...this.progress, republishes: [] };
    return { settings: this.ready, progress, closing: this.closing, desk: this.desk.state };
  }

  /** The current republish has a plan: its numbers are shown from now on. */
  plannedRepublish(planned: PlannedRepublish): void {
    this.desk.planned(planned, catalogProgress(this.progress));
    this.planned(planned.plan);
  }

  /** The current republish is over; the catalog's numbers are shown again. */
  endRepublish(change: Partial<RepublishProgress>, finished: string[] = []): void {
    const { entry, before } = this.desk.end(change);
    if (before !== undefined) {
      this.progress =
        entry.state === 'done' ? withRepublished(this.progress, before, entry) : { ...this.progress, ...before };
    }
    const all = [...(this.progress.finished ?? []), ...finished].slice(-MOST_FINISHED);
    this.enter('published', { finished: all, error: undefined, held: [], heldTotal: 0 });
  }

  private close(): void {
    this.closing = true;
  }

  private abort(reason: unknown, onAbort: () => void): void {
    const { published, phase } = this.progress;
    const text = typeof reason === 'string' && reason !== '' ? reason : 'no reason given';
    if (published && !this.desk.isAtWork) {
      // A request may have come in the same moment: it is what is to be aborted then.
      if (phase === 'published' && this.desk.isWaitedFor) this.desk.abortNext(text);
      else this.close();
      return;
    }
    this.abortReason = text;
    if (published) this.stopRepublish?.();
    else onAbort();
  }

  /** Only what is held can be decided on; earlier or later signals change nothing. */
  private decide(decision: 'retry' | 'skip'): void {
    if (this.progress.phase === 'held') this.decision = decision;
  }

  private show(): void {
    setCurrentDetails(details(this.progress));
  }
}
