import type { StepHook } from '../../core/steps';
import type { SourceRules } from '../../source';
import type { DataServer } from '../../storage/data/connection';
import type { Metadata } from '../../storage/metadata';

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
