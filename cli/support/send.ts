import type { WorkflowHandle } from '@temporalio/client';
import { Command } from 'commander';
import { findCampaign, readProgress, requireRunning, waitForCampaign } from './campaigns';
import type { Environment } from './environment';
import { CommandError, EXIT } from './exit';
import { formatOf, print } from './output';

interface Message {
  name: string;
  description: string;
  /** What the reader is told when it was sent. */
  sent: string;
  /** Ends the campaign, so one may wait for that. */
  ends?: boolean;
  /** Means something only while units are held; the campaign does not keep it for later. */
  whenHeld?: boolean;
  send(handle: WorkflowHandle, options: { reason?: string }): Promise<unknown>;
}

/** A command that tells a running campaign something. */
export function messageCommand(
  environment: Environment,
  { name, description, sent, ends, whenHeld, send }: Message,
): Command {
  const command = new Command(name).description(description).argument('<id>', 'its workflow id');
  if (ends) command.option('--wait', 'return when the campaign has ended');
  return command.action((id: string, options: { wait?: boolean; reason?: string }) =>
    environment.withTemporal(async (client) => {
      const { handle, description: found } = await findCampaign(client, id);
      requireRunning(found);
      if (whenHeld) await requireHeld(handle);
      await send(handle, options);
      const ended = options.wait ? await waitForCampaign(handle, () => {}, []) : undefined;
      const undone = ended?.progress?.undone ?? ended?.failure?.details.undone;
      const lines = Array.isArray(undone) ? undone.map(String) : [];
      const value = { workflowId: id, sent: name, ...(ended ? { ended: true, undone: lines } : {}) };
      print(formatOf(command), value, () => [
        `${id}: ${ended ? 'has ended' : sent}`,
        ...lines.map((line) => `  ${line}`),
      ]);
    }),
  );
}

/** Refuses when the campaign says that it waits for nobody's decision. */
async function requireHeld(handle: WorkflowHandle): Promise<void> {
  const phase = (await readProgress(handle))?.phase;
  if (phase === undefined || phase === 'held') return;
  throw new CommandError(
    EXIT.refused,
    'ILLEGAL_STATE',
    `${handle.workflowId} is ${phase}: nothing waits for a decision`,
  );
}
