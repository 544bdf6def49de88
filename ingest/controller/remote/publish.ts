import { publishDatabase } from '../../../api/qserv/controller/databases';
import { isEnded } from '../../core/transactions';
import { isCode, isUnknown, refusalOf } from '../../remote/outcome';
import type { DatabaseDescriptor, PublishOptions, PublishReport } from '../controller';
import { openTransactionsError } from '../rules';
import { alreadyPublished, type RemoteContext } from './context';
import { transactions } from './transactions';

/** MySQL's word for a table that has no partitions to be removed: an earlier call has done that, docs/contract/publishing.md §4. */
const NOT_PARTITIONED = /\b1505\b|not partitioned|isn't partitioned/i;

/** How many tables were finished, and how, is not told. */
export async function publish(
  context: RemoteContext,
  database: string,
  options: PublishOptions = {},
): Promise<PublishReport> {
  const { mustChange = false, consolidateDirectorIndex = false } = options;
  const before = await context.requireDatabase(database);
  if (before.isPublished) {
    if (mustChange) throw alreadyPublished(database);
    return report(before);
  }
  try {
    await send(context, database, options, consolidateDirectorIndex);
  } catch (error) {
    if (isCode(error, 'OPEN_TRANSACTIONS')) throw (await openOnes(context, database)) ?? error;
    const published = isCode(error, 'DATABASE_PUBLISHED') && !mustChange;
    if (!published && !isUnknown(error)) throw error;
    const after = await context.requireDatabase(database).catch(() => before);
    if (!after.isPublished) throw error;
  }
  return report(await context.requireDatabase(database));
}

async function send(
  context: RemoteContext,
  database: string,
  options: PublishOptions,
  consolidate: boolean,
): Promise<void> {
  const body = {
    consolidate_secondary_index: consolidate ? 1 : 0,
    row_counters_deploy_at_qserv: options.deployRowCounters ? 1 : 0,
  };
  try {
    await context.call(publishDatabase, { params: { database }, body }, { long: true });
  } catch (error) {
    if (!consolidate || !NOT_PARTITIONED.test(refusalOf(error))) throw error;
    await send(context, database, options, false);
  }
}

function report(database: DatabaseDescriptor): PublishReport {
  return { database, renamed: 0, copied: 0, replaced: [] };
}

async function openOnes(context: RemoteContext, database: string): Promise<Error | undefined> {
  const all = await transactions(context, { database }, { context: false, log: false });
  const open = all.filter(({ state }) => !isEnded(state)).sort((a, b) => a.id - b.id);
  return open.length === 0 ? undefined : openTransactionsError(database, open);
}
