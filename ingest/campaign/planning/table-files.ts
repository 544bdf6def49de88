import { ChunkGeometry } from '../../core/geometry';
import { type SourceRules, shownUrl } from '../../source';
import type { Catalog, CatalogTable } from './catalog';
import type { Faults } from './faults';
import { listFiles, type PlannedFile } from './files';
import { inspectFiles } from './inspect';
import type { Tell } from './progress';
import { type DraftUnit, groupUnits } from './units';

export interface FileContext {
  base: string | undefined;
  rules: SourceRules;
  faults: Faults;
  signal?: AbortSignal;
  tell: Tell;
}

/** Looks at all files of a catalog's tables and groups them into units. Faults are added. */
export async function draftUnits(
  { database, tables }: Pick<Catalog, 'database' | 'tables'>,
  context: FileContext,
): Promise<DraftUnit[]> {
  const drafts: DraftUnit[] = [];
  const geometry = new ChunkGeometry(database.numStripes, database.numSubStripes);
  for (const table of tables) {
    const files = await tableFiles(table, geometry, context);
    context.tell('grouping');
    for (const unit of await groupUnits(table, files)) drafts.push(unit);
  }
  return drafts;
}

/** All files of a table that are there, with their facts. */
async function tableFiles(
  table: CatalogTable,
  geometry: ChunkGeometry,
  { base, rules, faults, signal, tell }: FileContext,
): Promise<PlannedFile[]> {
  const files: PlannedFile[] = [];
  const urls = new Map<string, string>();
  for (const [j, group] of table.contributions.entries()) {
    const listed = listFiles(group, `${table.path}.contributions[${j}]`, { base, table, geometry, rules, faults });
    const take = (file: PlannedFile) => {
      const earlier = urls.get(file.url);
      if (earlier !== undefined)
        faults.add(file.path, `${shownUrl(file.url)} is named already by ${earlier}; its rows would be loaded twice`);
      urls.set(file.url, file.path);
      files.push(file);
      tell('files', file);
    };
    await inspectFiles(listed, table, rules, faults, take, signal);
  }
  return files;
}
