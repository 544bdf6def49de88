import { defineSearchAttributeKey } from '@temporalio/common';
import {
  ApplicationFailure,
  CancellationScope,
  isCancellation,
  setCurrentDetails,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { DeletionInput, DeletionReport } from '../api/campaign/deletion';
import type { OpenedDeletion } from '../ingest/campaign/deletion';
import type { Claim } from '../ingest/campaign/ledger';
import { controllerActivities, deletionActivities } from './proxies';
import { type DeletionState, deletedLines, deletionDetails } from './pure/deletion';
import { campaignError } from './pure/failures';

const DATABASE = defineSearchAttributeKey('CampaignDatabase', 'KEYWORD');

/**
 * Deletes a database or some of its tables, whatever their state, under the same claim as a campaign: while one holds the database
 * nothing is deleted. All that can be refused is refused before anything is gone. The provenance of the rows stays. `request` is
 * nothing when somebody starts it without input.
 */
export async function deleteCatalog(request: DeletionInput | undefined): Promise<DeletionReport> {
  const state: DeletionState = { target: '', database: '', phase: 'checking', gone: [], databaseGone: false };
  const show = (more: Partial<DeletionState>) => setCurrentDetails(deletionDetails(Object.assign(state, more)));
  show({});
  const { workflowId, firstExecutionRunId } = workflowInfo();
  let claim: Claim | undefined;
  try {
    const input = await deletionActivities.readDeletion(request);
    const { target, database } = input;
    claim = { target, database, workflowId, firstRunId: firstExecutionRunId };
    upsertSearchAttributes([{ key: DATABASE, value: database }]);
    show({ target, database });
    const opened = await deletionActivities.openDeletion({ input, claim });
    show({ opened, phase: 'deleting' });
    await work(opened, claim, state, show);
    show({ phase: 'deleted' });
  } catch (error) {
    if (isCancellation(error)) show({ phase: 'stopped' });
    else show({ phase: 'failed', error: campaignError(error) });
    throw withLines(error, state);
  } finally {
    await CancellationScope.nonCancellable(async () => claim && controllerActivities().releaseClaim(claim));
  }
  const { target, database } = state;
  const tables = state.gone.map(({ created, ...table }) => table);
  return { workflowId, target, database, whole: state.databaseGone, tables, deleted: deletedLines(state) };
}

async function work(
  opened: OpenedDeletion,
  claim: Claim,
  { gone }: DeletionState,
  show: (more: Partial<DeletionState>) => void,
): Promise<void> {
  const { whole, published, created, tables } = opened;
  if (whole) {
    await deletionActivities.deletePlannedDatabase({ claim, plan: { published, created, tables } });
    return show({ gone: tables, databaseGone: true });
  }
  for (const table of tables) {
    await deletionActivities.deletePlannedTable({ claim, plan: { published }, table });
    gone.push(table);
    show({});
  }
}

/** The error that ends the workflow, with what had been deleted before it. */
function withLines(error: unknown, state: DeletionState): unknown {
  if (isCancellation(error)) return error;
  const deleted = deletedLines(state);
  const { code, message, details } = campaignError(error);
  const before = deleted.length > 0 ? ` (before that: ${deleted.join('; ')})` : '';
  return ApplicationFailure.create({
    message: `${message}${before}`,
    type: code,
    nonRetryable: true,
    details: [{ ...details, deleted }],
  });
}
