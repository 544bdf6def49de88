import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type WorkflowHandle,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
  WorkflowUpdateStage,
} from '@temporalio/client';
import { Command } from 'commander';
import {
  type CampaignPhase,
  type CampaignProgress,
  isRepublishOver,
  type RepublishProgress,
} from '../api/campaign/progress';
import { tellPhase } from './start';
import { failureOf, findCampaign, outcome, readProgress, requireRunning } from './support/campaigns';
import { type Environment, userPath } from './support/environment';
import { CommandError, EXIT, exitFor } from './support/exit';
import { readRequestFile } from './support/input-file';
import { formatOf, note, print } from './support/output';
import { republishText } from './support/republish-text';

/** A worker takes a request much sooner. */
const TAKEN_MS = 15_000;
const POLL_MS = 500;

interface RepublishOptions {
  requestId?: string;
  adminKey?: string;
  wait: boolean;
}

export function republishCommand(environment: Environment): Command {
  return new Command('republish')
    .description('change a published catalog through its campaign: add, replace and remove tables')
    .argument('<id>', 'workflow id of the campaign')
    .argument(
      '<file>',
      'the request, JSON, or - for standard input; relative paths start from its `base`, else its folder',
    )
    .option('--request-id <id>', 'its id: sent twice, it is one republish (default: that in the file, else a new one)')
    .option('--admin-key <variable>', "the workers' environment variable with the administrator's key")
    .option('--no-wait', 'return when the campaign has taken the request')
    .action(async (id: string, file: string, options: RepublishOptions, command: Command) => {
      const request = read(environment, file, options);
      const requestId = String(request.requestId);
      await environment.withTemporal(async (client) => {
        const { handle, description } = await findCampaign(client, id);
        requireRunning(description);
        await requireNew(handle, requestId);
        await send(handle, request, requestId);
        if (!options.wait) {
          return print(formatOf(command), { workflowId: id, requestId, state: 'waiting' }, () => [
            `${id}: request ${requestId} was taken; see: campaign status ${id}`,
          ]);
        }
        const ended = await untilOver(handle, requestId);
        if (ended.state !== 'done') throw failure(ended);
        print(formatOf(command), { workflowId: id, ...ended }, () => republishText(ended));
      });
    });
}

/** Errors: INVALID_INPUT with every fault of its form. */
function read(environment: Environment, file: string, { requestId, adminKey }: RepublishOptions) {
  const path = file === '-' ? undefined : userPath(file, environment.env);
  const more = {
    ...(requestId === undefined ? {} : { requestId }),
    ...(adminKey === undefined ? {} : { adminKey: `\${env:${adminKey}}` }),
  };
  return { requestId: randomUUID(), ...readRequestFile(path, userPath('.', environment.env), more) };
}

/** Under an id that came to nothing a corrected request would be answered with the old fault, and never be looked at. */
async function requireNew(handle: WorkflowHandle, requestId: string): Promise<void> {
  const { republishes = [] } = (await readProgress(handle)) ?? {};
  const known = republishes.find((entry) => entry.requestId === requestId);
  if (known === undefined || known.state === 'done' || !isRepublishOver(known)) return;
  note(
    `request ${requestId} was answered before, and nothing was sent: send a corrected one under another --request-id`,
  );
  throw failure(known);
}

/** Returns when the campaign has taken the request. */
async function send(handle: WorkflowHandle, request: Record<string, unknown>, requestId: string): Promise<void> {
  try {
    await handle.client.withDeadline(Date.now() + TAKEN_MS, () =>
      handle.startUpdate('republish', { args: [request], waitForStage: WorkflowUpdateStage.ACCEPTED }),
    );
  } catch (error) {
    if (error instanceof WorkflowUpdateFailedError) throw failureOf(error.cause, 'the republish');
    if (!(error instanceof WorkflowUpdateRPCTimeoutOrCancelledError)) throw error;
    throw new CommandError(
      EXIT.unreachable,
      'UNAVAILABLE',
      `no campaign worker took the request; when one runs, send it again with --request-id ${requestId}`,
      { requestId },
    );
  }
}

/** Says on stderr what the campaign does until the request is over. */
async function untilOver(handle: WorkflowHandle, requestId: string): Promise<RepublishProgress> {
  let phase: CampaignPhase | undefined;
  for (;;) {
    const { status } = await handle.describe();
    const running = status.name === 'RUNNING';
    const progress = running ? await readProgress(handle) : (await outcome(handle)).progress;
    const entry = progress?.republishes.find((known) => known.requestId === requestId);
    if (entry && isRepublishOver(entry)) return entry;
    if (!running || (progress && !entry)) throw lost(handle, requestId);
    if (progress && progress.phase !== phase) tell(progress, entry);
    phase = progress?.phase ?? phase;
    await sleep(POLL_MS);
  }
}

function tell(progress: CampaignProgress, entry: RepublishProgress | undefined): void {
  if (entry?.state === 'waiting') note(`${progress.workflowId}: request ${entry.requestId} waits its turn`);
  else tellPhase(progress);
}

function lost({ workflowId }: WorkflowHandle, requestId: string): CommandError {
  const message = `${workflowId} says nothing of request ${requestId} any more; see: campaign status ${workflowId}`;
  return new CommandError(EXIT.failed, 'FAILED', message, { requestId });
}

function failure(entry: RepublishProgress): CommandError {
  const { requestId, state, error, undone = [] } = entry;
  for (const line of undone) note(`undone: ${line}`);
  const { code = 'FAILED', message = 'no reason given', details } = error ?? {};
  const exit = state === 'refused' ? exitFor(code) : EXIT.failed;
  return new CommandError(exit, code, `republish ${requestId} ${state}: ${message}`, { ...details, requestId, undone });
}
