import { IngestError } from '../../core/errors';
import { lacksAlteration, type PendingAlteration } from '../../core/pending-alteration';
import type { TableDescriptor } from '../../core/tables';
import { alterTable, inKnownMode } from '../../storage/data/alter-table';
import type { DataConnection } from '../../storage/data/connection';
import { shownColumns } from '../../storage/data/table-columns';
import type { HeldLocks } from '../../storage/metadata/locks';
import type { NativeContext } from './context';

/** Points of changing a table; each is announced before the change that it names. */
export const ALTER_TABLE_STEPS = ['alter.note', 'alter.shell', 'alter.css', 'alter.table', 'alter.record'] as const;

/** One change of one table. */
export interface AlterRun {
  context: NativeContext;
  database: string;
  table: TableDescriptor;
  /** Announces the change that follows, and makes sure that it may be made. */
  step(name: (typeof ALTER_TABLE_STEPS)[number], detail?: Record<string, unknown>): Promise<void>;
}

export function alterRun(context: NativeContext, held: HeldLocks, database: string, table: TableDescriptor): AlterRun {
  const step: AlterRun['step'] = async (name, detail = {}) => {
    await context.steps(name, { database, table: table.definition.name, ...detail });
    await held.check();
  };
  return { context, database, table, step };
}

/** Changes one table of a server unless it has the change. `announce` comes right before the statement. */
export function alterOne(
  connection: DataConnection,
  database: string,
  name: string,
  change: PendingAlteration,
  announce: () => Promise<void>,
): Promise<void> {
  return inKnownMode(connection, async () => {
    const lacks = lacksAlteration(await shownColumns(connection, database, name), change);
    if (lacks === undefined) {
      const message = `the columns of ${database}.${name} are neither those before the change nor those after it`;
      throw new IngestError('ILLEGAL_STATE', message, { database, table: name });
    }
    if (!lacks) return;
    await announce();
    await alterTable(connection, database, name, change.spec);
  });
}
