import { Command } from 'commander';
import { findCampaign, outcome, readProgress } from './support/campaigns';
import type { Environment } from './support/environment';
import { formatOf, print } from './support/output';
import { progressText } from './support/progress-text';

export function statusCommand(environment: Environment): Command {
  return new Command('status')
    .description('how far a campaign is, or how it ended')
    .argument('[id]', 'its workflow id (default: the only one that runs)')
    .action((id: string | undefined, _: object, command: Command) =>
      environment.withTemporal(async (client) => {
        const { handle, description } = await findCampaign(client, id);
        const { workflowId, status, startTime } = description;
        const running = status.name === 'RUNNING';
        const { progress, failure } = running ? { progress: await readProgress(handle) } : await outcome(handle);
        const error = failure && { code: failure.code, message: failure.message, details: failure.details };
        const value = {
          workflowId,
          status: status.name,
          startTime,
          progress: progress ?? null,
          ...(error ? { error } : {}),
        };
        print(formatOf(command), value, () => [
          ...(progress
            ? progressText(progress)
            : [`${workflowId}: ${status.name}; no worker answers for its progress`]),
          ...(failure && !progress?.error ? ['', `${failure.code}: ${failure.message}`] : []),
        ]);
      }),
    );
}
