import type { StepHook } from '../../core/steps';
import type { SourceRules } from '../../source';
import type { DataServer } from '../../storage/data/connection';
import type { Metadata } from '../../storage/metadata';
import type { LoadUnit } from '../worker';

/** What every operation of one native worker works with. */
export interface WorkerContext {
  /** Worker name. */
  name: string;
  /** A connection for each running load. */
  server: DataServer;
  /** For what must not wait for a load to end: kills and drops. */
  control: DataServer;
  metadata: Metadata;
  sources: SourceRules;
  steps: StepHook;
  /** A new name for an attempt: 1–31 characters of [0-9a-z], never given twice. */
  attemptId: () => string;
}

/**
 * Named points of a load, in order; `settle` only when an earlier attempt left a note, `open`, `load` once a source.
 * Between `exchange` and `record` the rows are attached but not recorded.
 */
export const LOAD_STEPS = [
  'begin',
  'settle',
  'stage',
  'open',
  'load',
  'check',
  'note',
  'lock',
  'reread',
  'partition',
  'look',
  'unwrap',
  'exchange',
  'record',
  'drop',
] as const;
export type LoadStep = (typeof LOAD_STEPS)[number];

/**
 * Named points of a contribution that comes by itself, in order. Preparing is as with units; `partition` to `attach` are behind the note,
 * `unwrap` only where the partition is empty. Between `attach` and `record` its rows are attached but not recorded.
 */
export const CONTRIBUTION_STEPS = [
  'start',
  'stage',
  'open',
  'load',
  'check',
  'ready',
  'lock',
  'settle',
  'look',
  'note',
  'partition',
  'unwrap',
  'attach',
  'record',
  'drop',
] as const;
export type ContributionStep = (typeof CONTRIBUTION_STEPS)[number];

/** An attempt, as its steps are announced. */
export interface AttemptName {
  unit: LoadUnit;
  token: string;
  /** What the attempt loads into. */
  staging: string;
}

/** Announces a step of an attempt. */
export async function step(
  worker: WorkerContext,
  { unit, token, staging }: AttemptName,
  name: LoadStep | ContributionStep,
): Promise<void> {
  await worker.steps(name, { unit, token, staging });
}
