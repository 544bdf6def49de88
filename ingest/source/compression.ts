import { Readable, type Transform } from 'node:stream';
import zlib from 'node:zlib';
import { IngestError } from '../core/errors';
import { filePlace } from '../core/shown-url';
import type { ContributionSource } from '../worker/worker';

export type Compression = NonNullable<ContributionSource['compression']>;

const OUTPUT_BYTES = 256 * 1024;

/** As the source says, else by the suffix of its path: `.gz`, `.zst`. */
export function compressionOf(source: ContributionSource): Compression {
  if (source.compression) return source.compression;
  const { url } = source;
  const path = filePlace(url)?.path ?? (URL.canParse(url) ? new URL(url).pathname : url);
  if (/\.gz$/i.test(path)) return 'gzip';
  if (/\.zst$/i.test(path)) return 'zstd';
  return 'none';
}

/** From stored bytes to CSV. Fails with whatever `stored` fails with, and with other errors where the bytes are damaged. */
export type Unpack = (stored: AsyncIterable<Uint8Array>, signal?: AbortSignal) => AsyncIterable<Uint8Array>;

/** The way to decompress; `undefined` for `none`. INVALID_INPUT when this host cannot read zstd. */
export function unpacker(compression: Compression): Unpack | undefined {
  switch (compression) {
    case 'none':
      return undefined;
    case 'gzip':
      return through(() => zlib.createGunzip({ chunkSize: OUTPUT_BYTES }));
    case 'zstd':
      return zstd();
    default:
      throw new IngestError('INVALID_INPUT', `unknown compression ${compression satisfies never}`);
  }
}

function through(make: () => Transform): Unpack {
  return async function* (stored, signal) {
    const unpack = make();
    const input = Readable.from(stored, { objectMode: false, signal });
    // A source that fails takes the decompressor down with its own error.
    input.on('error', (error) => unpack.destroy(error));
    input.on('close', () => {
      if (!input.readableEnded) unpack.destroy(input.errored ?? new Error('closed without a word'));
    });
    input.pipe(unpack);
    try {
      yield* unpack as AsyncIterable<Uint8Array>;
    } finally {
      input.destroy();
    }
  };
}

/** What is used of zstd-napi. */
interface ZstdBinding {
  DCtx: new () => {
    /** Returns 0 at the end of a frame, the bytes put out, the bytes taken in. */
    decompressStream(output: Uint8Array, input: Uint8Array): [number, number, number];
  };
}

function zstd(): Unpack {
  // Node has it from 22.15 on.
  const { createZstdDecompress } = zlib as { createZstdDecompress?: (options?: object) => Transform };
  if (createZstdDecompress) return through(() => createZstdDecompress({ chunkSize: OUTPUT_BYTES }));
  let binding: ZstdBinding;
  try {
    // Its stream puts out all that a chunk holds at once, gigabytes in the worst case: hence the layer below.
    binding = require('zstd-napi/binding') as ZstdBinding;
  } catch {
    throw new IngestError(
      'INVALID_INPUT',
      'this host cannot read zstd: use Node 22.15 or newer, or install the optional package zstd-napi',
    );
  }
  return async function* (stored) {
    const context = new binding.DCtx();
    let open = false;
    for await (const chunk of stored) {
      for (let rest = chunk; ; ) {
        const output = Buffer.allocUnsafe(OUTPUT_BYTES);
        const [left, made, taken] = context.decompressStream(output, rest);
        if (made > 0) yield output.subarray(0, made);
        rest = rest.subarray(taken);
        open = left !== 0;
        // A full buffer may mean that there is more to come of what was taken.
        if (rest.length === 0 && (made < output.length || !open)) break;
      }
    }
    if (open) throw new Error('unexpected end of the data');
  };
}
