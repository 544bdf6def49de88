import type { FinishingResult, FinishingTask } from '../../ingest/campaign/finishing';

/** One piece of work after publishing, for people. */
export function taskText(task: FinishingTask): string {
  switch (task.what) {
    case 'scanRating':
      return `shared-scan rating ${task.rating} of ${task.table}`;
    case 'directorIndex':
      return `director index of ${task.table}${task.rebuild ? ', anew: it lacked rows' : ''}`;
    case 'tableIndex':
      return `index ${task.index.index} on ${task.overlap ? 'overlaps of ' : ''}${task.table}`;
    case 'rowCounters':
      return `row counters of ${task.table}${task.deploy ? ', deployed' : ''}`;
    default:
      return task satisfies never;
  }
}

/** What came of it, on one line. */
export function finishingLine({ task, already, ms, counts }: FinishingResult): string {
  const numbers = Object.entries(counts).map(([name, n]) => `${name} ${n}`);
  const how = already ? 'there already' : `${(ms / 1000).toFixed(1)} s`;
  return `${taskText(task)}: ${[...numbers, how].join(', ')}`;
}
