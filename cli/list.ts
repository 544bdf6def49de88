import type { WorkflowExecutionInfo } from '@temporalio/client';
import { defineSearchAttributeKey } from '@temporalio/common';
import { Command, InvalidArgumentError } from 'commander';
import { WORKFLOW_TYPE } from './support/campaigns';
import type { Environment } from './support/environment';
import { formatOf, print, table } from './support/output';

const DATABASE = defineSearchAttributeKey('CampaignDatabase', 'KEYWORD');
const PHASE = defineSearchAttributeKey('CampaignPhase', 'KEYWORD');
const OWNER = defineSearchAttributeKey('CampaignOwner', 'KEYWORD');

export function listCommand(environment: Environment): Command {
  return new Command('list')
    .description('campaigns that Temporal knows of, the latest first')
    .option('--running', 'only those that run')
    .option('--limit <number>', 'at most so many', positive, 100)
    .action(({ running, limit }: { running?: boolean; limit: number }, command: Command) =>
      environment.withTemporal(async (client) => {
        const query = `WorkflowType = '${WORKFLOW_TYPE}'${running ? " AND ExecutionStatus = 'Running'" : ''}`;
        const campaigns: ReturnType<typeof summary>[] = [];
        for await (const info of client.workflow.list({ query })) {
          // A campaign that went on in a new run is one campaign.
          if (info.status.name !== 'CONTINUED_AS_NEW') campaigns.push(summary(info));
          if (campaigns.length >= limit) break;
        }
        print(formatOf(command), campaigns, () => {
          const rows = campaigns.map((c) => [c.workflowId, c.status, c.phase, c.database, c.owner, c.startTime]);
          return table(['ID', 'STATUS', 'PHASE', 'DATABASE', 'OWNER', 'STARTED'], rows);
        });
      }),
    );
}

function summary({ workflowId, runId, status, startTime, closeTime, typedSearchAttributes }: WorkflowExecutionInfo) {
  return {
    workflowId,
    runId,
    status: status.name,
    phase: typedSearchAttributes.get(PHASE) ?? '',
    database: typedSearchAttributes.get(DATABASE) ?? '',
    owner: typedSearchAttributes.get(OWNER) ?? '',
    startTime: startTime.toISOString(),
    closeTime: closeTime?.toISOString() ?? '',
  };
}

function positive(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError('use a positive number');
  return number;
}
