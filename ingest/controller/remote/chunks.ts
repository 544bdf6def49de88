import { z } from 'zod';
import {
  listChunks,
  locateChunks,
  locateChunksMulti,
  locateRegular as regular,
} from '../../../api/qserv/controller/locations';
import { fromWireChunkLocation, fromWireLocation } from '../../../api/qserv/location';
import { IngestError } from '../../core/errors';
import { ChunkGeometry } from '../../core/geometry';
import type { PlacementForm } from '../../core/placement';
import { isCode } from '../../remote/outcome';
import type { ChunkLocation, LocationScope, WorkerLocation } from '../controller';
import { invalidChunks } from '../rules';
import { alreadyPublished, databaseOf, familyOf, type RemoteContext } from './context';
import { transaction, transactionInScope } from './transactions';

/** Without the sizes of tables, of which a real server tells what its scans have found. */
const listPlaces = {
  ...listChunks,
  reply: z.object({ replica: z.array(z.object({ chunk: z.int(), worker: z.string() })) }),
};

/** What Qserv reads of a scope; it does not look at the super-transaction's state, which must be STARTED. */
async function inScope(
  context: RemoteContext,
  scope: LocationScope,
): Promise<{ database: string } | { transaction_id: number }> {
  if ('database' in scope) return { database: scope.database };
  const { transactionId: id } = scope;
  const { transaction: found, isPublished } = await transactionInScope(context, id, { context: false, log: false });
  if (isPublished) throw alreadyPublished(found.database);
  if (found.state === 'STARTED') return { transaction_id: id };
  const message = `super-transaction ${id} is ${found.state}, not STARTED`;
  throw new IngestError('ILLEGAL_STATE', message, { id, state: found.state });
}

export async function locateRegular(context: RemoteContext, scope: LocationScope): Promise<WorkerLocation[]> {
  const { locations } = await context.call(regular, { query: {}, body: await inScope(context, scope) });
  if (locations.length === 0) throw new IngestError('NO_WORKERS', 'no worker is enabled and writable');
  return locations.map(fromWireLocation);
}

export async function allocateChunks(
  context: RemoteContext,
  scope: LocationScope,
  chunks: number[],
  form: PlacementForm = 'single',
): Promise<ChunkLocation[]> {
  const where = await inScope(context, scope);
  // Qserv takes negative numbers for others, and some of those for chunks.
  if (chunks.some((chunk) => !Number.isInteger(chunk) || chunk < 0)) await checkChunks(context, scope, chunks);
  try {
    const endpoint = form === 'multi' ? locateChunksMulti : locateChunks;
    const { locations } = await context.call(endpoint, { body: { ...where, chunks } }, { long: true });
    return locations.map(fromWireChunkLocation);
  } catch (error) {
    // It names one.
    if (isCode(error, 'INVALID_CHUNK')) await checkChunks(context, scope, chunks);
    throw error;
  }
}

/** INVALID_CHUNK with all that are not valid. */
async function checkChunks(context: RemoteContext, scope: LocationScope, chunks: number[]): Promise<void> {
  const name = 'database' in scope ? scope.database : (await transaction(context, scope.transactionId)).database;
  const records = await context.records();
  const { numStripes, numSubStripes } = familyOf(records, databaseOf(records, name).family);
  const geometry = new ChunkGeometry(numStripes, numSubStripes);
  const bad = chunks.filter((chunk) => !geometry.isValid(chunk));
  if (bad.length > 0) throw invalidChunks(bad, geometry);
}

/** By chunk and worker. */
export async function chunks(context: RemoteContext, database: string): Promise<ChunkLocation[]> {
  const [{ replica }, { workers }] = await Promise.all([
    context.call(listPlaces, { query: { database } }),
    context.records(),
  ]);
  const places = new Map(workers.map(({ name, location }) => [name, location]));
  const found = replica.flatMap(({ chunk, worker }) => {
    const location = places.get(worker);
    return location === undefined ? [] : [{ chunk, ...location }];
  });
  return found.sort((a, b) => a.chunk - b.chunk || (a.worker < b.worker ? -1 : 1));
}

export async function chunkCount(context: RemoteContext, database: string): Promise<number> {
  const { replica } = await context.call(listPlaces, { query: { database } });
  return new Set(replica.map(({ chunk }) => chunk)).size;
}
