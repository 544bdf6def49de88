import { fromWireContribution } from '../../../api/qserv/contribution';
import { fromWireSummary } from '../../../api/qserv/contribution-summary';
import { getContribution, getTransaction } from '../../../api/qserv/controller/transactions';
import { toBit } from '../../../api/qserv/fields';
import type { Contribution } from '../../core/contributions';
import { isCode } from '../../remote/outcome';
import type { ContributionFilter, ContributionParts, ContributionSummary } from '../contributions';
import type { RemoteContext } from './context';

/** What a real server shows of a contribution may be a secret; nothing of it is shown on. */
export async function contribution(
  context: RemoteContext,
  id: number,
  parts: ContributionParts = {},
): Promise<Contribution> {
  const reply = await context.call(getContribution, { params: { id }, query: shown(parts) });
  return fromWireContribution(reply.contribution);
}

/** One request for each super-transaction. */
export async function contributions(
  context: RemoteContext,
  filter: ContributionFilter,
  parts: ContributionParts = {},
): Promise<Contribution[]> {
  const found: Contribution[] = [];
  for (const id of filter.transactionIds) {
    const one = await listed(context, id, filter, { contrib_long: 1, ...shown(parts) });
    found.push(...(one?.files ?? []).map(fromWireContribution));
  }
  return found.sort((a, b) => a.id - b.id);
}

export async function contributionSummaries(
  context: RemoteContext,
  filter: ContributionFilter,
): Promise<Map<number, ContributionSummary>> {
  const found = new Map<number, ContributionSummary>();
  for (const id of filter.transactionIds) {
    const one = await listed(context, id, filter, {});
    if (one !== undefined) found.set(id, fromWireSummary(one.summary));
  }
  return found;
}

async function listed(context: RemoteContext, id: number, filter: ContributionFilter, more: Record<string, number>) {
  const { table, worker, chunk, statuses, minRetries, minWarnings, maxEntries } = filter;
  const query = {
    contrib: 1,
    ...more,
    table,
    worker,
    chunk,
    min_retries: minRetries,
    min_warnings: minWarnings,
    max_entries: maxEntries,
    contrib_status: statuses?.join(','),
  };
  try {
    const reply = await context.call(getTransaction, { params: { id }, query });
    const [found] = Object.values(reply.databases).flatMap((one) => one.transactions ?? []);
    return found?.contrib;
  } catch (error) {
    if (isCode(error, 'UNKNOWN_TRANSACTION')) return undefined;
    throw error;
  }
}

const shown = ({ extensions = true, warnings = true, retries = true }: ContributionParts) => ({
  include_extensions: toBit(extensions),
  include_warnings: toBit(warnings),
  include_retries: toBit(retries),
});
