import { META_SCHEMA, rowCountersTable } from '../../core/names';
import { finalTables, ownsFinalTable, type TableDefinition } from '../../core/tables';
import type { DataServer } from '../../storage/data/connection';
import { tableNames } from '../../storage/data/drop-tables';
import { oldName, type Succession } from '../../storage/data/replace-tables';
import type { NextVersion } from '../../storage/metadata/replacements';

/** The next version's definition under the name that it is to have. */
export function finalDefinition({ definition, replaces }: NextVersion): TableDefinition {
  return { ...definition, name: replaces };
}

/** Which tables of a worker take which ones' place; `chunks` are those that the worker has. */
export async function workerSuccessions(
  server: DataServer,
  database: string,
  versions: NextVersion[],
  chunks: number[],
): Promise<Succession[]> {
  const names = await tableNames(server, database);
  return versions.flatMap((version) => {
    const [next, final] = [version.definition, finalDefinition(version)];
    const parts = [next, final].flatMap((of) =>
      names.filter((name) => ownsFinalTable(of, name)).map((name) => name.slice(of.name.length)),
    );
    // Publish made all of these of the next version before anything is renamed.
    const certain = new Set(finalTables(final, chunks));
    return [...new Set(parts)].map((part) => ({
      schema: database,
      next: next.name + part,
      final: final.name + part,
      old: oldName(database, final.name, part),
      certain: certain.has(final.name + part),
    }));
  });
}

/** The same on the master: the shell that queries see, and row counters, which not every table has. */
export function masterSuccessions(database: string, versions: NextVersion[]): Succession[] {
  return versions.flatMap(({ definition: { name: next }, replaces: final }) => [
    { schema: database, next, final, old: oldName(database, final, 'shell'), certain: true },
    {
      schema: META_SCHEMA,
      next: rowCountersTable(database, next),
      final: rowCountersTable(database, final),
      old: oldName(database, final, 'rows'),
      certain: false,
    },
  ]);
}
