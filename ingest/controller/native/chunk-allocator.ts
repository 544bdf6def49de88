import { IngestError } from '../../core/errors';
import { ChunkGeometry } from '../../core/geometry';
import { type Placement, type PlacementForm, Placer } from '../../core/placement';
import type { DatabaseRecord } from '../../storage/metadata/databases';
import { insertReplicas, lockPlacement, placementState, replicasOfChunks } from '../../storage/metadata/replicas';
import type { ChunkLocation, LocationScope } from '../controller';
import { invalidChunks } from '../rules';
import { inScope, located, usable } from './chunks';
import type { NativeContext } from './context';
import { family } from './families';
import { Gathering } from './gathering';

interface Request {
  database: DatabaseRecord;
  chunks: number[];
  form: PlacementForm;
}

/**
 * Where chunks go. Workflows ask from many places at once, mostly for chunks that have their worker already: requests that come at
 * the same time are answered together, and the placement lock is taken for new chunks alone.
 */
export class ChunkAllocator {
  private readonly scopes: Gathering<LocationScope, DatabaseRecord>;
  private readonly lookups: Gathering<Request, Placement[] | undefined>;
  private readonly placings: Gathering<Request, Placement[]>;
  /** Made once for each partitioning: their making would be most of the work. */
  private readonly geometries = new Map<string, ChunkGeometry>();

  constructor(private readonly context: NativeContext) {
    this.scopes = new Gathering(async (scopes) => {
      const record = await inScope(context, scopes[0]);
      return scopes.map(() => () => record);
    });
    this.lookups = new Gathering(async (requests) => {
      const { numStripes, numSubStripes } = await family(context, requests[0].database.family);
      return lookUp(context, requests, this.geometry(numStripes, numSubStripes));
    });
    this.placings = new Gathering((requests) => place(context, requests));
  }

  async allocate(scope: LocationScope, chunks: number[], form: PlacementForm = 'single'): Promise<ChunkLocation[]> {
    const key = 'database' in scope ? `database ${scope.database}` : `super-transaction ${scope.transactionId}`;
    const database = await this.scopes.ask(key, scope);
    const request = { database, chunks, form };
    try {
      const placements =
        (await this.lookups.ask(database.name, request)) ?? (await this.placings.ask(database.name, request));
      const replicas = placements.flatMap(({ chunk, workers }) => workers.map((worker) => ({ chunk, worker })));
      return await located(this.context, replicas, [...new Set(replicas.map(({ worker }) => worker))]);
    } catch (error) {
      throw await withReplicas(this.context, database.name, error);
    }
  }

  private geometry(numStripes: number, numSubStripes: number): ChunkGeometry {
    const key = `${numStripes}/${numSubStripes}`;
    const geometry = this.geometries.get(key) ?? new ChunkGeometry(numStripes, numSubStripes);
    this.geometries.set(key, geometry);
    return geometry;
  }
}

/** Placements where all of a request's chunks have them. Refuses numbers that are not valid. */
async function lookUp(context: NativeContext, requests: [Request, ...Request[]], geometry: ChunkGeometry) {
  const [{ database }] = requests;
  const numbers = everyChunk(requests).filter((chunk) => geometry.isValid(chunk));
  const inDatabase = new Map<number, string[]>();
  for (const { chunk, worker } of await context.metadata.run((sql) => replicasOfChunks(sql, database.name, numbers))) {
    inDatabase.set(chunk, [...(inDatabase.get(chunk) ?? []), worker]);
  }
  const workers = await usable(context);
  const placer = new Placer({ usable: workers, load: new Map(), inDatabase, inFamily: new Map() });
  return requests.map(({ chunks, form }) => () => {
    const bad = chunks.filter((chunk) => !geometry.isValid(chunk));
    if (bad.length > 0) throw invalidChunks(bad, geometry);
    return chunks.every((chunk) => placer.here(chunk).length > 0) ? placer.place(chunks, form) : undefined;
  });
}

/** Gives new chunks their workers, for good. */
async function place(context: NativeContext, requests: [Request, ...Request[]]) {
  const [{ database }] = requests;
  // Publish must not see some of a request's chunks only: neither may come while the other is at work.
  return context.withinDatabase(database.name, async (held) => {
    const { name, family: familyName } = await context.requireUnpublished(database.name);
    const workers = await usable(context);
    await held.check();
    return context.metadata.transaction(async (tx) => {
      await lockPlacement(tx);
      const placer = new Placer(await placementState(tx, name, familyName, everyChunk(requests), workers));
      const outcomes = requests.map(({ chunks, form }) => {
        try {
          const placed = placer.place(chunks, form);
          return { placed, answer: () => placed };
        } catch (error) {
          return {
            placed: [],
            answer: () => {
              throw error;
            },
          };
        }
      });
      await insertReplicas(
        tx,
        name,
        outcomes.flatMap(({ placed }) => placed),
      );
      return outcomes.map(({ answer }) => answer);
    });
  });
}

function everyChunk(requests: Request[]): number[] {
  const numbers = new Set<number>();
  for (const { chunks } of requests) for (const chunk of chunks) numbers.add(chunk);
  return [...numbers];
}

/** A refusal of a chunk with several replicas tells of these. */
async function withReplicas(context: NativeContext, database: string, error: unknown): Promise<unknown> {
  if (!(error instanceof IngestError) || error.code !== 'ILLEGAL_STATE') return error;
  const { chunk, workers } = error.details as { chunk?: number; workers?: string[] };
  if (chunk === undefined || workers === undefined) return error;
  const all = await context.metadata.run((sql) => replicasOfChunks(sql, database, [chunk]));
  const replicas = all.filter(({ worker }) => workers.includes(worker)).map((replica) => ({ database, ...replica }));
  return new IngestError(error.code, error.message, { ...error.details, replicas }, { cause: error });
}
