import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CampaignInput } from '../../api/campaign/input';
import { writeCatalog } from './catalog';

const CHUNKS = 6;
const ROWS = 400;
const FIRST_CHUNK = 2 * 85 * 42;

export type InputTable = CampaignInput['tables'][number];

/** A catalog of three tables (director Object, its dependent Source, regular Filter) and what may become of it later. */
export interface LivingCatalog {
  campaign(database: string, more?: Partial<CampaignInput>): CampaignInput;
  /** A dependent of Object, in the version that lies in that folder. */
  dependent(table: string, folder: string): InputTable;
  regular(table: string): InputTable;
  /** A ref-match table of two directors, every object of a chunk with itself. */
  match(table: string, director: string, director2: string): InputTable;
  /** Rows of a dependent's version. */
  rows: Record<'source1' | 'source2' | 'forced', number>;
  chunks: number[];
}

/** Writes it to `dir`, which is the source root `generated`. */
export function writeLivingCatalog(dir: string): LivingCatalog {
  const base = writeCatalog(dir, { chunks: CHUNKS, rowsPerChunk: ROWS, regularRows: 30 });
  const chunks = Array.from({ length: CHUNKS }, (_, i) => FIRST_CHUNK + i);
  const rows = { source1: 900, source2: 1300, forced: 200 };
  for (const [folder, count] of Object.entries(rows)) writeDependent(join(dir, folder), chunks, count, folder);
  writeMatches(join(dir, 'match'), chunks);
  const dependent = (table: string, folder: string): InputTable => ({
    definition: {
      table,
      is_partitioned: 1,
      director_table: 'Object',
      director_key: 'objectId',
      schema: [
        { name: 'sourceId', type: 'BIGINT NOT NULL' },
        { name: 'objectId', type: 'BIGINT NOT NULL' },
        { name: 'version', type: 'VARCHAR(16) NOT NULL' },
        { name: 'flux', type: 'DOUBLE NOT NULL' },
      ],
    },
    contributions: [{ folder, pattern: 'chunk_(?<chunk>\\d+)\\.csv', dialect: { fieldsTerminatedBy: ',' } }],
  });
  return {
    campaign: (database, more = {}) => {
      const input = base.campaign(database, 'root://generated/');
      return { ...input, tables: [...input.tables, dependent('Source', 'source1')], ...more };
    },
    dependent,
    regular: (table) => {
      const [, filter] = base.campaign('', '').tables;
      if (!filter) throw new Error('the generated catalog has no regular table');
      return { ...filter, definition: { ...filter.definition, table } };
    },
    match: (table, director, director2) => ({
      definition: {
        table,
        is_partitioned: 1,
        director_table: director,
        director_key: 'objectId',
        director_table2: director2,
        director_key2: 'otherId',
        flag: 'flags',
        ang_sep: 0.001,
        schema: [
          { name: 'objectId', type: 'BIGINT NOT NULL' },
          { name: 'otherId', type: 'BIGINT NOT NULL' },
          { name: 'flags', type: 'INT NOT NULL' },
        ],
      },
      contributions: [{ folder: 'match', pattern: 'chunk_(?<chunk>\\d+)\\.csv', dialect: { fieldsTerminatedBy: ',' } }],
    }),
    rows: Object.fromEntries(Object.entries(rows).map(([name, n]) => [name, n * CHUNKS])) as typeof rows,
    chunks,
  };
}

function writeDependent(dir: string, chunks: number[], rows: number, version: string): void {
  mkdirSync(dir, { recursive: true });
  for (const [i, chunk] of chunks.entries()) {
    const lines = Array.from({ length: rows }, (_, n) => {
      const id = i * rows + n;
      return `${id},${i * ROWS + (n % ROWS)},${version},${(id * 0.25).toFixed(2)}\n`;
    });
    writeFileSync(join(dir, `chunk_${chunk}.csv`), lines.join(''));
  }
}

function writeMatches(dir: string, chunks: number[]): void {
  mkdirSync(dir, { recursive: true });
  for (const [i, chunk] of chunks.entries()) {
    const lines = Array.from({ length: ROWS }, (_, n) => `${i * ROWS + n},${i * ROWS + n},0\n`);
    writeFileSync(join(dir, `chunk_${chunk}.csv`), lines.join(''));
  }
}
