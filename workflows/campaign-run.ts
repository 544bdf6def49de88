import { defineSearchAttributeKey } from '@temporalio/common';
import { setCurrentDetails, setHandler, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import type { CampaignPhase, CampaignProgress } from '../api/campaign/progress';
import type { PlanSummary } from '../ingest/campaign/ledger';
import type { CampaignSettings } from '../ingest/campaign/settings';
import * as messages from './messages';
import { controllerActivities } from './proxies';
import { details } from './pure/details';
import { initialProgress, withLedger, withPlan, withSettings } from './pure/progress';

const SEARCH = {
  database: defineSearchAttributeKey('CampaignDatabase', 'KEYWORD'),
  phase: defineSearchAttributeKey('CampaignPhase', 'KEYWORD'),
  owner: defineSearchAttributeKey('CampaignOwner', 'KEYWORD'),
};

/** What one run of a campaign hands to the next. */
export interface ContinuedCampaign {
  settings: CampaignSettings;
  progress: CampaignProgress;
  closing: boolean;
}

/** The state of a running campaign, and all that is visible of it. */
export class CampaignRun {
  progress: CampaignProgress;
  settings?: CampaignSettings;
  /** `close` was asked for. */
  closing = false;
  /** What to do with held units, once somebody has said it. */
  decision?: 'retry' | 'skip';
  abortReason?: string;
  /** Super-transactions that their own workflows aborted when they were cancelled. */
  readonly abortedByChildren: number[] = [];
  /** The ledger may say more than `progress`. */
  news = false;

  constructor(continued?: ContinuedCampaign) {
    this.progress = continued?.progress ?? initialProgress(workflowInfo().workflowId);
    this.settings = continued?.settings;
    this.closing = continued?.closing ?? false;
    this.show();
  }

  /** Puts the handlers up; `onAbort` stops the work. */
  listen(onAbort: () => void): void {
    const { DESCRIPTIONS } = messages;
    setHandler(messages.progressQuery, () => this.progress, { description: DESCRIPTIONS.progress });
    setHandler(messages.closeSignal, () => this.close(), { description: DESCRIPTIONS.close });
    setHandler(messages.retrySignal, () => this.decide('retry'), { description: DESCRIPTIONS.retry });
    setHandler(messages.skipSignal, () => this.decide('skip'), { description: DESCRIPTIONS.skip });
    setHandler(
      messages.abortSignal,
      (reason) => {
        if (this.progress.published) return this.close();
        this.abortReason = typeof reason === 'string' && reason !== '' ? reason : 'no reason given';
        onAbort();
      },
      { description: DESCRIPTIONS.abort },
    );
    setHandler(messages.newsSignal, (aborted) => this.hear(aborted), { description: DESCRIPTIONS.ledgerChanged });
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

  hear(aborted: number[] = []): void {
    this.news = true;
    this.abortedByChildren.push(...aborted);
  }

  continued(): ContinuedCampaign {
    return { settings: this.ready, progress: this.progress, closing: this.closing };
  }

  private close(): void {
    this.closing = true;
  }

  /** Only held units can be decided on; earlier or later signals change nothing. */
  private decide(decision: 'retry' | 'skip'): void {
    if (this.progress.phase === 'held') this.decision = decision;
  }

  private show(): void {
    setCurrentDetails(details(this.progress));
  }
}
