import type { ControllerCapabilities } from '../../controller/controller';
import { compressionOf, shownUrl } from '../../source';
import type { Faults } from './faults';
import { sourceOf } from './inspect';
import { DEFAULT_TRANSACTION_BYTES, type DraftUnit } from './units';

/** Where one failed file can cost the whole super-transaction, it is to be small. */
const SMALL_TRANSACTION_BYTES = 2 ** 30;

/** About how many bytes of files go into one super-transaction of this target. */
export function bytesPerTransaction(wanted: number | undefined, capabilities?: ControllerCapabilities): number {
  return wanted ?? (capabilities?.atomicUnits === false ? SMALL_TRANSACTION_BYTES : DEFAULT_TRANSACTION_BYTES);
}

/** Adds a fault for each table with files that the target's workers cannot read. */
export function checkReadable(
  units: DraftUnit[],
  capabilities: ControllerCapabilities | undefined,
  faults: Faults,
): void {
  if (capabilities?.compressedSources !== false) return;
  const told = new Set<string>();
  for (const { table, files } of units) {
    const packed = told.has(table.path)
      ? undefined
      : files.find((file) => compressionOf(sourceOf(file, table)) !== 'none');
    if (packed === undefined) continue;
    told.add(table.path);
    faults.add(
      `${table.path}.contributions`,
      `${shownUrl(packed.url)} is compressed, which the workers of this target cannot read; name files that are not`,
    );
  }
}
