import type { Controller } from '../controller/controller';
import { IngestError } from '../core/errors';
import { endRepublish, type RepublishEnd } from './end-republish';
import { type CampaignLedger, holdsClaim } from './ledger';
import { abortAll } from './transactions';

interface Services {
  controller: Controller;
  ledger: CampaignLedger;
}

export interface UndoRepublishRequest {
  target: string;
  database: string;
  workflowId: string;
  firstRunId: string;
  planId: string;
}

/**
 * Ends a campaign's republish that cannot go on: aborts its open super-transactions, then undoes it, or completes it where readers
 * may have seen some of it. The database is published afterwards. Does nothing unless the campaign holds the claim, and nothing more
 * once it does not (REVOKED); does not give it up. Safe to repeat. Errors: OPEN_TRANSACTIONS of others, as Controller.publish.
 */
export async function undoRepublish(
  services: Services,
  request: UndoRepublishRequest,
  signal?: AbortSignal,
): Promise<RepublishEnd> {
  const { database, workflowId, planId } = request;
  const may = async () => {
    signal?.throwIfAborted();
    if (await holdsClaim(services.ledger, request)) return true;
    throw new IngestError('REVOKED', `campaign ${workflowId} does not hold database ${database} any more`, {
      ...request,
    });
  };
  await may();
  const ids = await abortAll(services, database, request, may);
  const end = await endRepublish(services, planId, may);
  return { ...end, lines: [...ids.map((id) => `aborted super-transaction ${id}`), ...end.lines] };
}
