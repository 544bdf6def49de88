import { IngestError } from '../../core/errors';
import { DUMMY_CHUNK, META_SCHEMA, PUBLISH_SCHEMA } from '../../core/names';
import type { TableDescriptor } from '../../core/tables';
import { quoteTable } from '../../storage/data/connection';
import { consolidateDirectorIndex, createIndexBuild, putBuildInPlace } from '../../storage/data/director-index';
import { dropTables } from '../../storage/data/drop-tables';
import { indexedColumns, indexNames, isUnique } from '../../storage/data/index-definition';
import { createMarks, type Marks, readMarks } from '../../storage/data/index-marks';
import { ensureMetaSchema } from '../../storage/data/master-schemas';
import { partitionNames } from '../../storage/data/partitions';
import { replicaPlaces } from '../../storage/metadata/contributions';
import type { HeldLocks } from '../../storage/metadata/locks';
import { findTable } from '../../storage/metadata/tables';
import type { DirectorIndexOptions, DirectorIndexReport } from '../controller';
import type { NativeContext } from './context';
import { indexChunks, planReads } from './index-chunks';
import { endReplacements } from './replacements';

/** Points of building an index on request, beside those of `INDEX_CHUNK_STEPS`; each is announced before the change that it names. */
export const INDEX_BUILD_STEPS = [
  'index.build.clear',
  'index.build.create',
  'index.build.marks',
  'index.build.consolidate',
  'index.build.swap',
  'index.build.old',
  'index.build.done',
] as const;

/** Marks of a build belong to no super-transaction. */
const NO_TRANSACTION = 0;

/**
 * Builds beside and puts in place, docs/contract/controller.md §11. What is found says how far an earlier call with the same options
 * came: a build with marks is continued; marks without a build are those of one that was put in place and not cleaned up; a build
 * without marks is one that was about to be dropped, or just made.
 */
export async function buildDirectorIndex(
  context: NativeContext,
  database: string,
  name: string,
  { rebuild = false, unique: asked }: DirectorIndexOptions = {},
): Promise<DirectorIndexReport> {
  return context.changingDatabase(database, async (held) => {
    await endReplacements(context, held, database);
    const table = await publishedDirector(context, database, name);
    const unique = asked ?? isUnique(table);
    const { index, build, buildMarks, old } = indexNames(database, name);
    const { master } = context;
    const place = { marks: buildMarks(unique), transactionId: NO_TRANSACTION };
    const change = async (point: (typeof INDEX_BUILD_STEPS)[number], work: () => Promise<void>) => {
      await context.steps(point, { database, table: name });
      await held.check();
      await work();
    };
    const exists = async (schema: string, what: string) => (await partitionNames(master, schema, what)) !== undefined;
    // Marks go first: without them a build is not taken for one that can be continued.
    const clear = async (kind: boolean) => {
      await change('index.build.clear', () => dropTables(master, PUBLISH_SCHEMA, [buildMarks(kind)]));
      await dropTables(master, PUBLISH_SCHEMA, [build(kind)]);
    };
    const cleanUp = async (marks: Marks): Promise<DirectorIndexReport> => {
      await change('index.build.old', () => dropTables(master, PUBLISH_SCHEMA, [old]));
      await change('index.build.done', () => dropTables(master, PUBLISH_SCHEMA, [place.marks]));
      return { chunks: marks.size, rows: [...marks.values()].reduce((sum, rows) => sum + rows, 0) };
    };

    await ensureMetaSchema(master);
    let begun = await exists(PUBLISH_SCHEMA, build(unique));
    const known = await readMarks(master, place);
    if (!begun && known !== undefined) return cleanUp(known);
    if (!rebuild && (await exists(META_SCHEMA, index))) throw alreadyThere(database, name);
    if (await exists(PUBLISH_SCHEMA, build(!unique))) await clear(!unique);
    if (begun && known === undefined) {
      await clear(unique);
      begun = false;
    }
    if (!begun) {
      await change('index.build.create', () => createIndexBuild(master, database, table, unique));
      await change('index.build.marks', () => createMarks(master, place.marks));
    }

    await fill(context, held, database, table, quoteTable(PUBLISH_SCHEMA, build(unique)), place);

    const marks = (await readMarks(master, place)) ?? new Map();
    if (await exists(META_SCHEMA, index)) {
      // An automatic one may have its partitions yet, and a table that has some is not renamed.
      await change('index.build.consolidate', () => consolidateDirectorIndex(master, database, name));
      await dropTables(master, PUBLISH_SCHEMA, [old]);
    }
    await change('index.build.swap', () => putBuildInPlace(master, database, name, unique));
    return cleanUp(marks);
  });
}

/** Takes in what is missing: every chunk that a replica is known of, from one of its workers. */
async function fill(
  context: NativeContext,
  held: HeldLocks,
  database: string,
  table: TableDescriptor,
  index: string,
  place: { marks: string; transactionId: number },
): Promise<void> {
  const done = await readMarks(context.master, place);
  const places = await context.metadata.run((sql) => replicaPlaces(sql, database));
  const missing = places.filter(({ chunk }) => chunk !== DUMMY_CHUNK && !done?.has(chunk));
  const target = { index, place, layered: false };
  await indexChunks(context, held, { database, table, target, plan: planReads(missing), onChunk: () => {} });
}

async function publishedDirector(context: NativeContext, database: string, name: string): Promise<TableDescriptor> {
  await context.requireDatabase(database);
  const table = await context.metadata.run((sql) => findTable(sql, database, name));
  const details = { database, table: name };
  if (table === undefined) throw new IngestError('UNKNOWN_TABLE', `no such table '${database}.${name}'`, details);
  indexedColumns(table);
  if (!table.isPublished) {
    const message = `the director table '${name}' of the database '${database}' is not published`;
    throw new IngestError('ILLEGAL_STATE', message, { ...details, isPublished: false });
  }
  return table;
}

function alreadyThere(database: string, table: string): IngestError {
  const message = `the director index of ${database}.${table} is there already: ask for a rebuild to replace it`;
  return new IngestError('ALREADY_EXISTS', message, { database, table });
}
