import type { HeldUnit, TableTotals } from '../../ingest/campaign/ledger';
import type { ErrorCode } from '../../ingest/core/errors';

/** What the workflow's query `progress` answers; also what the command line and the web page show. Plain JSON. */

/** In the usual order; `held`, `aborting`, `aborted` and `failed` are the ways off the road. */
export const CAMPAIGN_PHASES = [
  'claiming',
  'planning',
  'registering',
  'ingesting',
  'held',
  'verifying',
  'publishing',
  'finishing',
  'published',
  'closed',
  'aborting',
  'aborted',
  'failed',
] as const;
export type CampaignPhase = (typeof CAMPAIGN_PHASES)[number];

/** Phases after which the campaign does nothing more for this input: what `--wait` waits for. */
export const SETTLED_PHASES: readonly CampaignPhase[] = ['published', 'closed', 'aborted', 'failed'];

export interface CampaignTotals {
  transactions: number;
  units: number;
  contributions: number;
  bytes: number;
  /** Units left out because an earlier campaign committed them with equal fingerprints. */
  alreadyCommitted: number;
}

/** One table; `units` counts a regular table once per worker as soon as its workers are known. */
export interface CampaignTableProgress extends Pick<TableTotals, 'table' | 'kind' | 'units'> {
  /** Loaded or committed. */
  unitsDone: number;
  unitsHeld: number;
  /** Loaded so far. */
  rows: number;
  bytes: number;
}

export interface CampaignTransactions {
  planned: number;
  committed: number;
  aborted: number;
  open: number;
}

export interface CampaignError {
  code: ErrorCode;
  message: string;
  details?: Record<string, unknown>;
}

export const REPUBLISH_STATES = ['waiting', 'running', 'done', 'refused', 'failed', 'aborted'] as const;
export type RepublishState = (typeof REPUBLISH_STATES)[number];

/** One request to change the published catalog. `refused`: it was found wrong before anything was changed. */
export interface RepublishProgress {
  requestId: string;
  state: RepublishState;
  added: string[];
  /** Tables with how long each was out of sight while the new version took its place, in ms; 0 when it did not come to that. */
  replaced: { table: string; gapMs: number }[];
  removed: string[];
  error?: CampaignError;
  /** What was undone after a failure or an abort, one line each. */
  undone?: string[];
}

/** True when nothing more will happen to the request. */
export function isRepublishOver({ state }: RepublishProgress): boolean {
  return state !== 'waiting' && state !== 'running';
}

export interface CampaignProgress {
  phase: CampaignPhase;
  workflowId: string;
  target: string;
  database: string;
  /** Null until the plan is stored. */
  planId: string | null;
  totals: CampaignTotals;
  tables: CampaignTableProgress[];
  transactions: CampaignTransactions;
  /** At most 20 units; `heldTotal` counts all. */
  held: HeldUnit[];
  heldTotal: number;
  published: boolean;
  /** What was done after publishing (director indexes, SQL indexes, row counters, ratings), one line each; null until then. */
  finished: string[] | null;
  /** The latest requests to republish, oldest first; what `phase` and the numbers say while one is running concerns that one. */
  republishes: RepublishProgress[];
  /** After a cancel or an abort: what was undone, one line each. */
  undone?: string[];
  error?: CampaignError;
}
