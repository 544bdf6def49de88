import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CampaignInput } from '../../api/campaign/input';

export interface CatalogShape {
  /** Chunks of the director, each with an overlap file of a tenth of the rows. */
  chunks: number;
  rowsPerChunk: number;
  regularRows: number;
}

export interface GeneratedCatalog {
  bytes: number;
  rows: { Object: number; overlap: number; Filter: number };
  /** The campaign for a database of this name; paths are relative to `base`. */
  campaign(database: string, base: string, more?: Partial<CampaignInput>): CampaignInput;
}

/** Chunk numbers of the 85 × 12 geometry: stripe 42 lies at the equator and has 169 chunks. */
const FIRST_CHUNK = 2 * 85 * 42;
const MAX_CHUNKS = 169;

/** Writes a catalog (director Object by chunk, regular Filter) of about 110 bytes a row into `dir`; the same each time. */
export function writeCatalog(dir: string, shape: CatalogShape): GeneratedCatalog {
  const { chunks, rowsPerChunk, regularRows } = shape;
  if (chunks > MAX_CHUNKS) throw new Error(`at most ${MAX_CHUNKS} chunks`);
  mkdirSync(join(dir, 'Object'), { recursive: true });
  const overlapRows = Math.floor(rowsPerChunk / 10);
  let bytes = 0;
  const write = (name: string, text: string) => {
    writeFileSync(join(dir, name), text);
    bytes += text.length;
  };
  for (let i = 0; i < chunks; i++) {
    const chunk = FIRST_CHUNK + i;
    write(`Object/chunk_${chunk}.csv`, objectRows(chunk, i * rowsPerChunk, rowsPerChunk));
    write(`Object/chunk_${chunk}_overlap.csv`, objectRows(chunk, (i + 1) * rowsPerChunk, overlapRows));
  }
  write('Filter.csv', Array.from({ length: regularRows }, (_, i) => `${i},f${i},${(i / 7).toFixed(6)}\n`).join(''));
  return {
    bytes,
    rows: { Object: chunks * rowsPerChunk, overlap: chunks * overlapRows, Filter: regularRows },
    campaign: (database, base, more = {}) => ({
      base,
      database: { database, num_stripes: 85, num_sub_stripes: 12, overlap: 0.01667 },
      tables: [
        {
          definition: {
            table: 'Object',
            is_partitioned: 1,
            director_key: 'objectId',
            longitude_key: 'ra',
            latitude_key: 'decl',
            schema: [
              { name: 'objectId', type: 'BIGINT NOT NULL' },
              { name: 'ra', type: 'DOUBLE NOT NULL' },
              { name: 'decl', type: 'DOUBLE NOT NULL' },
              { name: 'flux', type: 'FLOAT NULL' },
              { name: 'note', type: 'VARCHAR(64) NULL' },
              { name: 'chunkId', type: 'INT NOT NULL' },
              { name: 'subChunkId', type: 'INT NOT NULL' },
            ],
          },
          contributions: [
            {
              folder: 'Object',
              pattern: 'chunk_(?<chunk>\\d+)(?<overlap>_overlap)?\\.csv',
              dialect: { fieldsTerminatedBy: ',' },
            },
          ],
        },
        {
          definition: {
            table: 'Filter',
            is_partitioned: 0,
            schema: [
              { name: 'filterId', type: 'INT NOT NULL' },
              { name: 'filterName', type: 'CHAR(12) NOT NULL' },
              { name: 'width', type: 'DOUBLE NOT NULL' },
            ],
          },
          contributions: [{ files: [{ url: 'Filter.csv' }], dialect: { fieldsTerminatedBy: ',' } }],
        },
      ],
      ...more,
    }),
  };
}

function objectRows(chunk: number, firstId: number, rows: number): string {
  const lines: string[] = [];
  for (let i = 0; i < rows; i++) {
    const id = firstId + i;
    const flux = id % 50 === 0 ? '\\N' : (id * 1.25e-3).toFixed(4);
    lines.push(
      `${id},${((id * 7919) % 360e6) / 1e6},${((id * 104729) % 5e6) / 1e6},${flux},measured object number ${id} of chunk ${chunk},${chunk},${id % 828}\n`,
    );
  }
  return lines.join('');
}
