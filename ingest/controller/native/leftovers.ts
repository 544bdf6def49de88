import { IngestError, withFacts } from '../../core/errors';
import { ownsFinalTable, type TableDefinition } from '../../core/tables';
import type { DataServer } from '../../storage/data/connection';
import { tableNames } from '../../storage/data/drop-tables';
import { tablesOf } from '../../storage/metadata/tables';
import type { NativeContext } from './context';

/**
 * ILLEGAL_STATE when a server has tables that a new one would take for its own, and that nothing is recorded of: those of a database
 * whose family was deleted by force, say. Their rows would come to light with it, or nothing could be loaded into them.
 */
export async function refuseLeftovers(
  context: NativeContext,
  database: string,
  definition: TableDefinition,
): Promise<void> {
  const recorded = await context.metadata.run((sql) => tablesOf(sql, database));
  const look = async (server: DataServer) => {
    const there = await withFacts({ worker: server.name, finalTable: definition.name }, () =>
      tableNames(server, database),
    );
    const left = there.find(
      (name) => ownsFinalTable(definition, name) && !recorded.some((table) => ownsFinalTable(table.definition, name)),
    );
    if (left === undefined) return;
    const message = `${server.name} has a table '${database}.${left}' that nothing is recorded of: drop it, or delete the database and register it anew`;
    const where = { worker: server.name, finalTable: left };
    throw new IngestError('ILLEGAL_STATE', message, { database, table: definition.name, ...where });
  };
  await look(context.master);
  await context.onWorkers(look);
}
