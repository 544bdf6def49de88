import { type Client, WorkflowExecutionAlreadyStartedError, type WorkflowHandle } from '@temporalio/client';
import { Command } from 'commander';
import type { CampaignProgress } from '../api/campaign/progress';
import { readSettings } from '../ingest/campaign/plan';
import { CAMPAIGNS } from '../ingest/core/task-queues';
import { WORKFLOW_TYPE, waitForCampaign } from './support/campaigns';
import { type Environment, userPath } from './support/environment';
import { CommandError, EXIT } from './support/exit';
import { type InputFile, readInputFile } from './support/input-file';
import { type Format, formatOf, note, print } from './support/output';
import { progressText } from './support/progress-text';

interface StartOptions {
  id?: string;
  wait?: boolean;
}

interface Identity {
  target: string;
  database: string;
  workflowId: string;
}

export function startCommand(environment: Environment): Command {
  return new Command('start')
    .description('start a campaign')
    .argument('<file>', 'the campaign, JSON; relative paths in it start from its `base`, else from its folder')
    .option('--id <id>', 'workflow id (default: ingest:TARGET:DATABASE)')
    .option('--wait', 'return when the catalog is published or the campaign has ended, with its outcome')
    .action(async (file: string, options: StartOptions, command: Command) => {
      const path = userPath(file, environment.env);
      const read = readInputFile(path);
      const identity = await identify(environment, read, options.id);
      const format = formatOf(command);
      await environment.withTemporal(async (client) => {
        const handle = await start(client, identity, read.input, path);
        if (!options.wait) {
          const { workflowId } = handle;
          print(format, { ...identity, runId: handle.firstExecutionRunId }, () => [
            `started ${workflowId}; see: campaign status ${workflowId}`,
          ]);
          return;
        }
        await waitAndPrint(handle, format);
      });
    });
}

/** Which database the campaign is for; the names are needed for its workflow id. */
async function identify(
  environment: Environment,
  { input, campaign, folder }: InputFile,
  id?: string,
): Promise<Identity> {
  const { config } = environment;
  const target = campaign.target ?? config?.defaultTarget;
  if (target === undefined) {
    throw new CommandError(
      EXIT.input,
      'INVALID_INPUT',
      'which target? Set "target" in the campaign, or QSERV_CAMPAIGNS_CONFIG to the configuration of the workers',
    );
  }
  const targets = config ? Object.keys(config.targets) : [target];
  const sources = environment.sourceRules(folder);
  const { database } = await readSettings(input, { defaultTarget: target, targets, sources });
  return { target, database, workflowId: id ?? `ingest:${target}:${database}` };
}

async function start(
  client: Client,
  { workflowId, target, database }: Identity,
  input: Record<string, unknown>,
  file: string,
): Promise<WorkflowHandle & { firstExecutionRunId: string }> {
  try {
    return await client.workflow.start(WORKFLOW_TYPE, {
      workflowId,
      taskQueue: CAMPAIGNS,
      args: [input],
      staticSummary: `Load ${database} into ${target}`,
      memo: { database, target, file },
      workflowIdConflictPolicy: 'FAIL',
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    throw new CommandError(
      EXIT.refused,
      'CLAIMED',
      `campaign ${workflowId} runs already; see: campaign status ${workflowId}`,
      { workflowId },
    );
  }
}

/** Tells on stderr what goes on, prints the last progress, and throws if the campaign failed. */
async function waitAndPrint(handle: WorkflowHandle, format: Format): Promise<void> {
  const { progress, failure } = await waitForCampaign(handle, tellPhase);
  if (failure) throw failure;
  print(format, progress, () => (progress ? progressText(progress) : []));
}

/** Says on stderr which phase a campaign has come to, and while units are held, which. */
export function tellPhase(progress: CampaignProgress): void {
  note(`${progress.workflowId}: ${progress.phase}`);
  if (progress.phase === 'held') for (const line of progressText(progress)) note(line);
}
