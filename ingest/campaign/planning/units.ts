import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { ContributionGroup } from '../../../api/campaign/contributions';
import { kindOf } from '../../core/tables';
import type { PlannedUnit } from '../ledger';
import type { CatalogTable } from './catalog';
import type { PlannedFile } from './files';
import { sourceOf } from './inspect';

/** All files of one chunk table: loaded and attached as a whole. */
export interface DraftUnit {
  table: CatalogTable;
  chunk: number;
  overlap: boolean;
  /** By URL. */
  files: PlannedFile[];
  bytes: number;
  fingerprint: string;
}

/** MariaDB's partitions and Qserv's advice both want fewer than 100 super-transactions between two publishes. */
export const MOST_TRANSACTIONS = 80;
export const DEFAULT_TRANSACTION_BYTES = 64 * 2 ** 30;

/** Units between two pauses in which heartbeats and cancellation get their turn. */
const UNITS_AT_A_TIME = 2000;

/** Groups the files of a table into its units, by chunk, the chunk before its overlap. */
export async function groupUnits(table: CatalogTable, files: Iterable<PlannedFile>): Promise<DraftUnit[]> {
  const units = new Map<number, DraftUnit>();
  for (const file of files) {
    const key = file.chunk * 2 + Number(file.overlap);
    const unit = units.get(key);
    if (unit === undefined) {
      const { chunk, overlap, bytes = 0 } = file;
      units.set(key, { table, chunk, overlap, files: [file], bytes, fingerprint: '' });
    } else {
      unit.files.push(file);
      unit.bytes += file.bytes ?? 0;
    }
  }
  const sorted = [...units].sort(([a], [b]) => a - b).map(([, unit]) => unit);
  const fingerprint = fingerprints(table);
  for (const [i, unit] of sorted.entries()) {
    if (i % UNITS_AT_A_TIME === 0) await setImmediate();
    unit.files.sort((a, b) => (a.url < b.url ? -1 : 1));
    unit.fingerprint = fingerprint(unit);
  }
  return sorted;
}

/** Equal for two units means: the same rows in the same place, as far as can be known without reading the files. */
function fingerprints(table: CatalogTable): (unit: DraftUnit) => string {
  const definition = digest(table.definition);
  const readings = new Map<ContributionGroup, string>();
  /** How files of a group are read. */
  const readingOf = (file: PlannedFile): string => {
    const known = readings.get(file.group);
    if (known !== undefined) return known;
    const { dialect, charset, compression, http } = sourceOf(file, table);
    const reading = digest([dialect, charset, compression, http?.method, http?.data]);
    readings.set(file.group, reading);
    return reading;
  };
  return ({ chunk, overlap, files }) => {
    const hash = createHash('sha256').update(JSON.stringify([1, definition, chunk, overlap]));
    for (const file of files) {
      hash.update(JSON.stringify([file.url, readingOf(file), file.bytes, file.etag, file.mtimeMs]));
    }
    return hash.digest('hex');
  };
}

/** sha256 of a value's JSON with sorted keys, hex. */
export function digest(value: unknown): string {
  const sorted = (_: string, v: unknown) =>
    typeof v === 'object' && v !== null && !Array.isArray(v)
      ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1)))
      : v;
  return createHash('sha256').update(JSON.stringify(value, sorted)).digest('hex');
}

/** One hash over units and the super-transactions they go to. */
export function digestOfUnits(units: DraftUnit[], transactions: number[]): string {
  const hash = createHash('sha256');
  for (const [i, unit] of units.entries()) hash.update(`${unit.table.index} ${unit.fingerprint} ${transactions[i]}\n`);
  return hash.digest('hex');
}

/**
 * Numbers of the super-transactions that units go to, in order: about `wanted` bytes each, more where there would otherwise be
 * more than MOST_TRANSACTIONS.
 */
export function cutTransactions(sizes: number[], wanted: number): number[] {
  const total = sizes.reduce((sum, bytes) => sum + bytes, 0);
  const size = Math.max(wanted, Math.ceil(total / MOST_TRANSACTIONS), 1);
  let before = 0;
  let last = 0;
  let number = 0;
  return sizes.map((bytes) => {
    // Cut by where a unit begins in the whole: never more parts than total / size, however large single units are.
    const part = Math.floor(Math.min(before, total - 1) / size);
    before += bytes;
    if (part > last) {
      last = part;
      number++;
    }
    return number;
  });
}

/** The units as the ledger keeps them, made one at a time. */
export function* plannedUnits(drafts: DraftUnit[], transactions: number[]): Generator<PlannedUnit> {
  for (const [unit, draft] of drafts.entries()) {
    const { table, chunk, overlap, bytes, fingerprint } = draft;
    yield {
      unit,
      transactionSeq: transactions[unit] ?? 0,
      table: table.version ?? table.definition.name,
      chunk,
      overlap,
      everyWorker: !kindOf(table.definition).partitioned,
      bytes,
      sources: draft.files.map((file) => ({ ...sourceOf(file, table), expect: expected(file) })),
      fingerprint,
    };
  }
}

function expected({ bytes, etag, mtimeMs }: PlannedFile) {
  return {
    ...(bytes === undefined ? {} : { bytes }),
    ...(etag === undefined ? {} : { etag }),
    ...(mtimeMs === undefined ? {} : { mtimeMs }),
  };
}
