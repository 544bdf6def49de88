import { IngestError } from '../../core/errors';
import { markDatabasePublished, markDatabaseUnpublished } from '../../storage/metadata/databases';
import { markTablePublished, tablesOf } from '../../storage/metadata/tables';
import type { ChangeOptions, DatabaseDescriptor } from '../controller';
import { type NativeContext, unpublished } from './context';
import { database as describe } from './databases';

/** Points of unpublishing. */
export const UNPUBLISH_STEPS = ['unpublish.flag'] as const;

/** The flag and nothing else: what queries see stays (docs/contract/controller.md §4.4). */
export async function unpublish(
  context: NativeContext,
  database: string,
  { mustChange = false }: ChangeOptions = {},
): Promise<DatabaseDescriptor> {
  return context.changingDatabase(database, async (held) => {
    const { isPublished } = await context.requireDatabase(database);
    if (isPublished) {
      await context.steps('unpublish.flag', { database });
      await held.check();
      await context.metadata.run((sql) => markDatabaseUnpublished(sql, database));
    } else if (mustChange) {
      throw new IngestError('ILLEGAL_STATE', `the database '${database}' is not published`, { database });
    }
    return describe(context, database);
  });
}

/** The flags and nothing else. */
export async function markPublished(context: NativeContext, database: string): Promise<DatabaseDescriptor> {
  return context.changingDatabase(database, async (held) => {
    await context.requireUnpublished(database);
    const tables = await context.metadata.run((sql) => tablesOf(sql, database));
    const next = tables.find((table) => table.replaces !== undefined);
    if (next !== undefined) {
      const { name } = next.definition;
      const message = `'${name}' is the next version of table '${next.replaces}', and only publish can put it in place`;
      throw new IngestError('ILLEGAL_STATE', message, { database, table: name });
    }
    await held.check();
    await context.metadata.transaction(async (tx) => {
      for (const { definition } of unpublished(tables)) await markTablePublished(tx, database, definition.name);
      await markDatabasePublished(tx, database);
    });
    return describe(context, database);
  });
}
