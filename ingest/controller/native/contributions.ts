import type { Contribution } from '../../core/contributions';
import { IngestError } from '../../core/errors';
import { findContribution, listContributions } from '../../storage/metadata/contribution-records';
import { summarizeContributions } from '../../storage/metadata/contribution-summaries';
import type { ContributionFilter, ContributionParts, ContributionSummary } from '../contributions';
import type { NativeContext } from './context';

/** Of one answer, which is put together in memory. */
const MOST = 100_000;

export async function contribution(
  context: NativeContext,
  id: number,
  parts?: ContributionParts,
): Promise<Contribution> {
  const found = await context.metadata.run((sql) => findContribution(sql, id, parts));
  if (found !== undefined) return found;
  throw new IngestError('UNKNOWN_CONTRIBUTION', `no such contribution ${id}`, { id });
}

export async function contributions(
  context: NativeContext,
  filter: ContributionFilter,
  parts?: ContributionParts,
): Promise<Contribution[]> {
  const found = await context.metadata.run((sql) => listContributions(sql, filter, parts, MOST));
  if (found !== undefined) return found;
  throw new IngestError('INVALID_INPUT', `there are more than ${MOST} contributions: ask for fewer`, { most: MOST });
}

export function contributionSummaries(
  context: NativeContext,
  filter: ContributionFilter,
): Promise<Map<number, ContributionSummary>> {
  return context.metadata.run((sql) => summarizeContributions(sql, filter));
}
