import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { IngestError } from '../core/errors';
import type { ContributionSource } from '../worker/worker';
import { compressionOf, unpacker } from './compression';
import { curlError } from './curl';
import { broken } from './errors';
import { checkUnchanged } from './inspect';
import { checkRatio, checkSize } from './limits';
import { RowCounter } from './rows';
import type { SourceRules } from './rules';
import { openStored, type StoredBytes, type StoredFacts } from './stored';

/** Bytes kept ready for the consumer. */
const AHEAD_BYTES = 1024 * 1024;

/** What was counted so far; final once the stream has ended. */
export interface SourceCounts {
  /** Bytes of CSV, after decompression. */
  bytes: number;
  rows: number;
  /** Bytes as stored. */
  storedBytes: number;
}

export interface OpenedSource {
  facts: StoredFacts;
  /** CSV bytes. Ends only when the source was whole; every failure is an 'error' with an IngestError. */
  stream: Readable;
  counts(): SourceCounts;
  /** sha256 of the bytes as stored, hex; to be asked once, after the end. */
  sha256(): string;
  /** Lets go of the source at once, wherever it is; also to be called after the end. */
  close(): Promise<void>;
}

/**
 * Opens a source as one pass: stored bytes → sha256, count → decompression → CSV bytes, rows. Memory is flat, the consumer
 * sets the pace. Errors, thrown or on the stream: INVALID_INPUT, SOURCE_MISSING, SOURCE_DENIED, SOURCE_CHANGED (facts differ
 * from `expect`), SOURCE_BROKEN (broke off, stalled, ended early, damaged), BAD_ROWS (a row above 16 MiB), and the signal's reason. `readFailure` says them as
 * Qserv's workers do.
 */
export async function openSource(
  source: ContributionSource,
  rules: SourceRules,
  signal?: AbortSignal,
): Promise<OpenedSource> {
  signal?.throwIfAborted();
  const stored = await openStored(source, rules, signal);
  const hash = createHash('sha256');
  const counter = new RowCounter();
  let storedBytes = 0;
  const meter = (chunk: Uint8Array) => {
    hash.update(chunk);
    storedBytes += chunk.length;
  };
  let csv: AsyncIterable<Uint8Array>;
  try {
    checkUnchanged(source, stored.facts);
    checkSize(source.url, stored.facts.bytes ?? 0, rules.limits);
    csv = decompressed(source, whole(source, stored, meter), signal);
  } catch (error) {
    await stored.close();
    throw error;
  }
  const check = () => {
    checkSize(source.url, counter.bytes, rules.limits);
    if (compressionOf(source) !== 'none') checkRatio(source.url, counter.bytes, storedBytes, rules.limits);
  };
  const stream = Readable.from(counted(csv, counter, check), { objectMode: false, highWaterMark: AHEAD_BYTES, signal });
  return {
    facts: stored.facts,
    stream,
    close: async () => {
      // A destroyed stream waits for its generator, and that for the next bytes: so the source is closed as well.
      stream.on('error', () => {}).destroy();
      await stored.close();
    },
    counts: () => ({ bytes: counter.bytes, rows: counter.rows, storedBytes }),
    sha256: () => hash.digest('hex'),
  };
}

async function* counted(
  csv: AsyncIterable<Uint8Array>,
  counter: RowCounter,
  check: () => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of csv) {
    counter.add(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    check();
    yield chunk;
  }
}

/** The stored bytes, with an error instead of an end when they stall or are fewer or more than announced. */
async function* whole(
  source: ContributionSource,
  stored: StoredBytes,
  meter: (chunk: Uint8Array) => void,
): AsyncGenerator<Uint8Array> {
  const announced = source.expect?.bytes ?? stored.facts.bytes;
  const chunks = stored.chunks[Symbol.asyncIterator]();
  let bytes = 0;
  for (;;) {
    const { done, value } = await stored.pace.wait(chunks.next(), (next) => (next.done ? 0 : next.value.length));
    if (done) break;
    meter(value);
    bytes += value.length;
    yield value;
  }
  if (announced !== undefined && bytes !== announced) {
    const curl = curlError(18);
    throw broken(source.url, `ended after ${bytes} bytes, ${announced} were announced`, { bytes, announced, curl });
  }
}

/** Through the decompressor, if there is one; damage in the compressed bytes is SOURCE_BROKEN. */
function decompressed(
  source: ContributionSource,
  stored: AsyncIterable<Uint8Array>,
  signal?: AbortSignal,
): AsyncIterable<Uint8Array> {
  const compression = compressionOf(source);
  const unpack = unpacker(compression);
  if (unpack === undefined) return stored;
  return (async function* () {
    try {
      yield* unpack(stored, signal);
    } catch (error) {
      if (error instanceof IngestError || signal?.aborted) throw error;
      throw broken(source.url, `the ${compression} data are damaged (${(error as Error).message})`);
    }
  })();
}
