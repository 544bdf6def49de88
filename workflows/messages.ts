import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { CampaignProgress, RepublishProgress } from '../api/campaign/progress';
import type { RepublishInput } from '../api/campaign/republish';

/** How people and programs talk to a running campaign. */
export const progressQuery = defineQuery<CampaignProgress>('progress');
export const closeSignal = defineSignal('close');
export const retrySignal = defineSignal('retry');
export const skipSignal = defineSignal('skip');
export const republishSignal = defineSignal<[request: RepublishInput]>('republish');
/** Answers when the republish is over, or says `running` or `waiting` when the campaign begins a new run before that. */
export const republishUpdate = defineUpdate<RepublishProgress, [request: RepublishInput]>('republish');
export const abortSignal = defineSignal<[reason?: string]>('abort');

/** A super-transaction tells its campaign that the ledger has news, and which super-transactions a cancellation made it abort. */
export const newsSignal = defineSignal<[aborted: number[]]>('ledgerChanged');

export const DESCRIPTIONS = {
  progress: 'Phase, totals by table, super-transactions, held units. Read-only.',
  close: 'End the campaign: at once when published, else as soon as it is. Data stay as they are.',
  retry: 'Try again what is held, after its cause was removed.',
  skip: 'Give up what is held and go on without it; the catalog will lack the rows of held units.',
  abort:
    'Stop, abort every open super-transaction and end; once published: undo the republish that is under way, or close. Optional argument: the reason, a string.',
  republish:
    'Change the published catalog: tables to add, replace, remove (docs/campaigns.md). One at a time; the same requestId twice is one republish.',
  ledgerChanged: 'Internal: a super-transaction reports progress.',
} as const;
