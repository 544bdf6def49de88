import { defineQuery, defineSignal } from '@temporalio/workflow';
import type { CampaignProgress } from '../api/campaign/progress';

/** How people and programs talk to a running campaign. */
export const progressQuery = defineQuery<CampaignProgress>('progress');
export const closeSignal = defineSignal('close');
export const retrySignal = defineSignal('retry');
export const skipSignal = defineSignal('skip');
export const abortSignal = defineSignal<[reason?: string]>('abort');

/** A super-transaction tells its campaign that the ledger has news, and which super-transactions a cancellation made it abort. */
export const newsSignal = defineSignal<[aborted: number[]]>('ledgerChanged');

export const DESCRIPTIONS = {
  progress: 'Phase, totals by table, super-transactions, held units. Read-only.',
  close: 'End the campaign: at once when published, else as soon as it is. Data stay as they are.',
  retry: 'Load the held units again, after their cause was removed.',
  skip: 'Give the held units up and go on without them; the catalog will lack their rows.',
  abort: 'Stop, abort every open super-transaction and end. Optional argument: the reason, a string.',
  ledgerChanged: 'Internal: a super-transaction reports progress.',
} as const;
