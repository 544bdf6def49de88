import { SOURCE_LIMITS, type SourceLimits } from '../core/source-policy';
import { sourceError } from './errors';

/** Small files may hold the same again and again; only from here on it is told from a bomb. */
const RATIO_FROM_BYTES = 64 * 1024 * 1024;

/** SOURCE_DENIED when a source has more bytes than this host takes. */
export function checkSize(url: string, bytes: number, limits: SourceLimits = {}): void {
  const { bodyBytes = SOURCE_LIMITS.bodyBytes } = limits;
  if (bytes <= bodyBytes) return;
  throw sourceError('SOURCE_DENIED', url, `larger than ${bodyBytes} bytes (sources.limits.bodyBytes)`, {
    bytes,
    bodyBytes,
  });
}

/** SOURCE_DENIED when compressed bytes become more than any honest file's do. */
export function checkRatio(url: string, bytes: number, storedBytes: number, limits: SourceLimits = {}): void {
  const { ratio = SOURCE_LIMITS.ratio } = limits;
  if (bytes < RATIO_FROM_BYTES || bytes <= storedBytes * ratio) return;
  const said = `its first ${storedBytes} bytes become more than ${bytes} (sources.limits.ratio is ${ratio})`;
  throw sourceError('SOURCE_DENIED', url, said, { bytes, storedBytes, ratio });
}
