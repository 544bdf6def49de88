import { type Alteration, parseAlteration } from '../../core/alteration';
import { alterationFaults, alteredFaults, recordedColumns } from '../../core/altered-columns';
import { IngestError, invalidInput } from '../../core/errors';
import { nextAlteration, type PendingAlteration } from '../../core/pending-alteration';
import type { ColumnDefinition, TableDescriptor } from '../../core/tables';
import { inKnownMode, tryAlteration } from '../../storage/data/alter-table';
import { requireCssTable, writeCssSchema } from '../../storage/data/css';
import { onLanes } from '../../storage/data/lanes';
import { columnTypes, shownColumns } from '../../storage/data/table-columns';
import { findAlteration, noteAlteration, recordAlteration } from '../../storage/metadata/table-alterations';
import { alterFinalTables } from './alter-finals';
import { type AlterRun, alterOne, alterRun } from './alter-run';
import type { NativeContext } from './context';

export async function tableSchema(context: NativeContext, database: string, name: string): Promise<ColumnDefinition[]> {
  const { isPublished } = await context.requireDatabase(database);
  const { columns } = await context.requireTable(database, name);
  if (!isPublished) return columns;
  const shown = await columnTypes(context.master, database, name);
  if (shown.length > 0) return shown;
  const message = `the master has no table '${database}.${name}', although the database is published`;
  throw new IngestError('ILLEGAL_STATE', message, { database, table: name });
}

/**
 * The order of docs/contract/controller.md §15, after a note of what is intended: it outlives this process, and whoever makes the
 * same call finds by it which tables have the change.
 */
export function alterTable(context: NativeContext, database: string, name: string, spec: string): Promise<void> {
  return context.changingDatabase(database, async (held) => {
    const table = await publishedTable(context, database, name);
    const alteration = parseAlteration(spec);
    if (typeof alteration === 'string') throw invalidInput(`table ${name}`, [{ path: 'spec', message: alteration }]);
    const faults = alterationFaults(table, alteration);
    if (faults.length > 0) throw invalidInput(`table ${name}`, faults);
    await requireCssTable(context.master, database, name);
    await context.endOthers(database);

    const run = alterRun(context, held, database, table);
    const change = await plan(run, alteration);
    await onLanes(context.master, database, [name], (connection) =>
      alterOne(connection, database, name, change, () => run.step('alter.shell')),
    );
    await run.step('alter.css');
    await writeCssSchema(context.master, database, name, change.columns);
    await alterFinalTables(run, change);
    await run.step('alter.record');
    await context.metadata.transaction((tx) => recordAlteration(tx, database, name, change.columns));
  });
}

async function publishedTable(context: NativeContext, database: string, name: string): Promise<TableDescriptor> {
  const { isPublished } = await context.requireDatabase(database);
  const table = await context.requireTable(database, name);
  if (isPublished) return table;
  const message = `database '${database}' is not published`;
  throw new IngestError('ILLEGAL_STATE', message, { database, isPublished });
}

/** The noted change that this call goes on with, or a new one, which is noted. */
async function plan(run: AlterRun, alteration: Alteration): Promise<PendingAlteration> {
  const { context, database, table } = run;
  const { name } = table.definition;
  const noted = await context.metadata.run((sql) => findAlteration(sql, database, name));
  if (noted?.spec === alteration.sql) return noted;
  const { before, after } = await judge(run, alteration);
  const columns = recordedColumns(table, alteration, before, after);
  const change = nextAlteration(noted, { spec: alteration.sql, before, after, columns }, table.columns);
  if (change === undefined) {
    const message = `an earlier change of '${database}.${name}' has not reached all of its final tables: make that call again (${noted?.spec}), or one that takes it back`;
    throw new IngestError('ILLEGAL_STATE', message, { database, table: name, spec: noted?.spec });
  }
  const faults = alteredFaults(table, alteration, before, after, change.columns);
  if (faults.length > 0) throw invalidInput(`table ${name}`, faults);
  await run.step('alter.note');
  await context.metadata.run((sql) => noteAlteration(sql, database, name, change));
  return change;
}

/** The columns of the master's table before the change and after it; nothing is changed. */
function judge({ context, database, table: { definition } }: AlterRun, { sql }: Alteration) {
  return context.master.connection('try the change', (connection) =>
    inKnownMode(connection, async () => ({
      before: await shownColumns(connection, database, definition.name),
      after: await tryAlteration(connection, database, definition.name, sql),
    })),
  );
}
