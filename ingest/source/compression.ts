import type { Transform } from 'node:stream';
import zlib from 'node:zlib';
import { IngestError } from '../core/errors';
import type { ContributionSource } from '../worker/worker';

export type Compression = NonNullable<ContributionSource['compression']>;

const OUTPUT_BYTES = 256 * 1024;

/** As the source says, else by the suffix of its path: `.gz`, `.zst`. */
export function compressionOf(source: ContributionSource): Compression {
  if (source.compression) return source.compression;
  const path = URL.canParse(source.url) ? new URL(source.url).pathname : source.url;
  if (/\.gz$/i.test(path)) return 'gzip';
  if (/\.zst$/i.test(path)) return 'zstd';
  return 'none';
}

/** A stream that decompresses; `undefined` for `none`. INVALID_INPUT when this host cannot read zstd. */
export function decompressor(compression: Compression): Transform | undefined {
  switch (compression) {
    case 'none':
      return undefined;
    case 'gzip':
      return zlib.createGunzip({ chunkSize: OUTPUT_BYTES });
    case 'zstd':
      return zstd();
    default:
      throw new IngestError('INVALID_INPUT', `unknown compression ${compression satisfies never}`);
  }
}

function zstd(): Transform {
  // Node has it from 22.15 on.
  const { createZstdDecompress } = zlib as { createZstdDecompress?: (options?: object) => Transform };
  if (createZstdDecompress) return createZstdDecompress({ chunkSize: OUTPUT_BYTES });
  try {
    const { DecompressStream } = require('zstd-napi') as { DecompressStream: new () => Transform };
    return new DecompressStream();
  } catch {
    throw new IngestError(
      'INVALID_INPUT',
      'this host cannot read zstd: use Node 22.15 or newer, or install the optional package zstd-napi',
    );
  }
}
