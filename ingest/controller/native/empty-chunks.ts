import { IngestError } from '../../core/errors';
import { ChunkGeometry } from '../../core/geometry';
import { hasEmptyChunks, writeEmptyChunks } from '../../storage/data/css-empty-chunks';
import { chunksOnEnabledWorkers } from '../../storage/metadata/replicas';
import type { EmptyChunksReport, FamilyDescriptor } from '../controller';
import type { NativeContext } from './context';
import { family } from './families';

/** docs/contract/controller.md §10. */
export async function rebuildEmptyChunks(
  context: NativeContext,
  database: string,
  force = false,
): Promise<EmptyChunksReport> {
  return context.changingDatabase(database, async (held) => {
    const record = await context.requireUnpublished(database);
    if (!force && (await hasEmptyChunks(context.master, database))) {
      const message = `the list of empty chunks of database '${database}' exists; rebuild it with 'force'`;
      throw new IngestError('ALREADY_EXISTS', message, { database });
    }
    const partitioning = await family(context, record.family);
    await context.steps('empty-chunks.write', { database });
    await held.check();
    return fillEmptyChunks(context, database, partitioning);
  });
}

/** Brings the list in line with the records: every chunk of the family that no enabled worker has. */
export async function fillEmptyChunks(
  context: NativeContext,
  database: string,
  { numStripes, numSubStripes }: FamilyDescriptor,
): Promise<EmptyChunksReport> {
  const filled = new Set(await context.metadata.run((sql) => chunksOnEnabledWorkers(sql, database)));
  const all = [...new ChunkGeometry(numStripes, numSubStripes).chunks()];
  const empty = all.filter((chunk) => !filled.has(chunk));
  await writeEmptyChunks(context.master, database, empty);
  return { chunks: empty.length, ingested: filled.size, all: all.length };
}
