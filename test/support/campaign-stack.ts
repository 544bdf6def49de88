import { Client, Connection } from '@temporalio/client';
import type { CampaignInput } from '../../api/campaign/input';
import type { CampaignPhase, CampaignProgress } from '../../api/campaign/progress';
import { Stack, type StackOptions } from '../../dev/stack';
import { recordHistories } from './histories';
import { privateDir } from './servers';

/** A whole stack of a test's own, whose parts can be killed by name, and a client of its Temporal server. */
export class CampaignStack {
  private connection?: Connection;

  private constructor(
    readonly stack: Stack,
    readonly client: Client,
    connection: Connection,
  ) {
    this.connection = connection;
  }

  static async start(
    sourceRoots: Record<string, string>,
    options: Pick<StackOptions, 'extraEnvironment' | 'servers' | 'sourceSecrets'> = {},
  ): Promise<CampaignStack> {
    const dir = privateDir('stack');
    const stack = new Stack({ dir, preferredPorts: false, sourceRoots, servers: false, ...options });
    await stack.up();
    const connection = await Connection.connect({ address: stack.temporal.address });
    return new CampaignStack(stack, new Client({ connection, namespace: stack.temporal.namespace }), connection);
  }

  /** Starts a campaign as the command line does. */
  async startCampaign(database: string, input: CampaignInput, workflowId = workflowIdOf(input, database)) {
    return this.client.workflow.start('ingestCampaign', { workflowId, taskQueue: 'campaigns', args: [input] });
  }

  async progress(workflowId: string): Promise<CampaignProgress> {
    return this.client.workflow.getHandle(workflowId).query<CampaignProgress>('progress');
  }

  /** Polls until the campaign is in one of the phases; fails as soon as it is in a phase it cannot leave. */
  async until(workflowId: string, phases: CampaignPhase[], timeoutMs = 120_000): Promise<CampaignProgress> {
    const deadline = Date.now() + timeoutMs;
    let last = '';
    while (Date.now() < deadline) {
      try {
        const progress = await this.progress(workflowId);
        if (phases.includes(progress.phase)) return progress;
        last = JSON.stringify(progress);
        if (progress.phase === 'failed' || progress.phase === 'aborted') break;
      } catch (error) {
        last = String(error);
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`${workflowId} did not reach ${phases.join(', ')}: ${last}`);
  }

  async stop(): Promise<void> {
    const { RECORD_HISTORIES } = process.env;
    if (RECORD_HISTORIES) await recordHistories(this.client, this.stack.temporal.address, RECORD_HISTORIES);
    await this.connection?.close();
    await this.stack.down();
  }
}

function workflowIdOf({ target = 'local' }: CampaignInput, database: string): string {
  return `ingest:${target}:${database}`;
}
