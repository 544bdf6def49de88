import { DUMMY_CHUNK, parseFinalTable } from '../../core/names';
import { kindOf, type TableDescriptor } from '../../core/tables';
import { tableNames } from '../../storage/data/drop-tables';
import { scanTables } from '../../storage/data/scan';
import { tablesOf } from '../../storage/metadata/tables';
import type { TableCount } from '../controller';
import type { NativeContext } from './context';

/** Rows of one final table on one worker. */
interface Found {
  worker: string;
  chunk: number;
  overlap: boolean;
  rows: number;
}

/** Scans every final table on every worker. */
export async function countRows(context: NativeContext, database: string): Promise<TableCount[]> {
  await context.requireDatabase(database);
  const tables = await context.metadata.run((sql) => tablesOf(sql, database));
  const found = new Map<string, Found[]>(tables.map((t) => [t.definition.name, []]));
  await context.onWorkers(async (server) => {
    const names = (await tableNames(server, database)).filter((name) => ownerOf(tables, name) !== undefined);
    for (const [name, rows] of await scanTables(server, database, names)) {
      const { chunk = 0, overlap } = parseFinalTable(name);
      const owner = ownerOf(tables, name) as TableDescriptor;
      const place = kindOf(owner.definition).partitioned ? { chunk, overlap } : { chunk: 0, overlap: false };
      found.get(owner.definition.name)?.push({ worker: server.name, ...place, rows });
    }
  });
  return tables.map((table) => summary(table, found.get(table.definition.name) ?? []));
}

/** The table that a final table belongs to; prototypes and dummy chunks, which never hold data, belong to none. */
function ownerOf(tables: TableDescriptor[], name: string): TableDescriptor | undefined {
  const { table, chunk } = parseFinalTable(name);
  return tables.find(({ definition }) =>
    kindOf(definition).partitioned
      ? definition.name === table && chunk !== undefined && chunk !== DUMMY_CHUNK
      : definition.name === name,
  );
}

/** Replicas of one chunk, like copies of a regular table, count once (the first worker's by name) and must agree. */
function summary({ definition }: TableDescriptor, found: Found[]): TableCount {
  const places = new Map<string, Found>();
  let agree = true;
  for (const one of [...found].sort((a, b) => (a.worker < b.worker ? -1 : 1))) {
    const place = `${one.chunk} ${one.overlap}`;
    const other = places.get(place);
    if (other === undefined) places.set(place, one);
    else if (other.rows !== one.rows) agree = false;
  }
  const sum = (overlap: boolean) =>
    [...places.values()].reduce((total, p) => total + (p.overlap === overlap ? p.rows : 0), 0);
  const workers = new Set(found.map((f) => f.worker)).size;
  return { table: definition.name, rows: sum(false), overlapRows: sum(true), workers, agree };
}
