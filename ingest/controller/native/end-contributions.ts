import { IngestError } from '../../core/errors';
import { releaseLocks } from '../../storage/data/user-locks';
import { placesInUse } from '../../storage/metadata/contribution-places';
import { findTable } from '../../storage/metadata/tables';
import { takePlaceToSettle } from '../../storage/places/lock';
import { finalTableOf, settlePlace } from '../../storage/places/settle';
import { forEach, type NativeContext } from './context';

/** Partitions looked at side by side. */
const WIDTH = 4;

/**
 * Sees to it that no contribution that came by itself can still attach rows: those that were ended lose their locks; rows that a commit
 * lets into their partition are waited for, and what attempts left that are gone is settled. ILLEGAL_STATE when only some of a
 * contribution's rows are there: nobody was told yet, so the super-transaction must not be committed.
 */
export async function endContributions(
  context: NativeContext,
  where: { transactionId: number } | { database: string; table: string },
): Promise<void> {
  const places = await context.metadata.run((sql) => placesInUse(sql, where));
  const harmed: number[] = [];
  await forEach(places, WIDTH, async ({ worker, place }) => {
    if (!context.workers.has(worker)) return;
    const table = await context.metadata.run((sql) => findTable(sql, place.database, place.table));
    const finalTable = finalTableOf(place, table?.definition.kind !== 'regular');
    const access = { metadata: context.metadata, control: context.control(worker), worker, place };
    await context.worker(worker).connection('end contributions', async (connection) => {
      await takePlaceToSettle(access, connection);
      const settled = await settlePlace(context.metadata, connection, worker, place, finalTable);
      for (const [id, how] of settled) if (how === 'harmed') harmed.push(id);
      await releaseLocks(connection);
    });
  });
  if (harmed.length === 0) return;
  throw new IngestError(
    'ILLEGAL_STATE',
    `only some rows of contributions ${harmed.join(', ')} were loaded: abort the super-transaction`,
    { contributions: harmed },
  );
}
