import { markDatabaseUnpublished } from '../../storage/metadata/databases';
import type { DatabaseDescriptor } from '../controller';
import type { NativeContext } from './context';
import { database as describe } from './databases';

/** Points of unpublishing. */
export const UNPUBLISH_STEPS = ['unpublish.flag'] as const;

/** The flag and nothing else: what queries see stays (docs/contract/controller.md §4.4). */
export async function unpublish(context: NativeContext, database: string): Promise<DatabaseDescriptor> {
  return context.changingDatabase(database, async (held) => {
    const { isPublished } = await context.requireDatabase(database);
    if (isPublished) {
      await context.steps('unpublish.flag', { database });
      await held.check();
      await context.metadata.run((sql) => markDatabaseUnpublished(sql, database));
    }
    return describe(context, database);
  });
}
