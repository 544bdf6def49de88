import { DUMMY_CHUNK } from './names';

/** Chunk geometry of a database family, docs/contract/storage.md §9 (lsst/sphgeom src/Chunker.cc). Angles in degrees. */

export interface ChunkPlace {
  chunk: number;
  subChunk: number;
}

export interface SkyBox {
  raMin: number;
  raMax: number;
  decMin: number;
  decMax: number;
}

const RADIANS = Math.PI / 180;
/** Closer to a pole than this, one segment is all there is. */
const POLE = Math.PI / 2 - RADIANS / 3600;
const MAX_SUB_STRIPES = 648_000;

/** How many segments of at least `width` fit around the sky between two latitudes. All in radians. */
function segments(lat1: number, lat2: number, width: number): number {
  const m = Math.max(Math.abs(lat1), Math.abs(lat2));
  if (m > POLE || width >= Math.PI) return 1;
  const x = Math.cos(width) - Math.sin(m) ** 2;
  const u = Math.cos(m) ** 2;
  const y = Math.sqrt(Math.abs(u * u - x * x));
  return Math.floor((2 * Math.PI) / Math.abs(Math.atan2(y, x)));
}

/** What is wrong with a partitioning, or undefined. */
export function geometryFault(numStripes: number, numSubStripes: number): string | undefined {
  if (!Number.isInteger(numStripes) || numStripes < 1) return 'the number of stripes must be a positive integer';
  if (!Number.isInteger(numSubStripes) || numSubStripes < 1)
    return 'the number of sub-stripes must be a positive integer';
  if (numStripes * numSubStripes > MAX_SUB_STRIPES) {
    return `stripes × sub-stripes must not exceed ${MAX_SUB_STRIPES}`;
  }
  // The largest chunk number is 2·S·(S−1) + i with i < 2·S.
  if (2 * numStripes * numStripes >= DUMMY_CHUNK) return 'so many stripes give chunk numbers beyond the dummy chunk';
  return undefined;
}

export class ChunkGeometry {
  /** Chunks per stripe. */
  private readonly chunksPerStripe: number[] = [];
  /** Sub-chunks per chunk, by global sub-stripe. */
  private readonly subChunks: number[] = [];
  /** Sub-chunk numbers of one sub-stripe of a chunk are `maxSubChunks` apart. */
  readonly maxSubChunks: number;

  constructor(
    readonly numStripes: number,
    readonly numSubStripes: number,
  ) {
    const fault = geometryFault(numStripes, numSubStripes);
    if (fault !== undefined) throw new RangeError(fault);
    const height = Math.PI / numStripes;
    const subHeight = Math.PI / (numStripes * numSubStripes);
    let most = 1;
    for (let s = 0; s < numStripes; s++) {
      const chunks = segments(s * height - Math.PI / 2, (s + 1) * height - Math.PI / 2, height);
      this.chunksPerStripe.push(chunks);
      for (let q = s * numSubStripes; q < (s + 1) * numSubStripes; q++) {
        const around = segments(q * subHeight - Math.PI / 2, (q + 1) * subHeight - Math.PI / 2, subHeight);
        const inChunk = Math.floor(around / chunks);
        this.subChunks.push(inChunk);
        most = Math.max(most, inChunk);
      }
    }
    this.maxSubChunks = most;
  }

  /** Chunks in a stripe, 0 when there is no such stripe. */
  chunksInStripe(stripe: number): number {
    return this.chunksPerStripe[stripe] ?? 0;
  }

  /** True for a chunk of this partitioning and for the dummy chunk. */
  isValid(chunk: number): boolean {
    return chunk === DUMMY_CHUNK || this.isReal(chunk);
  }

  /** All chunk numbers, ascending, without the dummy. */
  *chunks(): Generator<number> {
    for (let s = 0; s < this.numStripes; s++) {
      const first = 2 * this.numStripes * s;
      for (let i = 0; i < this.chunksInStripe(s); i++) yield first + i;
    }
  }

  /** Where a position lies. ra in [0, 360), dec in [-90, 90]. */
  locate(ra: number, dec: number): ChunkPlace {
    const subHeight = 180 / (this.numStripes * this.numSubStripes);
    const q = Math.min(Math.floor((dec + 90) / subHeight), this.numStripes * this.numSubStripes - 1);
    const s = Math.floor(q / this.numSubStripes);
    const perChunk = this.subChunksIn(q);
    const around = this.chunksInStripe(s) * perChunk;
    const t = Math.min(Math.floor(ra / (360 / around)), around - 1);
    const i = Math.floor(t / perChunk);
    return {
      chunk: 2 * this.numStripes * s + i,
      subChunk: this.maxSubChunks * (q - s * this.numSubStripes) + (t - i * perChunk),
    };
  }

  /** Edges of a chunk. Throws RangeError for numbers that are none of this partitioning. */
  bounds(chunk: number): SkyBox {
    const { stripe, index } = this.split(chunk);
    const height = 180 / this.numStripes;
    const width = 360 / this.chunksInStripe(stripe);
    return {
      raMin: index * width,
      raMax: (index + 1) * width,
      decMin: stripe * height - 90,
      decMax: (stripe + 1) * height - 90,
    };
  }

  /** Edges of a sub-chunk. Throws RangeError for numbers that are none of this chunk. */
  subChunkBounds(chunk: number, subChunk: number): SkyBox {
    const { stripe, index } = this.split(chunk);
    const b = Math.floor(subChunk / this.maxSubChunks);
    const j = subChunk - b * this.maxSubChunks;
    const q = stripe * this.numSubStripes + b;
    const inChunk = this.subChunksIn(q);
    if (!Number.isInteger(subChunk) || b < 0 || b >= this.numSubStripes || j >= inChunk) {
      throw new RangeError(`chunk ${chunk} has no sub-chunk ${subChunk}`);
    }
    const height = 180 / (this.numStripes * this.numSubStripes);
    const width = 360 / (this.chunksInStripe(stripe) * inChunk);
    const offset = index * inChunk + j;
    return {
      raMin: offset * width,
      raMax: (offset + 1) * width,
      decMin: q * height - 90,
      decMax: (q + 1) * height - 90,
    };
  }

  private isReal(chunk: number): boolean {
    if (!Number.isInteger(chunk) || chunk < 0) return false;
    const stripe = Math.floor(chunk / (2 * this.numStripes));
    return chunk - 2 * this.numStripes * stripe < this.chunksInStripe(stripe);
  }

  private split(chunk: number): { stripe: number; index: number } {
    if (!this.isReal(chunk)) throw new RangeError(`chunk ${chunk} is not valid`);
    const stripe = Math.floor(chunk / (2 * this.numStripes));
    return { stripe, index: chunk - 2 * this.numStripes * stripe };
  }

  private subChunksIn(subStripe: number): number {
    return this.subChunks[subStripe] ?? 1;
  }
}
