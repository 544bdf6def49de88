import { IngestError } from '../../core/errors';
import { ChunkGeometry } from '../../core/geometry';
import { type PlacementForm, placeChunks } from '../../core/placement';
import type { DatabaseRecord } from '../../storage/metadata/databases';
import type { HeldLocks } from '../../storage/metadata/locks';
import { insertReplicas, lockPlacement, placementState, replicasOf } from '../../storage/metadata/replicas';
import { usableWorkers } from '../../storage/metadata/workers';
import type { ChunkLocation, LocationScope, WorkerLocation } from '../controller';
import { findOrThrow } from './begin';
import type { NativeContext } from './context';
import { family } from './families';

/** The unpublished database that a location request is about. */
async function inScope(context: NativeContext, scope: LocationScope): Promise<DatabaseRecord> {
  if ('database' in scope) return context.requireUnpublished(scope.database);
  const { database, state } = await findOrThrow(context, scope.transactionId);
  const record = await context.requireUnpublished(database);
  if (state === 'STARTED') return record;
  const details = { id: scope.transactionId, state };
  throw new IngestError('ILLEGAL_STATE', `super-transaction ${scope.transactionId} is ${state}, not STARTED`, details);
}

async function usable(context: NativeContext): Promise<string[]> {
  const workers = (await context.metadata.run(usableWorkers)).filter((name) => context.workers.has(name));
  if (workers.length === 0) throw new IngestError('NO_WORKERS', 'no worker is enabled and writable');
  return workers;
}

export async function locateRegular(context: NativeContext, scope: LocationScope): Promise<WorkerLocation[]> {
  await inScope(context, scope);
  return (await usable(context)).map((name) => context.location(name));
}

export async function allocateChunks(
  context: NativeContext,
  scope: LocationScope,
  chunks: number[],
  form: PlacementForm = 'single',
): Promise<ChunkLocation[]> {
  const { name } = await inScope(context, scope);
  // Publish must not see some of its chunks only: neither may come while the other is at work.
  return context.withinDatabase(name, async (held) => {
    const record = await inScope(context, scope);
    return allocate(context, held, record, chunks, form);
  });
}

async function allocate(
  context: NativeContext,
  held: HeldLocks,
  { name: database, family: familyName }: DatabaseRecord,
  chunks: number[],
  form: PlacementForm,
): Promise<ChunkLocation[]> {
  const { numStripes, numSubStripes } = await family(context, familyName);
  const geometry = new ChunkGeometry(numStripes, numSubStripes);
  const bad = chunks.filter((chunk) => !geometry.isValid(chunk));
  if (bad.length > 0) {
    const some = bad.slice(0, 10).join(', ');
    const message = `not valid for ${numStripes} stripes of ${numSubStripes} sub-stripes: chunk ${some}${bad.length > 10 ? ', …' : ''}`;
    throw new IngestError('INVALID_CHUNK', message, { chunks: bad });
  }
  const workers = await usable(context);
  await held.check();
  const placements = await context.metadata.transaction(async (tx) => {
    await lockPlacement(tx);
    const state = await placementState(tx, database, familyName, chunks, workers);
    const placed = placeChunks(chunks, state, form);
    await insertReplicas(tx, database, placed);
    return placed;
  });
  return placements.flatMap(({ chunk, workers: names }) => names.map((name) => ({ chunk, ...context.location(name) })));
}

/** Allocations on workers of the target that can be used. */
export async function chunks(context: NativeContext, database: string): Promise<ChunkLocation[]> {
  await context.requireDatabase(database);
  const [replicas, names] = await context.metadata.run((sql) =>
    Promise.all([replicasOf(sql, database), usableWorkers(sql)]),
  );
  return replicas
    .filter(({ worker }) => names.includes(worker) && context.workers.has(worker))
    .map(({ chunk, worker }) => ({ chunk, ...context.location(worker) }));
}
