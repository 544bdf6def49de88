import { type Client, type WorkflowExecutionStatusName, WorkflowNotFoundError } from '@temporalio/client';
import type { Claim } from '../ingest/campaign/ledger';

/** A run in one of these is the end of its chain; any other status may go on, one that this client does not know too. */
const CLOSED: ReadonlySet<WorkflowExecutionStatusName> = new Set([
  'COMPLETED',
  'FAILED',
  'CANCELLED',
  'TERMINATED',
  'TIMED_OUT',
]);

/** Whether the campaign that holds a claim has ended: its workflow is gone, closed, or another chain of runs by now. */
export async function isOver(client: Client, { workflowId, firstRunId }: Claim): Promise<boolean> {
  try {
    const { status, raw } = await client.workflow.getHandle(workflowId).describe();
    const first = raw.workflowExecutionInfo?.firstRunId;
    return CLOSED.has(status.name) || (!!first && first !== firstRunId);
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return true;
    throw error;
  }
}
