import { withFacts } from '../../../core/errors';
import { collectUnder, deployUnder } from '../row-counters';
import type { PublishRun } from './run';

/**
 * Counts the rows of the tables that are published, if that is asked for, and gives Qserv the counts. Next versions of tables get
 * theirs under the names that they still have: they go with them.
 */
export async function countForQserv({ context, held, database, unpublished, options }: PublishRun): Promise<void> {
  if (!options.deployRowCounters) return;
  for (const { definition } of unpublished) {
    const { name } = definition;
    await withFacts({ phase: 'count' }, () => collectUnder(context, held, database, name, { policy: 'ENABLED' }));
    await withFacts({ phase: 'deploy' }, () => deployUnder(context, held, database, name));
  }
}
