import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import type { Claim } from '../ingest/campaign/ledger';

/** Whether the campaign that holds a claim has ended: its workflow is gone, closed, or another chain of runs by now. */
export async function isOver(client: Client, { workflowId, firstRunId }: Claim): Promise<boolean> {
  try {
    const { status, raw } = await client.workflow.getHandle(workflowId).describe();
    return status.name !== 'RUNNING' || raw.workflowExecutionInfo?.firstRunId !== firstRunId;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return true;
    throw error;
  }
}
