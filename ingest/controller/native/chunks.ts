import { IngestError } from '../../core/errors';
import type { DatabaseRecord } from '../../storage/metadata/databases';
import { countChunks, replicasOf } from '../../storage/metadata/replicas';
import { usableWorkers } from '../../storage/metadata/workers';
import type { ChunkLocation, LocationScope, WorkerLocation } from '../controller';
import { findOrThrow } from './begin';
import type { NativeContext } from './context';

/** The unpublished database that a location request is about. */
export async function inScope(context: NativeContext, scope: LocationScope): Promise<DatabaseRecord> {
  if ('database' in scope) return context.requireUnpublished(scope.database);
  const { database, state } = await findOrThrow(context, scope.transactionId, { context: false, log: false });
  const record = await context.requireUnpublished(database);
  if (state === 'STARTED') return record;
  const details = { id: scope.transactionId, state };
  throw new IngestError('ILLEGAL_STATE', `super-transaction ${scope.transactionId} is ${state}, not STARTED`, details);
}

/** Names of enabled, writable workers of the target. */
export async function usable(context: NativeContext): Promise<string[]> {
  return (await context.metadata.run(usableWorkers)).filter((name) => context.workers.has(name));
}

export async function locateRegular(context: NativeContext, scope: LocationScope): Promise<WorkerLocation[]> {
  await inScope(context, scope);
  const workers = await usable(context);
  if (workers.length === 0) throw new IngestError('NO_WORKERS', 'no worker is enabled and writable');
  return Promise.all(workers.map((name) => context.location(name)));
}

/** Allocations on workers of the target that can be used. */
export async function chunks(context: NativeContext, database: string): Promise<ChunkLocation[]> {
  await context.requireDatabase(database);
  const replicas = await context.metadata.run((sql) => replicasOf(sql, database));
  return located(context, replicas, await usable(context));
}

/** With where each worker is; replicas on workers that cannot be used are left out. */
export async function located(
  context: NativeContext,
  replicas: { chunk: number; worker: string }[],
  workers: string[],
): Promise<ChunkLocation[]> {
  const places = new Map(await Promise.all(workers.map(async (name) => [name, await context.location(name)] as const)));
  return replicas.flatMap(({ chunk, worker }) => {
    const place = places.get(worker);
    return place === undefined ? [] : [{ chunk, ...place }];
  });
}

export async function chunkCount(context: NativeContext, database: string): Promise<number> {
  await context.requireDatabase(database);
  return context.metadata.run((sql) => countChunks(sql, database));
}
