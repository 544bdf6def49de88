import { isCancellation } from '@temporalio/workflow';
import type { Finish } from '../api/campaign/finishing';
import type { CampaignRun } from './campaign-run';
import { decision } from './load-plan';
import { controllerActivities } from './proxies';
import { campaignError } from './pure/failures';
import { finishingLine, taskText } from './pure/finishing';

/**
 * Ratings, director indexes, SQL indexes and row counters of the plan's tables, as wished for, one after the other. The catalog is
 * published: what fails here waits for a decision, whatever `onFailure` says; `skip` goes on without it, and so does `close`.
 * Returns what was done, a line each.
 */
export async function finishPlan(run: CampaignRun, finish: Finish): Promise<string[]> {
  const finished: string[] = [];
  const ref = { ...run.ref, planId: run.planId, finish };
  const tasks = await orSkip(run, () => run.activities.finishingTasks(ref));
  for (const task of tasks ?? []) {
    const { finishTable } = controllerActivities(run.ready.waits, taskText(task));
    const result = await orSkip(run, () => finishTable({ ...run.ref, task }));
    finished.push(result ? finishingLine(result) : `given up: ${taskText(task)}`);
  }
  return finished;
}

/** Tries again for as long as people say so; undefined when they gave it up. */
async function orSkip<T>(run: CampaignRun, step: () => Promise<T>): Promise<T | undefined> {
  for (;;) {
    run.enter('finishing', { error: undefined });
    try {
      return await step();
    } catch (error) {
      if (isCancellation(error)) throw error;
      if ((await decision(run, campaignError(error), () => run.closing)) === 'skip') return undefined;
    }
  }
}
