import type { Controller, TableDescriptor } from '../controller/controller';
import { describeDatabase } from './describe-database';
import { type CampaignLedger, holdsClaim } from './ledger';
import { abortAll } from './transactions';

export interface UndoRequest {
  target: string;
  database: string;
  workflowId: string;
  firstRunId: string;
  rollback: 'open' | 'all';
  /** Absent when the campaign ended before it had a plan. */
  planId?: string;
}

/**
 * Undoes an unpublished campaign: aborts its open super-transactions; with rollback `all` drops its unpublished tables too;
 * gives up the claim. Does nothing unless the campaign holds the claim, and nothing more once it does not: a call that was
 * thought dead must not harm the next campaign. Safe to repeat. Returns what was undone, a line each.
 */
export async function undo(
  services: { controller: Controller; ledger: CampaignLedger },
  request: UndoRequest,
  signal?: AbortSignal,
): Promise<string[]> {
  const { controller, ledger } = services;
  const { target, database, workflowId, firstRunId, planId } = request;
  const holds = async () => {
    signal?.throwIfAborted();
    return holdsClaim(ledger, request);
  };
  if (!(await holds())) return [];

  const ids = await abortAll(services, database, request, holds);
  const undone = ids.map((id) => `aborted super-transaction ${id}`);
  if (request.rollback === 'all' && planId) {
    const { tables } = await ledger.plan(planId);
    for (const { name } of [...tables].reverse()) {
      const table = await unpublished(controller, database, name);
      if (table === undefined) continue;
      if (!(await holds())) return undone;
      await controller.deleteTable(database, name);
      await ledger.forget(target, database, name, table.createTime);
      undone.push(`dropped table ${name}`);
    }
  }
  signal?.throwIfAborted();
  await ledger.release({ target, database, workflowId, firstRunId });
  return undone;
}

async function unpublished(
  controller: Controller,
  database: string,
  name: string,
): Promise<TableDescriptor | undefined> {
  const { tables } = (await describeDatabase(controller, database)) ?? { tables: [] };
  return tables.find((t) => t.definition.name === name && !t.isPublished);
}
