import { toWireContribution } from '../../api/qserv/contribution';
import { toWireSummary } from '../../api/qserv/contribution-summary';
import { toWireTransaction } from '../../api/qserv/transaction';
import type { ContributionFilter, ContributionSummary } from '../../ingest/controller/contributions';
import type { Controller, TransactionDescriptor } from '../../ingest/controller/controller';
import type { Contribution, ContributionStatus } from '../../ingest/core/contributions';

/** What of contributions is asked for, docs/contract/controller.md §6.3 and §6.4. */
interface Asked {
  contrib: boolean;
  contrib_long: boolean;
  contrib_status?: ContributionStatus[] | undefined;
  include_extensions: boolean;
  include_warnings: boolean;
  include_retries: boolean;
  table?: string;
  worker?: string;
  chunk?: number;
  min_retries?: number;
  min_warnings?: number;
  max_entries?: number;
}

/** Super-transactions on the wire, with their contributions where these are asked for. */
export async function withContributions(controller: Controller, transactions: TransactionDescriptor[], asked: Asked) {
  if (!asked.contrib || transactions.length === 0) return transactions.map(toWireTransaction);
  const filter: ContributionFilter = {
    transactionIds: transactions.map(({ id }) => id),
    statuses: asked.contrib_status,
    minRetries: asked.min_retries,
    minWarnings: asked.min_warnings,
    maxEntries: asked.max_entries,
    ...(asked.table ? { table: asked.table } : {}),
    ...(asked.worker ? { worker: asked.worker } : {}),
    ...(asked.chunk !== undefined && asked.chunk >= 0 ? { chunk: asked.chunk } : {}),
  };
  const parts = {
    extensions: asked.include_extensions,
    warnings: asked.include_warnings,
    retries: asked.include_retries,
  };
  const summaries = await controller.contributionSummaries(filter);
  const files = new Map<number, Contribution[]>(transactions.map(({ id }) => [id, []]));
  if (asked.contrib_long) {
    for (const file of await controller.contributions(filter, parts)) files.get(file.transactionId)?.push(file);
  }
  return transactions.map((transaction) => ({
    ...toWireTransaction(transaction),
    contrib: {
      summary: toWireSummary(summaries.get(transaction.id) as ContributionSummary),
      files: (files.get(transaction.id) as Contribution[]).map(toWireContribution),
    },
  }));
}
