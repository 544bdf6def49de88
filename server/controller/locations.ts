import {
  listChunks,
  locateChunk,
  locateChunkMulti,
  locateChunks,
  locateChunksMulti,
  locateRegular,
} from '../../api/qserv/controller/locations';
import { toWireChunkLocation, toWireLocation } from '../../api/qserv/location';
import { Refusal } from '../../api/qserv/refusal';
import type { Controller, LocationScope, WorkerLocation } from '../../ingest/controller/controller';
import { IngestError } from '../../ingest/core/errors';
import type { PlacementForm } from '../../ingest/core/placement';
import { explained, type RefusalTexts, saying } from '../http/refusals';
import { type Route, route } from '../http/route';

interface Scope {
  database?: string | undefined;
  transaction_id?: number | undefined;
}

/** Where contributions go, docs/contract/controller.md §8. */
export function locationRoutes(controller: Controller): Route[] {
  const allocate = async (scope: LocationScope, chunks: number[], form: PlacementForm, texts: RefusalTexts) => {
    const locations = await saying({ ...TEXTS, ...texts }, () => controller.allocateChunks(scope, chunks, form));
    return locations.map(toWireChunkLocation);
  };
  return [
    route(locateRegular, async ({ query, body }) => {
      const asked = body.database === undefined && body.transaction_id === undefined ? query : body;
      const scope = scopeOf(asked, '_getRegular');
      const locations = await saying(TEXTS, () => orNone(controller.locateRegular(scope)));
      return { locations: locations.map(toWireLocation) };
    }),

    route(locateChunk, async ({ body }) => {
      const locations = await allocate(scopeOf(body, '_addChunk'), [body.chunk], 'single', ONE);
      return { location: locations[0] as (typeof locations)[number], locations };
    }),

    route(locateChunkMulti, async ({ body }) => ({
      locations: await allocate(scopeOf(body, '_addChunkMulti'), [body.chunk], 'multi', ONE),
    })),

    route(locateChunks, async ({ body }) => ({
      locations: await allocate(scopeOf(body, '_addChunks'), body.chunks, 'single', {}),
    })),

    route(locateChunksMulti, async ({ body }) => ({
      locations: await allocate(scopeOf(body, '_addChunksMulti'), body.chunks, 'multi', {}),
    })),

    route(listChunks, async ({ query }) => {
      const { tables } = await controller.database(query.database);
      const partitioned = tables.filter(({ definition }) => definition.kind !== 'regular');
      const nothing = partitioned.map(({ definition }) => [definition.name, NO_SIZES]);
      const chunks = await controller.chunks(query.database);
      return { replica: chunks.map(({ chunk, worker }) => ({ ...Object.fromEntries(nothing), chunk, worker })) };
    }),
  ];
}

const TEXTS: RefusalTexts = {
  DATABASE_PUBLISHED: ({ details }) => new Refusal('E', `database '${details.database} is already published.`),
  NO_WORKERS: (error) => new Refusal('E', 'no suitable worker found', explained(error)),
  INVALID_CHUNK: ({ details }) =>
    new Refusal('E', `chunk ${(details.chunks as number[])[0]} is not valid`, { chunks: details.chunks }),
  ILLEGAL_STATE: ({ details: { chunk, id, state, ...details } }) => {
    if (chunk !== undefined)
      return new Refusal('E', `chunk ${chunk} has too many replicas`, { replicas: toWireReplicas(details) });
    if (state === undefined) return undefined;
    const tail = `transaction id=${id} is required to be in the STARTED state, the actual state is ${state}.`;
    return new Refusal('E', tail, { id, state });
  },
};

/** Words of the services for a single chunk. */
const ONE: RefusalTexts = {
  INVALID_CHUNK: ({ details }) => new Refusal('E', 'this chunk number is not valid', { chunks: details.chunks }),
  ILLEGAL_STATE: (error) => {
    const { chunk, ...details } = error.details;
    if (chunk === undefined) return TEXTS.ILLEGAL_STATE?.(error);
    return new Refusal('E', 'this chunk has too many replicas', { replicas: toWireReplicas(details) });
  },
};

function toWireReplicas({ replicas = [] }: { replicas?: unknown }) {
  const all = replicas as { worker: string; database: string; chunk: number; verifyTime: number }[];
  return all.map(({ worker, database, chunk, verifyTime }) => ({
    status: 'COMPLETE',
    worker,
    database,
    chunk,
    verify_time: verifyTime,
    files: [],
  }));
}

const NO_SIZES = {
  rows: 0,
  data_size: 0,
  index_size: 0,
  overlap_rows: 0,
  overlap_data_size: 0,
  overlap_index_size: 0,
};

/** The database wins. */
function scopeOf({ database, transaction_id: transactionId }: Scope, service: string): LocationScope {
  if (database !== undefined) return { database };
  if (transactionId !== undefined) return { transactionId };
  const expected = "this service expects either 'database' or  'transaction_id' to be provided";
  throw new Refusal('P', `HTTP-PROCESSOR ::${service} ${expected} to define a scope of the request.`);
}

/** Qserv's clients expect an empty list where no worker can be used. */
async function orNone(locations: Promise<WorkerLocation[]>): Promise<WorkerLocation[]> {
  try {
    return await locations;
  } catch (error) {
    if (error instanceof IngestError && error.code === 'NO_WORKERS') return [];
    throw error;
  }
}
