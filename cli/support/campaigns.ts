import { setTimeout as sleep } from 'node:timers/promises';
import {
  ApplicationFailure,
  type Client,
  type WorkflowExecutionDescription,
  WorkflowFailedError,
  type WorkflowHandle,
} from '@temporalio/client';
import { type CampaignPhase, type CampaignProgress, SETTLED_PHASES } from '../../api/campaign/progress';
import { CommandError, EXIT, exitFor, grpcStatus } from './exit';

/** Fixed name of the workflow, workflows/ingest-campaign.ts. */
export const WORKFLOW_TYPE = 'ingestCampaign';
const POLL_MS = 500;
/** A worker that lives answers much sooner; without one, Temporal itself would wait for half a minute. */
const QUERY_MS = 5000;

export interface Found {
  handle: WorkflowHandle;
  description: WorkflowExecutionDescription;
}

/** The campaign of that workflow id, or without one the only campaign that runs. */
export async function findCampaign(client: Client, id?: string): Promise<Found> {
  const handle = client.workflow.getHandle(id ?? (await onlyRunning(client)));
  const description = await handle.describe();
  if (description.type !== WORKFLOW_TYPE) {
    throw new CommandError(EXIT.unknown, 'UNKNOWN_CAMPAIGN', `${handle.workflowId} is a workflow, but no campaign`);
  }
  return { handle, description };
}

/** Errors: ILLEGAL_STATE for a campaign that has ended. */
export function requireRunning({ workflowId, status }: WorkflowExecutionDescription): void {
  if (status.name === 'RUNNING') return;
  throw new CommandError(EXIT.refused, 'ILLEGAL_STATE', `${workflowId} has ended (${status.name.toLowerCase()})`);
}

async function onlyRunning(client: Client): Promise<string> {
  const ids: string[] = [];
  const query = `WorkflowType = '${WORKFLOW_TYPE}' AND ExecutionStatus = 'Running'`;
  for await (const { workflowId } of client.workflow.list({ query })) ids.push(workflowId);
  const [first] = ids;
  if (first === undefined)
    throw new CommandError(EXIT.unknown, 'UNKNOWN_CAMPAIGN', 'no campaign is running; give an ID');
  if (ids.length === 1) return first;
  throw new CommandError(EXIT.input, 'USAGE', `several campaigns are running, give an ID: ${ids.join(', ')}`, { ids });
}

/** What the campaign says of itself; undefined while no worker answers. */
export async function readProgress(handle: WorkflowHandle): Promise<CampaignProgress | undefined> {
  try {
    return await handle.client.withDeadline(Date.now() + QUERY_MS, () => handle.query<CampaignProgress>('progress'));
  } catch (error) {
    if (isNoWorker(error)) return undefined;
    throw error;
  }
}

/**
 * Nobody polls the campaign's queue, or nobody answers in time, or the campaign has not had its first task yet: gRPC's
 * DEADLINE_EXCEEDED, which now and then comes as CANCELLED, or FAILED_PRECONDITION.
 */
function isNoWorker(error: unknown): boolean {
  return [1, 4, 9].includes(grpcStatus(error) ?? 0) || /no poller|not handle queries|not known/i.test(String(error));
}

export interface Outcome {
  progress: CampaignProgress | undefined;
  /** Set when the campaign ended otherwise than published or closed. */
  failure?: CommandError;
}

/** Waits until the campaign is published, or has ended. `seen` is called with each phase that it is found in. */
export async function waitForCampaign(
  handle: WorkflowHandle,
  seen: (progress: CampaignProgress) => void,
  until: readonly CampaignPhase[] = SETTLED_PHASES,
): Promise<Outcome> {
  let phase: CampaignPhase | undefined;
  for (;;) {
    const { status } = await handle.describe();
    const running = status.name === 'RUNNING';
    const progress = running ? await readProgress(handle) : undefined;
    if (progress && progress.phase !== phase) {
      phase = progress.phase;
      seen(progress);
    }
    if (!running) return outcome(handle);
    // A campaign that failed ends its workflow right after it says so, and that knows more.
    if (progress && until.includes(progress.phase) && !isEnd(progress.phase)) return { progress };
    await sleep(POLL_MS);
  }
}

const isEnd = (phase: CampaignPhase) => phase === 'failed' || phase === 'aborted' || phase === 'closed';

/** How a closed campaign ended. */
export async function outcome(handle: WorkflowHandle): Promise<Outcome> {
  try {
    return { progress: (await handle.result()) as CampaignProgress };
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    return { progress: await readProgress(handle), failure: failureOf(error.cause) };
  }
}

/** Why a workflow of ours ended otherwise than well, or refused what it was asked. */
export function failureOf(cause: Error | undefined, what = 'the campaign'): CommandError {
  if (!(cause instanceof ApplicationFailure)) {
    const how = cause?.name === 'CancelledFailure' ? 'CANCELLED' : (cause?.name ?? 'FAILED');
    const message =
      how === 'CANCELLED' ? `${what} was cancelled` : `${what} failed: ${cause?.message ?? 'no reason given'}`;
    return new CommandError(EXIT.failed, how, message);
  }
  const code = cause.type ?? 'FAILED';
  const [details] = (cause.details ?? []) as [Record<string, unknown>?];
  return new CommandError(code === 'ABORTED' ? EXIT.failed : exitFor(code), code, cause.message, details ?? {});
}
